//! Syntax of the POSIX shell: words that are put into a command line, so that it can be pasted and
//! means what it says; and the ends of `$NAME` and `${NAME:-default}`, which Compose and Dockerfiles
//! have from there. What such a variable becomes is theirs to say.

use std::borrow::Cow;
use std::path::Path;

/// A text as one word, quoted where the shell would read it as something else.
pub fn word(text: &str) -> Cow<'_, str> {
    // No path and no argument can hold a NUL byte, so what the strict form refuses is not there.
    shlex::Quoter::new()
        .allow_nul(true)
        .quote(text)
        .unwrap_or(Cow::Borrowed(text))
}

/// Several texts, each as one word.
pub fn words(texts: &[impl AsRef<str>]) -> String {
    let words = texts.iter().map(|text| word(text.as_ref()));
    words.collect::<Vec<_>>().join(" ")
}

/// A path as one word.
pub fn path(path: &Path) -> String {
    word(&path.to_string_lossy()).into_owned()
}

/// `NAME=value NAME=value`, for `env` and `export`.
pub fn assignments(variables: &[(String, String)]) -> String {
    let words = variables.iter();
    let words = words.map(|(name, value)| format!("{name}={}", word(value)));
    words.collect::<Vec<_>>().join(" ")
}

/// Where the name at the start of the text ends.
pub fn end_of_name(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(text.len())
}

/// How deep variables may stand in the defaults of others: people write two or three. Every level reads its
/// text once more, and takes of the stack.
pub const DEEPEST: usize = 32;

/// The brace that closes the one before the text; a default may hold variables of its own.
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

#[cfg(test)]
mod tests {
    use super::{closing_brace, end_of_name, word};

    #[test]
    fn a_variable_ends_where_the_shell_ends_it() {
        assert_eq!(end_of_name("DB_HOST2:-x"), 8);
        assert_eq!(end_of_name("DB"), 2);
        assert_eq!(closing_brace("A:-${B:-1}}/x}"), Some(10));
        assert_eq!(closing_brace("A:-${B}"), None);
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
