//! A volume in Compose's short form, taken apart as Compose does: `source:target:options`.
//!
//! Whatever Compose takes is understood here; what a manifest's `volumes` may say is in
//! [`super::syntax`].

/// What is mounted, where it is named, and the place in the container.
pub fn parts(text: &str) -> (Option<&str>, &str) {
    let (first, rest) = split(text);
    match rest.map(split) {
        None => (None, first),
        Some((target, _)) => (Some(first), target),
    }
}

/// Splits at the first `:` that is not part of a variable or a Windows drive.
fn split(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            // Compose takes each single letter for a drive.
            ':' if depth == 0 && !(index == 1 && text.starts_with(|c: char| c.is_alphabetic())) => {
                return (&text[..index], Some(&text[index + 1..]));
            }
            _ => {}
        }
    }
    (text, None)
}

/// Whether a source is a volume with a name, and no path.
pub fn is_named(source: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    source.starts_with(|c: char| c.is_ascii_alphanumeric()) && source.chars().all(is_plain)
}

/// A path as text, as the engine sees one in a container: without `.`, `..` and slashes that say nothing.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// Whether a path, as [`clean`] makes it, is in the folder `folder`.
pub fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_taken_apart_as_compose_does() {
        for (text, expected) in [
            ("/data", (None, "/data")),
            ("data:/data", (Some("data"), "/data")),
            ("data:/data:ro,z", (Some("data"), "/data")),
            ("./a:/data/:cached", (Some("./a"), "/data/")),
            ("${DATA:-./a}:/data", (Some("${DATA:-./a}"), "/data")),
            ("${A:-${B:-c}}:/data:ro", (Some("${A:-${B:-c}}"), "/data")),
            ("C:\\a:/data", (Some("C:\\a"), "/data")),
            // Tried with Compose 2.26 and 2.40: one letter is a drive.
            ("d:/data", (None, "d:/data")),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_is_no_path() {
        for (source, expected) in [
            ("data", true),
            ("db.data-1", true),
            ("./data", false),
            ("../data", false),
            ("/data", false),
            ("~/data", false),
            ("C:\\data", false),
            ("", false),
        ] {
            assert_eq!(is_named(source), expected, "{source}");
        }
    }

    #[test]
    fn one_place_has_one_spelling() {
        for text in [
            "/a/b",
            "/a/b/",
            "/a/./b",
            "//a//b/.",
            "/a/c/../b",
            "/../a/b",
        ] {
            assert_eq!(clean(text), "/a/b", "{text}");
        }
        assert!(is_below("/a/b", "/a") && is_below("/a/b", "/"));
        assert!(!is_below("/a", "/a") && !is_below("/ab", "/a") && !is_below("/a", "/a/b"));
    }
}
