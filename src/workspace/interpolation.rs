//! Variables of a compose file: `${NAME:-default}` and its kin, filled in as Compose does. Pure.
//! <https://docs.docker.com/reference/compose-file/interpolation/>

use crate::shell::{DEEPEST, closing_brace, end_of_name};

/// What Compose would look a variable up in.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The text with all variables filled in. What Compose refuses, a required one that is not set, is
/// nothing here; what is deeper in defaults than [`DEEPEST`] stays as it is.
pub fn fill(text: &str, value: &Lookup<'_>) -> String {
    fill_within(text, value, DEEPEST)
}

fn fill_within(text: &str, value: &Lookup<'_>, deepest: usize) -> String {
    let Some(deeper) = deepest.checked_sub(1) else {
        return text.to_owned();
    };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            filled.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = closing_brace(after).unwrap_or(after.len());
            filled.push_str(&braced(&after[..end], value, deeper));
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            let (name, after) = rest.split_at(end_of_name(rest));
            filled.push_str(&value(name).unwrap_or_default());
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// What is between the braces: a name, and what to do with its value.
fn braced(text: &str, value: &Lookup<'_>, deepest: usize) -> String {
    let (name, operation) = text.split_at(end_of_name(text));
    let found = value(name);
    let filled = found.clone().filter(|found| !found.is_empty());
    let (operator, word) =
        operation.split_at(operation.find(['-', '?', '+']).map_or(0, |at| at + 1));
    match operator {
        ":-" => filled.unwrap_or_else(|| fill_within(word, value, deepest)),
        "-" => found.unwrap_or_else(|| fill_within(word, value, deepest)),
        ":+" => filled
            .map(|_| fill_within(word, value, deepest))
            .unwrap_or_default(),
        "+" => found
            .map(|_| fill_within(word, value, deepest))
            .unwrap_or_default(),
        _ => found.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_compose_does() {
        let value = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("no variable", "no variable"),
            ("${A}$A-$B", "11-"),
            ("${B:-x} ${B-y} ${EMPTY:-z} ${EMPTY-w}", "x y z "),
            ("${B:-${A}} ${B:-${C:-3}/db} end", "1 3/db end"),
            ("${A:?say so} ${B:?say so}", "1 "),
            ("${A:+x} ${EMPTY:+x} ${EMPTY+x} ${B+x}", "x  x "),
            ("$$A $${A}", "$A ${A}"),
            ("${A", "1"),
            ("a $", "a "),
        ] {
            assert_eq!(fill(text, &value), expected, "{text}");
        }
        // A million of them would overflow the stack.
        for levels in [DEEPEST - 1, 1_000_000] {
            let text = format!("{}x{}", "${B:-".repeat(levels), "}".repeat(levels));
            let filled = fill(&text, &value);
            assert_eq!(filled == "x", levels < DEEPEST);
        }
    }
}
