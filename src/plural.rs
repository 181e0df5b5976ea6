//! Grammar: a number with its noun, and the first of many.

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// `a`, `a, b`, `a, b and 3 more`: lists the first few names, and counts the others.
pub fn few(names: &[impl AsRef<str>], most: usize) -> String {
    let (named, others) = names.split_at(most.min(names.len()));
    let named: Vec<&str> = named.iter().map(AsRef::as_ref).collect();
    match others.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::few;

    #[test]
    fn a_few_are_named_and_the_others_counted() {
        assert_eq!(few(&["a"], 1), "a");
        assert_eq!(few(&["a", "b"], 2), "a, b");
        assert_eq!(few(&["a", "b", "c", "d", "e"], 2), "a, b and 3 more");
        assert_eq!(few(&["a", "b"], 1), "a and 1 more");
    }
}
