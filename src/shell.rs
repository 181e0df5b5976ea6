//! Words of a POSIX shell: what is put into a command line, so that it can be pasted and means what
//! it says.

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

/// A path as one word.
pub fn path(path: &Path) -> String {
    word(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::word;

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
