//! Puts the values of ARG and ENV into a text, as Docker's builder does.

use std::collections::HashMap;

use crate::shell::{DEEPEST, closing_brace, end_of_name};

/// Bytes that a value may have; ten levels of `ENV` with ten uses each would make thousands of millions.
const LONGEST: usize = 64 << 10;

/// Values by name.
pub type Variables = HashMap<String, String>;

/// The text with every `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` replaced; `None`
/// where a value is not known or has more than 64 KiB, another form is used, or one is deeper in others than [`DEEPEST`].
pub fn expand(text: &str, variables: &Variables) -> Option<String> {
    expand_within(text, variables, DEEPEST)
}

fn expand_within(text: &str, variables: &Variables, deepest: usize) -> Option<String> {
    let deeper = deepest.checked_sub(1)?;
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(braced) = rest.strip_prefix('{') {
            let end = closing_brace(braced)?;
            result.push_str(&braced_value(&braced[..end], variables, deeper)?);
            rest = &braced[end + 1..];
        } else {
            let (name, after) = rest.split_at(end_of_name(rest));
            result.push_str(variables.get(name)?);
            rest = after;
        }
        if result.len() > LONGEST {
            return None;
        }
    }
    result.push_str(rest);
    Some(result)
}

fn braced_value(inside: &str, variables: &Variables, deepest: usize) -> Option<String> {
    let (name, modifier) = inside.split_at(end_of_name(inside));
    let value = variables.get(name);
    let filled = value.filter(|value| !value.is_empty());
    match modifier {
        "" => value.cloned(),
        _ if modifier.starts_with(":-") => match filled {
            Some(value) => Some(value.clone()),
            None => expand_within(&modifier[2..], variables, deepest),
        },
        _ if modifier.starts_with('-') => match value {
            Some(value) => Some(value.clone()),
            None => expand_within(&modifier[1..], variables, deepest),
        },
        _ if modifier.starts_with(":+") => match filled {
            Some(_) => expand_within(&modifier[2..], variables, deepest),
            None => Some(String::new()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_an_end() {
        let variables = Variables::from([("A".to_owned(), "x".repeat(LONGEST / 2))]);
        assert!(expand("$A$A", &variables).is_some());
        assert_eq!(expand("$A$A$A", &variables), None);
    }

    #[test]
    fn values_are_put_in() {
        let variables = Variables::from([
            ("A".to_owned(), "1".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let cases = [
            ("plain", Some("plain")),
            ("node:$A-x", Some("node:1-x")),
            ("${A}${EMPTY}", Some("1")),
            ("${B:-2}", Some("2")),
            ("${B:-${A}}", Some("1")),
            ("${EMPTY:-3}", Some("3")),
            ("${EMPTY-3}", Some("")),
            ("${A:+y}${B:+y}", Some("y")),
            ("$B", None),
            ("${A#x}", None),
            ("${A", None),
            ("$", None),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, &variables).as_deref(), expected, "{text}");
        }
        // A million of them would overflow the stack.
        for levels in [DEEPEST - 1, 1_000_000] {
            let text = format!("{}x{}", "${B:-".repeat(levels), "}".repeat(levels));
            let expected = (levels < DEEPEST).then_some("x");
            assert_eq!(expand(&text, &variables).as_deref(), expected);
        }
    }
}
