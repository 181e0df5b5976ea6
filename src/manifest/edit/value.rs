//! Sets a key of an entry of a section, and removes it.

use toml_edit::{Document, DocumentMut, Item, Table, Value};

use super::{
    NotEditable, Section, add, last_value, line_end, line_start, lines, newline, parse, remove,
};

/// Which key: `[services.db] runs_on` is the key `runs_on` of the entry `db`.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the example says it")]
pub struct Place<'a> {
    pub section: Section,
    pub entry: &'a str,
    pub key: &'a str,
}

/// Returns the text with a key set to a string. A missing entry is added.
pub fn set(source: &str, place: Place<'_>, value: &str) -> Result<String, NotEditable> {
    let Place {
        section,
        entry,
        key,
    } = place;
    let document = parse(source, section)?;
    let quoted = Value::from(value).to_string();
    let found = find(&document, place);
    // A table with that name, `[services.db.runs_on]`, conflicts with the key.
    if found.is_some_and(|item| !item.is_value()) {
        return Err(NotEditable(section));
    }
    if let Some(span) = found.and_then(Item::span) {
        return Ok(format!(
            "{}{quoted}{}",
            &source[..span.start],
            &source[span.end..]
        ));
    }
    if let Some(table) = headed(&document, place) {
        let header = table.span().unwrap_or_default();
        let at = line_end(source, last_value(table).unwrap_or(header.end));
        let (before, after) = source.split_at(at);
        let newline = newline(source);
        let gap = if before.ends_with('\n') { "" } else { newline };
        return Ok(format!("{before}{gap}{key} = {quoted}{newline}{after}"));
    }
    let entries = document.get(section.key());
    let takes_headers = match entries {
        None => true,
        Some(Item::Table(table)) => !table.is_dotted() && table.get(entry).is_none(),
        Some(_) => false,
    };
    if takes_headers {
        let header = format!("[{}.{entry}]", section.key());
        return add(source, section, &format!("{header}\n{key} = {quoted}\n"));
    }
    set_without_header(source, place, value)
}

/// Returns the text without a key, and without its entry if that is otherwise empty. `None` if
/// something of the user's would be removed with it: a comment on its line, or another value.
pub fn unset(source: &str, place: Place<'_>) -> Result<Option<String>, NotEditable> {
    let document = parse(source, place.section)?;
    let value = find(&document, place).filter(|item| item.is_value());
    let Some(span) = value.and_then(Item::span) else {
        return Ok(Some(source.to_owned()));
    };
    let (start, end) = (line_start(source, span.start), line_end(source, span.end));
    let is_alone = !source[start..span.start].contains(['{', ',', '"', '\''])
        && source[span.end..end].trim().is_empty();
    if !is_alone {
        return Ok(None);
    }
    let text = format!("{}{}", &source[..start], &source[end..]);
    let document = parse(&text, place.section)?;
    let is_bare = headed(&document, place).is_some_and(|table| {
        let own = text[lines(&text, table)].trim();
        table.is_empty() && !own.contains(['\n', '#'])
    });
    if is_bare {
        return remove(&text, place.section, place.entry).map(Some);
    }
    Ok(Some(text))
}

fn find<'d>(document: &'d Document<&str>, place: Place<'_>) -> Option<&'d Item> {
    let entries = document.get(place.section.key())?.as_table_like()?;
    entries.get(place.entry)?.as_table_like()?.get(place.key)
}

/// Returns the entry's table, if it has a header.
fn headed<'d>(document: &'d Document<&str>, place: Place<'_>) -> Option<&'d Table> {
    let entries = document.get(place.section.key())?.as_table()?;
    let table = entries.get(place.entry)?.as_table()?;
    (!table.is_implicit() && !table.is_dotted()).then_some(table)
}

