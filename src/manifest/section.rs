//! Parses a table of a TOML file key by key, and reports all invalid keys and values.
//!
//! Parses strings, lists and tables of tables, and in `compose` values in Compose's own forms; the
//! keys are defined in [`super::decode`].

mod compose;

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned as TomlSpanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::model::{ComposeTable, Entries, Spanned};
use super::report::Diagnostic;
use crate::workspace::Scalar;

/// The help for an unknown key that is not similar to a known one.
pub(super) const NO_SUCH_KEY: &str = "the known keys are: {known}";

/// A table that is being parsed. Every requested key is a known key; `finish` reports the others.
pub(super) struct Section<'a, 'p> {
    /// `services.auth`; empty for the file itself.
    path: String,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    unknown_help: &'static str,
    problems: &'p mut Vec<Diagnostic>,
}

type Node<'a> = TomlSpanned<DeValue<'a>>;

impl<'a, 'p> Section<'a, 'p> {
    pub(super) fn new(
        path: String,
        table: &'a DeTable<'a>,
        unknown_help: &'static str,
        problems: &'p mut Vec<Diagnostic>,
    ) -> Self {
        Section {
            path,
            table,
            known: Vec::new(),
            unknown_help,
            problems,
        }
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node<'a>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The full name of a key, for messages: `services.auth.ports`.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let node = self.get(key)?;
        string(node, &self.name(key), "a string", self.problems)
    }

    /// A string, or a number as written.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let node = self.get(key)?;
        let value = match node.get_ref() {
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return string(node, &self.name(key), "a string or a number", self.problems),
        };
        Some(Spanned {
            value,
            span: node.span(),
        })
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.get(key)?;
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.problems
                .push(wrong_type(node, &self.name(key), "`true` or `false`"));
        }
        value
    }

    /// A boolean with its span.
    pub(super) fn spanned_boolean(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let span = self.get(key)?.span();
        let value = self.boolean(key)?;
        Some(Spanned { value, span })
    }

    /// A whole number from 1 to the maximum of `N`.
    pub(super) fn positive<N: TryFrom<i64>>(&mut self, key: &'static str) -> Option<Spanned<N>> {
        let node = self.get(key)?;
        positive(node, &self.name(key), self.problems)
    }

    pub(super) fn number(&mut self, key: &'static str) -> Option<Spanned<f64>> {
        let node = self.get(key)?;
        let number = match scalar(node.get_ref()) {
            Some(Scalar::Float(value)) => Some(value),
            // Limits are small numbers, so no precision is lost.
            #[expect(clippy::cast_precision_loss)]
            Some(Scalar::Integer(value)) => Some(value as f64),
            _ => None,
        };
        let valid = number.filter(|number| number.is_finite() && *number > 0.0);
        if valid.is_none() {
            self.problems
                .push(wrong_type(node, &self.name(key), "a number above 0"));
        }
        Some(Spanned {
            value: valid?,
            span: node.span(),
        })
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        let node = self.get(key)?;
        one_of(node, &self.name(key), choices, self.problems)
    }

    /// A list of strings.
    pub(super) fn strings(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        let Some(items) = node.get_ref().as_array() else {
            let mut problem = wrong_type(node, &name, "a list of strings");
            if let Some(text) = node.get_ref().as_str() {
                problem = problem.help(format!("write `{key} = [\"{text}\"]`"));
            }
            self.problems.push(problem);
            return Vec::new();
        };
        list(items, &name, self.problems)
    }

    /// A string, or a list of strings.
    pub(super) fn one_or_more(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => list(items, &name, self.problems),
            _ => string(node, &name, "a string or a list of strings", self.problems)
                .into_iter()
                .collect(),
        }
    }

    pub(super) fn table<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a, '_>) -> T,
    ) -> T {
        self.spanned_table(key, read)
            .map(|table| table.value)
            .unwrap_or_default()
    }

    pub(super) fn spanned_table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a, '_>) -> T,
    ) -> Option<Spanned<T>> {
        let node = self.get(key)?;
        let value = table(node, self.name(key), self.unknown_help, self.problems, read)?;
        Some(Spanned {
            value,
            span: node.span(),
        })
    }

    /// A table of tables with user-defined names.
    pub(super) fn entries<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Section<'a, '_>) -> T,
    ) -> Entries<T> {
        let Some(node) = self.get(key) else {
            return Entries::default();
        };
        let name = self.name(key);
        let Some(tables) = node.get_ref().as_table() else {
            self.problems.push(wrong_type(
                node,
                &name,
                &format!("tables such as `[{key}.name]`"),
            ));
            return Entries::default();
        };
        let entries = tables.iter().filter_map(|(entry, node)| {
            let path = format!("{name}.{}", entry.get_ref());
            let value = table(node, path, self.unknown_help, self.problems, &read)?;
            Some((
                Spanned {
                    value: entry.get_ref().to_string(),
                    span: entry.span(),
                },
                value,
            ))
        });
        Entries(entries.collect())
    }

    pub(super) fn json(&mut self, key: &'static str) -> Option<Spanned<ComposeTable>> {
        let node = self.get(key)?;
        let mut places = HashMap::new();
        let value = json(node, &self.name(key), "", &mut places, self.problems)?;
        let serde_json::Value::Object(keys) = value else {
            self.problems
                .push(wrong_type(node, &self.name(key), "a table of Compose keys"));
            return None;
        };
        Some(Spanned {
            value: ComposeTable { keys, places },
            span: node.span(),
        })
    }

    /// Reports all keys that were not requested.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let found = key.get_ref().as_ref();
            if self.known.contains(&found) {
                continue;
            }
            let place = if self.path.is_empty() {
                String::new()
            } else {
                format!(" in `{}`", self.path)
            };
            let mut problem = Diagnostic::new(key.span(), format!("unknown key `{found}`{place}"))
                .suggest(found, self.known.iter().copied());
            if problem.label.is_empty() {
                let known: Vec<String> = self
                    .known
                    .iter()
                    .map(|known| format!("`{known}`"))
                    .collect();
                problem = problem.help(self.unknown_help.replace("{known}", &known.join(", ")));
            }
            self.problems.push(problem);
        }
    }
}

