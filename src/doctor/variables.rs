//! The variables that Compose substitutes in the compose file: the shell's, then those of `.env`.

use std::collections::BTreeMap;

/// The origin of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The shell that started fitout.
    Shell,
    /// The file `.env`.
    EnvFile,
}

/// Variables with Compose's precedence.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    shell: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
}

impl Variables {
    /// Creates variables from the shell's and the text of `.env`.
    pub fn new(shell: impl IntoIterator<Item = (String, String)>, env_file: &str) -> Self {
        Variables {
            shell: shell.into_iter().collect(),
            file: parse(env_file),
        }
    }

    /// Returns the value of a variable and its origin, including empty ones.
    pub fn get(&self, name: &str) -> Option<(&str, Origin)> {
        let from = |map: &'_ BTreeMap<String, String>| map.contains_key(name);
        if from(&self.shell) {
            Some((self.shell.get(name)?, Origin::Shell))
        } else {
            Some((self.file.get(name)?, Origin::EnvFile))
        }
    }

    /// Returns the shell's value of a variable.
    pub fn in_shell(&self, name: &str) -> Option<&str> {
        self.shell.get(name).map(String::as_str)
    }

    /// Returns the value of a variable in `.env`, regardless of the shell.
    pub fn in_file(&self, name: &str) -> Option<&str> {
        self.file.get(name).map(String::as_str)
    }

    /// Like [`Variables::get`], but without empty variables, as for `${NAME:-default}` and
    /// `${NAME:?message}`.
    pub fn get_filled(&self, name: &str) -> Option<(&str, Origin)> {
        self.get(name).filter(|(value, _)| !value.is_empty())
    }
}

/// Parses `.env` like Compose, except that variables in values are not substituted.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim_start();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(&value[1..], quote, &mut lines),
            _ => unquoted(value).to_owned(),
        };
        variables.insert(name.trim().to_owned(), value);
    }
    variables
}

/// Returns the text up to the closing quote, which may be on a later line.
fn quoted<'a>(first: &str, quote: char, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut value = String::new();
    let mut line = first;
    loop {
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' if quote == '"' => match characters.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(other) => value.push(other),
                    None => value.push('\\'),
                },
                character if character == quote => return value,
                character => value.push(character),
            }
        }
        match lines.next() {
            Some(next) => {
                value.push('\n');
                line = next;
            }
            None => return value,
        }
    }
}

/// Returns the text up to a comment, which is preceded by a space.
fn unquoted(value: &str) -> &str {
    let end = value
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| *at == 0 || value[..*at].ends_with([' ', '\t']));
    value[..end.unwrap_or(value.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_compose_reads() {
        let cases = [
            ("A=1", "A", Some("1")),
            ("export A=1", "A", Some("1")),
            ("  A = 1  # why", "A", Some("1")),
            ("A=a#b", "A", Some("a#b")),
            ("A=", "A", Some("")),
            ("# A=1", "A", None),
            ("A='x # y'", "A", Some("x # y")),
            ("A=\"x\\ny\" # c", "A", Some("x\ny")),
            ("A=\"x\\r\\ty\"", "A", Some("x\r\ty")),
            ("A=\"x\ny\"\nB=2", "B", Some("2")),
            ("A=1\nA=2", "A", Some("2")),
            ("\u{feff}A=1\r\nB=2\r\n", "A", Some("1")),
            ("nonsense", "nonsense", None),
        ];
        for (text, name, expected) in cases {
            let variables = Variables::new([], text);
            let value = variables.get(name).map(|(value, _)| value);
            assert_eq!(value, expected, "{text:?}");
        }
    }

    #[test]
    fn the_shell_beats_the_file() {
        let shell = [("A".to_owned(), "shell".to_owned())];
        let variables = Variables::new(shell, "A=file\nB=file\n");
        assert_eq!(variables.get("A"), Some(("shell", Origin::Shell)));
        assert_eq!(variables.get("B"), Some(("file", Origin::EnvFile)));
        assert_eq!(variables.get("C"), None);
    }

    #[test]
    fn a_variable_set_to_nothing_in_the_shell_hides_the_file() {
        let variables = Variables::new([("A".to_owned(), String::new())], "A=file\n");
        assert_eq!(variables.get_filled("A"), None);
    }
}
