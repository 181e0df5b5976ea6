//! Adds tables to the text of a manifest, removes them, and sets keys ([`value`]). Everything else
//! is preserved byte for byte: comments, order, blank lines, line endings.
//!
//! `toml_edit` only provides the spans; the text itself is spliced here. The caller must check that
//! the result is a valid manifest.

pub mod value;

use crate::error::{Classified, Kind};
use std::ops::Range;

use toml_edit::{Document, DocumentMut, Item, Table};

/// A top-level table whose keys are names that the user chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[repos.NAME]`
    Repos,
    /// `[services.NAME]`
    Services,
}

impl Section {
    /// Its key.
    pub fn key(self) -> &'static str {
        match self {
            Section::Repos => "repos",
            Section::Services => "services",
        }
    }
}

/// The manifest's format can't be edited without changing other parts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not written as tables such as `[{}.name]`", .0.key(), .0.key())]
pub struct NotEditable(pub Section);

impl Classified for NotEditable {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// Returns the text with one or more tables of a section added, given as text. They are added after
/// the section's last one; the first repo is added before the services.
pub fn add(source: &str, section: Section, tables: &str) -> Result<String, NotEditable> {
    let document = parse(source, section)?;
    let tables = tables.trim();
    let newline = newline(source);
    let tables = tables.replace('\n', newline);
    match document.get(section.key()) {
        // `repos = { … }` and `repos.a = …` can't be combined with `[repos.b]`.
        Some(Item::Value(_)) => return Err(NotEditable(section)),
        Some(Item::Table(table)) if table.is_dotted() => return Err(NotEditable(section)),
        _ => {}
    }
    let ranges = |section: Section| -> Vec<Range<usize>> {
        let found = headed_tables(&document, section);
        found
            .iter()
            .map(|(_, table)| lines(source, table))
            .collect()
    };
    let own = ranges(section);
    let last = own.iter().map(|range| range.end).max();
    let before_services = match section {
        Section::Repos => ranges(Section::Services)
            .iter()
            .map(|range| range.start)
            .min(),
        Section::Services => None,
    };
    let at = last.or(before_services).unwrap_or(source.len());
    let (before, after) = source.split_at(at);

    let mut result = before.to_owned();
    if !before.is_empty() && !before.ends_with('\n') {
        result.push_str(newline);
    }
    let stacked = is_stacked(source, &own) && !tables.contains('\n');
    if !result.is_empty() && !stacked && !ends_with_blank_line(&result) {
        result.push_str(newline);
    }
    result.push_str(&tables);
    result.push_str(newline);
    if !after.is_empty() && !after.starts_with(['\n', '\r']) {
        result.push_str(newline);
    }
    result.push_str(after);
    Ok(result)
}

/// Returns the text without an entry of a section, the comment directly above it, and its
/// sub-tables. Returns the text unchanged if there is no such entry.
pub fn remove(source: &str, section: Section, name: &str) -> Result<String, NotEditable> {
    let document = parse(source, section)?;
    let mut cuts: Vec<Range<usize>> = headed_tables(&document, section)
        .into_iter()
        .filter(|(owner, _)| *owner == name)
        .map(|(_, table)| lines(source, table))
        .collect();
    if cuts.is_empty() {
        return remove_value(source, section, name);
    }
    cuts.sort_by_key(|cut| cut.start);
    let mut result = String::new();
    let mut at = 0;
    for cut in cuts {
        result.push_str(&source[at..cut.start.max(at)]);
        at = cut.end.max(at);
        // Keep only one of the blank lines before and after it.
        if result.is_empty() || ends_with_blank_line(&result) {
            let rest = &source[at..];
            at += rest.len() - without_first_blank_line(rest).len();
        }
    }
    result.push_str(&source[at..]);
    if at == source.len() {
        // Otherwise, the blank line between two tables would remain at the end of the file.
        let end = result.trim_end_matches(['\n', '\r']).len();
        let rest = result[end..]
            .find('\n')
            .map_or(result.len(), |first| end + first + 1);
        result.truncate(rest);
    }
    Ok(result)
}

/// Whether an entry has no header: `web = { … }` under `[repos]`, `repos.web.url = …`.
fn remove_value(source: &str, section: Section, name: &str) -> Result<String, NotEditable> {
    let not_editable = |_| NotEditable(section);
    let mut document: DocumentMut = source.parse().map_err(not_editable)?;
    if document.to_string() != source {
        return Err(NotEditable(section));
    }
    if let Some(entries) = document
        .get_mut(section.key())
        .and_then(Item::as_table_like_mut)
    {
        entries.remove(name);
    }
    Ok(document.to_string())
}

fn parse(source: &str, section: Section) -> Result<Document<&str>, NotEditable> {
    Document::parse(source).map_err(|_| NotEditable(section))
}

/// Returns the tables of a section that have a header, including sub-tables, each with its entry.
fn headed_tables<'d>(document: &'d Document<&str>, section: Section) -> Vec<(&'d str, &'d Table)> {
    let mut found = Vec::new();
    let Some(Item::Table(entries)) = document.get(section.key()) else {
        return found;
    };
    for (name, item) in entries {
        let mut tables = Vec::new();
        collect(item, &mut tables);
        found.extend(tables.into_iter().map(|table| (name, table)));
    }
    found
}

fn collect<'d>(item: &'d Item, found: &mut Vec<&'d Table>) {
    let tables: Vec<&Table> = match item {
        Item::Table(table) => vec![table],
        Item::ArrayOfTables(tables) => tables.iter().collect(),
        Item::None | Item::Value(_) => Vec::new(),
    };
    for table in tables {
        if !table.is_implicit() && !table.is_dotted() {
            found.push(table);
        }
        for (_, item) in table {
            collect(item, found);
        }
    }
}

