//! What differs between two compose files, service by service.

use indexmap::IndexMap;
use similar::{ChangeTag, TextDiff};

/// One part of the file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `services.auth`, or a top-level key such as `volumes`.
    pub part: String,
    /// What happens to it when the new file is written.
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
    /// It goes away.
    Removed,
    /// It is there before and after, and differs.
    Changed,
}

/// Which file a line stands in.
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

/// The parts that differ, in the order of the new file; parts that go away come last.
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

/// A compose file cut into its top-level keys, and `services` into its services. Works on the
/// lines, so that a file that is no valid YAML (any more) can still be compared.
pub(super) fn parts(text: &str) -> IndexMap<String, String> {
    let mut parts: IndexMap<String, String> = IndexMap::new();
    let (mut top, mut part) = (String::new(), "the top of the file".to_owned());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let line = line.trim_end_matches('\r');
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
            // The key's own line says nothing about any of its services.
            if top == "services" {
                continue;
            }
        } else if indent == 2 && opens && top == "services" {
            part = format!("services.{key}");
        }
        let text = parts.entry(part.clone()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_service() {
        let old = "# head\nname: a\nservices:\n  web:\n    image: x:1\n    init: true\n  gone:\n    image: y\n";
        let new = "# other head\nname: a\nservices:\n  web:\n    image: x:2\n    init: true\n  new:\n    image: z\nvolumes:\n  v: {}\n";
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
}