/// `services = { db = { … } }`, `services.db.ports = …`: the parsed document is printed again, if
/// that preserves the text.
fn set_without_header(source: &str, place: Place<'_>, value: &str) -> Result<String, NotEditable> {
    let not_editable = || NotEditable(place.section);
    let mut document: DocumentMut = source.parse().map_err(|_| not_editable())?;
    if document.to_string() != source {
        return Err(not_editable());
    }
    let entries = document
        .get_mut(place.section.key())
        .and_then(Item::as_table_like_mut)
        .ok_or_else(not_editable)?;
    if entries.get(place.entry).is_none() {
        let empty = toml_edit::InlineTable::new();
        entries.insert(place.entry, toml_edit::value(empty));
    }
    entries
        .get_mut(place.entry)
        .and_then(Item::as_table_like_mut)
        .ok_or_else(not_editable)?
        .insert(place.key, toml_edit::value(value));
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS_ON: Place<'_> = Place {
        section: Section::Services,
        entry: "db",
        key: "runs_on",
    };

    fn set_db(source: &str) -> Result<String, NotEditable> {
        set(source, RUNS_ON, "host")
    }

    fn unset_db(source: &str) -> Option<String> {
        unset(source, RUNS_ON).unwrap()
    }

    #[test]
    fn a_key_is_set_where_the_entry_is_and_all_else_stays() {
        let cases = [
            ("", "[services.db]\nruns_on = \"host\"\n"),
            (
                "# mine\nprofiles = [\"x\"] # why",
                "# mine\nprofiles = [\"x\"] # why\n\n[services.db]\nruns_on = \"host\"\n",
            ),
            (
                "[services.db]\nruns_on = 'container' # now\nports = []\n",
                "[services.db]\nruns_on = \"host\" # now\nports = []\n",
            ),
            (
                "[services.db] # mine\r\nports = [\r\n\"1:1\" ]\r\n\r\n[host]\r\n",
                "[services.db] # mine\r\nports = [\r\n\"1:1\" ]\r\nruns_on = \"host\"\r\n\r\n[host]\r\n",
            ),
            ("[services.db]", "[services.db]\nruns_on = \"host\"\n"),
            (
                "[services.cache]\nports = []\n\n[host]\nip = \"x\"\n",
                "[services.cache]\nports = []\n\n[services.db]\nruns_on = \"host\"\n\n[host]\nip = \"x\"\n",
            ),
            (
                "[services]\ndb = { runs_on = \"container\", ports = [] } # x\n",
                "[services]\ndb = { runs_on = \"host\", ports = [] } # x\n",
            ),
            (
                "services = { cache = { ports = [] } }\n",
                "services = { cache = { ports = [] } , db = { runs_on = \"host\" } }\n",
            ),
            (
                "services.db.ports = []\n# x\n",
                "services.db.ports = []\nservices.db.runs_on = \"host\"\n# x\n",
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(set_db(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn a_table_of_the_keys_name_is_in_the_way() {
        for source in [
            "[services.db.runs_on]\n",
            "[services.db]\nports = []\n[services.db.runs_on]\nx = 1\n",
            "[[services.db.runs_on]]\n",
        ] {
            assert_eq!(
                set_db(source),
                Err(NotEditable(Section::Services)),
                "{source}"
            );
            assert_eq!(unset_db(source).as_deref(), Some(source));
        }
    }

    #[test]
    fn a_key_goes_with_its_line_and_an_entry_with_its_last_key() {
        let cases = [
            ("", Some("")),
            ("[services.db]\nruns_on = \"host\"\n", Some("")),
            (
                "# mine\n\n[services.db]\nruns_on = \"host\"\n\n[host]\r\n",
                Some("# mine\n\n[host]\r\n"),
            ),
            (
                "[services.db]\nports = []\nruns_on = \"host\"",
                Some("[services.db]\nports = []\n"),
            ),
            (
                "# why\n[services.db]\nruns_on = \"host\"\n",
                Some("# why\n[services.db]\n"),
            ),
            (
                "[services.db]\nruns_on = \"host\"\n# ports = []\n",
                Some("[services.db]\n# ports = []\n"),
            ),
            (
                "services.db.runs_on = \"host\"\nprofiles = []\n",
                Some("profiles = []\n"),
            ),
            ("[services.db]\nruns_on = \"host\" # why\n", None),
            ("[services]\ndb = { runs_on = \"host\" }\n", None),
        ];
        for (source, expected) in cases {
            assert_eq!(unset_db(source).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn set_and_unset_is_the_text_as_it_was() {
        for source in [
            "",
            "# a comment\n",
            "profiles = [\"x\"]\r\n\r\n[git]\r\njobs = 2\r\n",
            "[services.cache]\nports = []\n\n# tail\n[host]\nip = \"x\"\n",
            "[services.db]\nports = [] # mine\n",
        ] {
            let with = set_db(source).unwrap();
            assert_eq!(unset_db(&with).as_deref(), Some(source), "{with}");
        }
    }
}