/// Returns the lines of a table: the comment directly above its header, its values, and a comment
/// directly below them that is not followed by another table.
fn lines(source: &str, table: &Table) -> Range<usize> {
    let header = table.span().unwrap_or_default();
    let mut start = line_start(source, header.start);
    while start > 0 {
        let above = line_start(source, start - 1);
        if !source[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    let last = last_value(table).unwrap_or(header.end);
    let end = line_end(source, last);
    let mut below = end;
    while source[below..]
        .trim_start_matches([' ', '\t'])
        .starts_with('#')
    {
        below = line_end(source, below);
    }
    let belongs = source[below..].is_empty()
        || without_first_blank_line(&source[below..]).len() < source[below..].len();
    start..if belongs { below } else { end }
}

/// Returns the end of the last value under a table's own header.
fn last_value(table: &Table) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item {
        Item::Value(value) => Some(value.span()?.end),
        Item::Table(dotted) if dotted.is_dotted() => last_value(dotted),
        _ => None,
    });
    ends.max()
}

/// Whether the section's tables follow each other without blank lines.
fn is_stacked(source: &str, ranges: &[Range<usize>]) -> bool {
    let mut sorted: Vec<&Range<usize>> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.start);
    match sorted[..] {
        [.., before, last] => before.end == last.start,
        [only] => source[only.clone()].lines().count() == 1 && only.end == source.len(),
        [] => false,
    }
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Returns the position after the line break of the line that contains `at`.
fn line_end(source: &str, at: usize) -> usize {
    source[at..]
        .find('\n')
        .map_or(source.len(), |newline| at + newline + 1)
}

fn ends_with_blank_line(text: &str) -> bool {
    text.ends_with("\n\n") || text.ends_with("\n\r\n")
}

fn without_first_blank_line(text: &str) -> &str {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix('\n'))
        .unwrap_or(text)
}

fn newline(source: &str) -> &'static str {
    if source.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
# Our company.

[git]
base_url = \"git@host:acme/\" # tail

# --- repos ---

[repos.api]
[repos.web]
# depth = 50

# --- services ---

# What people see.
[services.web]
repo = \"web\"
ports = [
  \"80:80\", # in a list
]
# command = \"x\"

[services.web.environment]
A = \"[services.fake]\"

[services.api]
repo = \"api\"

# [services.db]
# preset = \"postgres\"
";

    #[test]
    fn a_table_goes_behind_the_last_of_its_kind() {
        let text = add(SOURCE, Section::Repos, "[repos.new]\n").unwrap();
        let expected = SOURCE.replace("# depth = 50\n", "# depth = 50\n[repos.new]\n");
        assert_eq!(text, expected);
        let text = add(
            SOURCE,
            Section::Services,
            "\n# New\n[services.new]\nrepo = \"new\"\n\n",
        );
        let api = "[services.api]\nrepo = \"api\"\n";
        let new = "\n# New\n[services.new]\nrepo = \"new\"\n";
        assert_eq!(text.unwrap(), SOURCE.replace(api, &format!("{api}{new}")));
    }

    #[test]
    fn the_first_of_its_kind_finds_a_place() {
        let table = "[repos.a]\nurl = \"x\"";
        for (source, expected) in [
            ("", "[repos.a]\nurl = \"x\"\n"),
            ("# mine", "# mine\n\n[repos.a]\nurl = \"x\"\n"),
            (
                "# db\n[services.db]\npreset = \"redis\"\n",
                "[repos.a]\nurl = \"x\"\n\n# db\n[services.db]\npreset = \"redis\"\n",
            ),
            ("[git]\r\n", "[git]\r\n\r\n[repos.a]\r\nurl = \"x\"\r\n"),
            ("[repos]\n", "[repos]\n\n[repos.a]\nurl = \"x\"\n"),
        ] {
            assert_eq!(add(source, Section::Repos, table).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_entry_goes_with_its_comment_and_its_sub_tables() {
        let text = remove(SOURCE, Section::Services, "web").unwrap();
        let start = SOURCE.find("# What people see").unwrap();
        let end = SOURCE.find("[services.api]").unwrap();
        assert_eq!(text, [&SOURCE[..start], &SOURCE[end..]].concat());
        let text = remove(SOURCE, Section::Repos, "api").unwrap();
        assert_eq!(text, SOURCE.replace("[repos.api]\n", ""));
    }

    #[test]
    fn the_last_entry_leaves_no_blank_line_at_the_end() {
        let text = remove("[repos.a]\n\n[repos.b]\nurl = \"x\"\n", Section::Repos, "b");
        assert_eq!(text.as_deref(), Ok("[repos.a]\n"));
    }

    #[test]
    fn entries_without_a_header_can_go_too() {
        for (source, expected) in [
            (
                "[repos]\na = { url = \"x\" } # a\nb.url = \"y\"\n",
                "[repos]\nb.url = \"y\"\n",
            ),
            (
                "repos = { a = { url = \"x\" }, b = {} }\n",
                "repos = { b = {} }\n",
            ),
            (
                "repos.a.url = \"x\"\nrepos.b.url = \"y\"\n",
                "repos.b.url = \"y\"\n",
            ),
        ] {
            assert_eq!(remove(source, Section::Repos, "a").as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_has_no_headers_takes_no_header() {
        for source in ["repos = { a = {} }\n", "repos.a.url = \"x\"\n"] {
            let result = add(source, Section::Repos, "[repos.b]\n");
            assert_eq!(result, Err(NotEditable(Section::Repos)), "{source}");
        }
    }
}