fn table<'a, T>(
    node: &'a Node<'a>,
    path: String,
    unknown_help: &'static str,
    problems: &mut Vec<Diagnostic>,
    read: impl FnOnce(&mut Section<'a, '_>) -> T,
) -> Option<T> {
    let Some(table) = node.get_ref().as_table() else {
        problems.push(wrong_type(node, &path, "a table"));
        return None;
    };
    let mut section = Section::new(path, table, unknown_help, problems);
    let value = read(&mut section);
    section.finish();
    Some(value)
}

fn string(
    node: &Node<'_>,
    name: &str,
    wanted: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<String>> {
    let Some(text) = node.get_ref().as_str() else {
        problems.push(wrong_type(node, name, wanted));
        return None;
    };
    if text.trim().is_empty() {
        problems.push(Diagnostic::new(node.span(), format!("`{name}` is empty")));
        return None;
    }
    Some(Spanned {
        value: text.to_owned(),
        span: node.span(),
    })
}

fn list(items: &DeArray<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Vec<Spanned<String>> {
    items
        .iter()
        .filter_map(|item| string(item, name, "a list of strings", problems))
        .collect()
}

fn positive<N: TryFrom<i64>>(
    node: &Node<'_>,
    name: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<N>> {
    let number = match scalar(node.get_ref()) {
        Some(Scalar::Integer(number)) if number > 0 => N::try_from(number).ok(),
        _ => None,
    };
    if number.is_none() {
        let most = match size_of::<N>() {
            2 => " up to 65535",
            _ => "",
        };
        problems.push(wrong_type(
            node,
            name,
            &format!("a whole number from 1{most}"),
        ));
    }
    Some(Spanned {
        value: number?,
        span: node.span(),
    })
}

fn one_of<T: Copy>(
    node: &Node<'_>,
    name: &str,
    choices: &[(&str, T)],
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<T>> {
    let names: Vec<String> = choices
        .iter()
        .map(|(choice, _)| format!("`{choice}`"))
        .collect();
    let wanted = match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    };
    let text = string(node, name, &wanted, problems)?;
    let found = choices.iter().find(|(choice, _)| *choice == text.value);
    if found.is_none() {
        problems.push(
            Diagnostic::new(
                text.span.clone(),
                format!("`{name}` must be {wanted}, found `{}`", text.value),
            )
            .suggest(&text.value, choices.iter().map(|(choice, _)| *choice)),
        );
    }
    Some(Spanned {
        value: found?.1,
        span: text.span,
    })
}

/// Converts a value to JSON, for keys that are passed through to the compose file. Records the span
/// of each value, by its JSON pointer.
fn json(
    node: &Node<'_>,
    name: &str,
    pointer: &str,
    places: &mut HashMap<String, Range<usize>>,
    problems: &mut Vec<Diagnostic>,
) -> Option<serde_json::Value> {
    places.insert(pointer.to_owned(), node.span());
    match node.get_ref() {
        DeValue::Table(table) => {
            let mut object = serde_json::Map::new();
            for (key, node) in table {
                let key = key.get_ref().to_string();
                let (name, pointer) = (format!("{name}.{key}"), format!("{pointer}/{key}"));
                if let Some(value) = json(node, &name, &pointer, places, problems) {
                    object.insert(key, value);
                }
            }
            Some(serde_json::Value::Object(object))
        }
        DeValue::Array(items) => {
            let items = items.iter().enumerate().filter_map(|(index, item)| {
                json(item, name, &format!("{pointer}/{index}"), places, problems)
            });
            Some(items.collect())
        }
        value => match scalar(value) {
            Some(Scalar::Text(text)) => Some(text.into()),
            Some(Scalar::Integer(number)) => Some(number.into()),
            Some(Scalar::Bool(value)) => Some(value.into()),
            Some(Scalar::Float(number)) if number.is_finite() => Some(number.into()),
            _ => {
                problems.push(
                    wrong_type(node, name, "a value that YAML supports")
                        .help("use strings for dates and times"),
                );
                None
            }
        },
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Scalar> {
    match value {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(Scalar::Integer),
        DeValue::Float(number) => number.as_str().parse().ok().map(Scalar::Float),
        DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn wrong_type(node: &Node<'_>, name: &str, wanted: &str) -> Diagnostic {
    let found = match node.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let span: Range<usize> = node.span();
    Diagnostic::new(span, format!("`{name}` must be {wanted}")).label(format!("this is {found}"))
}
