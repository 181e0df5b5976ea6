//! Compares two compose files per service.

use indexmap::IndexMap;
use similar::{ChangeTag, TextDiff};

use super::text;

/// A part of the file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `services.auth`, or a top-level key such as `volumes`.
    pub part: String,
    /// The change when the new file is written.
    pub change: Change,
    /// The lines of the part, with a little context.
    pub lines: Vec<(Side, String)>,
}

/// What happens to a part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is removed.
    Removed,
    /// It exists before and after, but differs.
    Changed,
}

/// The file of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The old file only.
    Old,
    /// The new file only.
    New,
    /// Both.
    Both,
}

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// Returns the parts that differ, in the order of the new file; removed parts come last.
pub fn compare(old: &str, new: &str) -> Vec<Difference> {
    let (old, new) = (parts(old), parts(new));
    let mut differences = Vec::new();
    for (part, text) in &new {
        let before = old.get(part).map(String::as_str);
        let change = if before.is_some() {
            Change::Changed
        } else {
            Change::Added
        };
        if before != Some(text) {
            let lines = lines(before.unwrap_or_default(), text);
            differences.push(Difference {
                part: part.clone(),
                change,
                lines,
            });
        }
    }
    for (part, text) in old.iter().filter(|(part, _)| !new.contains_key(*part)) {
        let lines = lines(text, "");
        differences.push(Difference {
            part: part.clone(),
            change: Change::Removed,
            lines,
        });
    }
    differences
}

fn lines(old: &str, new: &str) -> Vec<(Side, String)> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push((Side::Both, "…".to_owned()));
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let side = match change.tag() {
                ChangeTag::Delete => Side::Old,
                ChangeTag::Insert => Side::New,
                ChangeTag::Equal => Side::Both,
            };
            lines.push((
                side,
                change.value().trim_end_matches(['\n', '\r']).to_owned(),
            ));
        }
    }
    lines
}

/// Splits a compose file into its top-level keys, and `services` into its services. Works on lines,
/// so that invalid YAML can still be compared.
pub(super) fn parts(text: &str) -> IndexMap<String, String> {
    let mut parts: IndexMap<String, String> = IndexMap::new();
    let (mut top, mut part) = (String::new(), "the top of the file".to_owned());
    let text = text::unix(text);
    // A `\r` that only some lines have was added by the user.
    for line in text
        .split_terminator('\n')
        .filter(|line| !text::is_header(line))
    {
        let indent = line.len() - line.trim_start().len();
        let key = line
            .trim()
            .split(':')
            .next()
            .unwrap_or_default()
            .trim_matches(['"', '\'']);
        let opens = !line.trim().is_empty() && !line.trim_start().starts_with(['#', '-']);
        if indent == 0 && opens {
            key.clone_into(&mut top);
            key.clone_into(&mut part);
            // The key's own line doesn't belong to any service.
            if line == "services:" {
                continue;
            }
        } else if indent == 2 && opens && top == "services" {
            part = format!("services.{key}");
        }
        let lines = parts.entry(part.clone()).or_default();
        lines.push_str(line);
        lines.push('\n');
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_service() {
        let old = "# fitout:1 sha256:0\nname: a\nservices:\n  web:\n    image: x:1\n    init: true\n  gone:\n    image: y\n";
        let new = "# fitout:1 sha256:1\nname: a\nservices:\n  web:\n    image: x:2\n    init: true\n  new:\n    image: z\nvolumes:\n  v: {}\n";
        let told: Vec<(String, Change)> = compare(old, new)
            .into_iter()
            .map(|difference| (difference.part, difference.change))
            .collect();
        assert_eq!(
            told,
            [
                ("services.web".to_owned(), Change::Changed),
                ("services.new".to_owned(), Change::Added),
                ("volumes".to_owned(), Change::Added),
                ("services.gone".to_owned(), Change::Removed),
            ]
        );
        assert_eq!(compare(old, old), []);
    }

    #[test]
    fn comments_and_line_endings_are_differences_too() {
        let text = "name: a\nservices:\n  web:\n    image: x:1\n  db:\n    image: y\n";
        let parts = |old: &str| {
            let differences = compare(old, text).into_iter();
            differences.map(|it| it.part).collect::<Vec<_>>()
        };
        for (old, part) in [
            (format!("# mine\n{text}"), "the top of the file"),
            (text.replace("  db:", "# mine\n  db:"), "services.web"),
            (text.replace("  db:", "  # mine\n  db:"), "services.web"),
            (text.replace("services:", "services: # mine"), "services"),
            (text.replace("x:1\n", "x:1 # mine\n"), "services.web"),
            (text.replace("x:1\n", "x:1\r\n"), "services.web"),
            (format!("{text}# mine\n"), "services.db"),
        ] {
            assert_eq!(parts(&old), [part], "{old:?}");
        }
        assert!(parts(&text.replace('\n', "\r\n")).is_empty());
    }
}
