//! Fixes of findings: applies and formats them.

use std::ops::Range;

/// A change that fixes a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Edits of the Dockerfile.
    Dockerfile(Vec<Edit>),
    /// Lines to append to the ignore file.
    IgnoreFile(Vec<String>),
}

/// A replacement in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The replaced span; empty for an insertion.
    pub span: Range<usize>,
    /// The new text.
    pub text: String,
}

/// Returns the text with all edits of these fixes. A fix that overlaps with another one is skipped,
/// and applied in the next run.
pub fn apply<'f>(source: &str, fixes: impl IntoIterator<Item = &'f [Edit]>) -> String {
    let mut accepted: Vec<&Edit> = Vec::new();
    for fix in fixes {
        let touches = |edit: &Edit| {
            accepted
                .iter()
                .any(|other| edit.span.start <= other.span.end && other.span.start <= edit.span.end)
        };
        if !fix.iter().any(touches) {
            accepted.extend(fix);
        }
    }
    accepted.sort_by_key(|edit| edit.span.start);
    let mut text = String::new();
    let mut position = 0;
    for edit in accepted {
        text.push_str(&source[position..edit.span.start]);
        text.push_str(&edit.text);
        position = edit.span.end;
    }
    text.push_str(&source[position..]);
    text
}

/// Appends lines to an ignore file.
pub fn with_lines<'l>(source: &str, lines: impl IntoIterator<Item = &'l str>) -> String {
    let line_break = line_break(source);
    let mut text = source.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(line_break);
    }
    for line in lines {
        if !text.lines().any(|present| present == line) {
            text.push_str(line);
            text.push_str(line_break);
        }
    }
    text
}

/// Returns the line ending of a file.
pub fn line_break(source: &str) -> &'static str {
    if source.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    }
}

/// Extends a span to complete lines, including the line break.
pub fn whole_lines(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = source[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = source[span.end..]
        .find('\n')
        .map_or(source.len(), |at| span.end + at + 1);
    start..end
}

/// Returns the change as a unified diff.
pub fn diff(path: &str, before: &str, after: &str) -> String {
    let old = if before.is_empty() { "/dev/null" } else { path };
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(1)
        .missing_newline_hint(false)
        .header(old, path)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_that_touch_wait_for_the_next_run() {
        let edit = |span: Range<usize>, text: &str| {
            vec![Edit {
                span,
                text: text.to_owned(),
            }]
        };
        let fixes = [edit(4..5, "E"), edit(0..1, "A"), edit(1..2, "B")];
        let fixes = fixes.iter().map(Vec::as_slice);
        assert_eq!(apply("abcdef", fixes), "AbcdEf");
    }

    #[test]
    fn lines_are_added_as_the_file_ends_its_own() {
        assert_eq!(with_lines("", ["a"]), "a\n");
        assert_eq!(with_lines("x\r\ny", ["a", "x"]), "x\r\ny\r\na\r\n");
    }
}
