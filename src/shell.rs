//! Syntax of the POSIX shell: quoting words so that a printed command can be pasted, and finding
//! the end of `$NAME` and `${NAME:-default}`, which Compose and Dockerfiles share. Substitution of
//! variables is left to those.

use std::borrow::Cow;
use std::path::Path;

use crate::markup::shown::is_obeyed;

/// Returns the text as one word, quoted if necessary.
pub fn word(text: &str) -> Cow<'_, str> {
    // Paths and arguments can't contain NUL bytes, so the strict form doesn't fail.
    shlex::Quoter::new()
        .allow_nul(true)
        .quote(text)
        .unwrap_or(Cow::Borrowed(text))
}

/// Returns several texts, each as one word.
pub fn words(texts: &[impl AsRef<str>]) -> String {
    let words = texts.iter().map(|text| word(text.as_ref()));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a path as one word of a printed command: never mistaken for an option, and without
/// characters that a terminal would interpret. Paths with such characters, or that are not UTF-8,
/// are quoted as `$'…'` (bash, zsh and POSIX.1-2024).
pub fn path(path: impl AsRef<Path>) -> String {
    let bytes = path.as_ref().as_os_str().as_encoded_bytes();
    let start = if bytes.starts_with(b"-") { "./" } else { "" };
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(is_obeyed) => word(&format!("{start}{text}")).into_owned(),
        _ => format!("$'{start}{}'", escaped(bytes)),
    }
}

/// Escapes bytes for use between `$'` and `'`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    // Always three digits, so that a following digit is not included.
    let octal = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().map(|byte| format!("\\{byte:03o}")));
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_obeyed(c) || matches!(c, '\'' | '\\') {
                octal(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(c);
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text
}

/// `NAME=value NAME=value`, for `env` and `export`.
pub fn assignments(variables: &[(String, String)]) -> String {
    let words = variables.iter();
    let words = words.map(|(name, value)| format!("{name}={}", word(value)));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the end of the name at the start of the text.
pub fn end_of_name(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(text.len())
}

/// Maximum nesting of variables in defaults: two or three are common. Every level reads its text
/// again, and uses stack space.
pub const DEEPEST: usize = 32;

/// Returns the position of the closing brace; a default may contain variables.
pub fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Returns the arguments that make git trust a repository of another user.
pub fn trusting(repository: &Path) -> String {
    format!("config --global --add safe.directory {}", path(repository))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    use super::{closing_brace, end_of_name, path, word};
    use crate::markup::shown;

    #[test]
    fn a_variable_ends_where_the_shell_ends_it() {
        assert_eq!(end_of_name("DB_HOST2:-x"), 8);
        assert_eq!(end_of_name("DB"), 2);
        assert_eq!(closing_brace("A:-${B:-1}}/x}"), Some(10));
        assert_eq!(closing_brace("A:-${B}"), None);
    }

    /// Every byte and the characters of most scripts, at the start of a name, in it, and before a digit.
    #[test]
    fn a_path_is_what_it_was_after_it_was_shown_and_pasted() {
        let characters = ('\u{1}'..'\u{3100}').chain(['\u{fdd0}', '\u{feff}', '\u{1f980}']);
        let mut parts: Vec<Vec<u8>> = (1..=255_u8).map(|byte| vec![byte]).collect();
        parts.extend(characters.map(|c| c.to_string().into_bytes()));
        parts.extend(["-rf", "--", "-", "é\u{202e}'\\"].map(|text| text.as_bytes().to_vec()));
        let names: Vec<Vec<u8>> = parts
            .iter()
            .flat_map(|part| [part.clone(), [b"a", &part[..], b"7"].concat()])
            .collect();
        let words: Vec<String> = names
            .iter()
            .map(|name| path(OsStr::from_bytes(name)))
            .collect();
        for word in &words {
            assert_eq!(&shown::text(word), word);
            assert!(!word.starts_with('-'), "{word}");
        }
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        let lines = words.iter().map(|word| format!("printf '%s\\0' {word}\n"));
        std::fs::write(&script, lines.collect::<String>()).unwrap();
        let output = Command::new("bash").arg(&script).output().unwrap();
        let read: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(read.len(), names.len() + 1);
        for (name, read) in names.iter().zip(read) {
            let wanted = match name.first() {
                Some(b'-') => [b"./", &name[..]].concat(),
                _ => name.clone(),
            };
            assert_eq!(read, wanted);
        }
    }

    #[test]
    fn words_are_quoted_where_the_shell_would_read_more_in_them() {
        let cases = [
            ("../my-copy_2/a.b", "../my-copy_2/a.b"),
            ("git@github.com:acme/api", "git@github.com:acme/api"),
            ("", "''"),
            ("two words", "'two words'"),
            ("~/x", "'~/x'"),
            ("$HOME", "'$HOME'"),
            ("it's", "\"it's\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(word(text), wanted, "{text}");
        }
    }
}
