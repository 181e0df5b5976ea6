//! The compose file as text: YAML, under a header with the hash of the body.
//!
//! The only file that uses the YAML library.

use std::borrow::Cow;
use std::fmt::Write as _;

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, FlowMap, FlowSeq, LitStr, ser_options};
use sha2::{Digest, Sha256};

use super::merge;
use super::model::File;

const TITLE: &str = "# Written by fitout from workspace.toml. Change that file, or add a \
                     docker-compose.override.yml.";
/// The version of the header: a later fitout may hash differently.
const HASH: &str = "# fitout:1 sha256:";

/// The state of a compose file according to its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written by fitout, and unchanged.
    Written,
    /// Written by fitout, but changed since.
    Edited,
    /// Not written by fitout.
    Foreign,
}

/// The text of a compose file.
pub fn write(file: &File) -> String {
    let body = yaml(&merge::tree(file));
    format!("{TITLE}\n{HASH}{}\n{body}", hash(&body))
}

/// Whether fitout wrote this text as it stands.
pub fn origin(text: &str) -> Origin {
    let text = unix(text);
    let Some(rest) = text
        .strip_prefix(TITLE)
        .and_then(|rest| rest.strip_prefix('\n'))
    else {
        // A changed header is an edit too, as long as the hash still exists.
        let edited = text.lines().take(5).any(|line| line.starts_with(HASH));
        return if edited {
            Origin::Edited
        } else {
            Origin::Foreign
        };
    };
    match rest
        .strip_prefix(HASH)
        .and_then(|rest| rest.split_once('\n'))
    {
        Some((stated, body)) if stated == hash(body) => Origin::Written,
        _ => Origin::Edited,
    }
}

/// The SHA-256 of a text, in hexadecimal digits.
pub fn hash(body: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(body.as_bytes()) {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Normalizes Windows line endings if all lines have them, as after a checkout by git, which is not
/// an edit. If only some lines have them, that is an edit.
pub fn unix(text: &str) -> Cow<'_, str> {
    if is_windows(text) {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether all lines have Windows line endings.
pub fn is_windows(text: &str) -> bool {
    text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count()
}

/// Whether the line is part of the header, which every run rewrites.
pub(super) fn is_header(line: &str) -> bool {
    line == TITLE || line.starts_with(HASH)
}

/// Whether a text is exactly what a run of fitout wrote, byte for byte.
pub fn is_as_written(text: &str) -> bool {
    !text.contains('\r') && origin(text) == Origin::Written
}

fn yaml(tree: &Value) -> String {
    let options = ser_options! { compact_list_indent: false, prefer_block_scalars: false };
    let mut text = String::new();
    match serde_saphyr::to_fmt_writer_with_options(&mut text, &Styled::root(tree), options) {
        Ok(()) => text,
        // A tree of maps, lists and scalars can always be written as YAML to a string.
        Err(error) => panic!("the compose file can't be written as YAML: {error}"),
    }
}

/// A tree with its position, which determines block or flow style.
struct Styled<'a> {
    value: &'a Value,
    key: &'a str,
    parent: &'a str,
}

impl<'a> Styled<'a> {
    fn root(value: &'a Value) -> Self {
        Styled {
            value,
            key: "",
            parent: "",
        }
    }

    /// Short values, on one line.
    fn on_one_line(&self) -> bool {
        matches!(
            (self.parent, self.key),
            ("depends_on", _) | (_, "bind" | "command") | ("healthcheck", "test")
        ) && !self.has_script()
    }

    /// A list with a multi-line text, which is most readable in block style.
    fn has_script(&self) -> bool {
        let items = self.value.as_array();
        items.is_some_and(|items| items.iter().any(|item| is_script(item, self.key)))
    }
}

/// A multi-line health check.
fn is_script(value: &Value, parent: &str) -> bool {
    parent == "test" && value.as_str().is_some_and(|text| text.contains('\n'))
}

impl Serialize for Styled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Object(entries) if entries.is_empty() => entries.serialize(serializer),
            Value::Object(entries) if self.on_one_line() => {
                let entries: IndexMap<&String, InFlow> = entries
                    .iter()
                    .map(|(key, value)| (key, InFlow(value)))
                    .collect();
                FlowMap(entries).serialize(serializer)
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(
                        key,
                        &Styled {
                            value,
                            key,
                            parent: self.key,
                        },
                    )?;
                }
                map.end()
            }
            Value::Array(items) if self.on_one_line() => {
                let items: Vec<InFlow> = items.iter().map(InFlow).collect();
                FlowSeq(items).serialize(serializer)
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    list.serialize_element(&Styled {
                        value,
                        key: "",
                        parent: self.key,
                    })?;
                }
                list.end()
            }
            Value::String(text) if is_script(self.value, self.parent) => {
                LitStr(text).serialize(serializer)
            }
            // Compose requires a string here, and a plain `${…}` may become a number.
            Value::String(text) if self.key == "published" => {
                DoubleQuoted(text).serialize(serializer)
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// A value inside `[…]` or `{…}`, in which Compose's parser ends a plain scalar at `?` (as in YAML
/// 1.1).
struct InFlow<'a>(&'a Value);

impl Serialize for InFlow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if text.contains('?') => DoubleQuoted(text).serialize(serializer),
            value => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_yaml_1_1_reads_as_something_else_are_quoted() {
        let texts = [
            "no",
            "yes",
            "on",
            "off",
            "y",
            "n",
            "true",
            "null",
            "~",
            "22:22",
            "1e3",
            "0x1f",
            "010",
            "0o7",
            "1_000",
            "12",
            "1.5",
            ".inf",
            "",
            " a",
            "a ",
            "- a",
            "a: b",
            "a #b",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "a\nb",
            "2026-11-21",
            "=",
            "<<",
            "'a",
            "\"a",
            "|",
            ">",
            "?",
            "1:30:00",
            "a\tb",
            "é",
            "\u{1}",
        ];
        let tree: Value = texts.iter().map(|text| Value::from(*text)).collect();
        insta::assert_snapshot!(yaml(&tree));
        let read: Vec<String> = serde_saphyr::from_str(&yaml(&tree)).unwrap();
        assert_eq!(read, texts);
    }

    #[test]
    fn a_change_of_one_byte_is_an_edit_and_other_line_endings_are_not() {
        let body = "services: {}\n";
        let text = format!("{TITLE}\n{HASH}{}\n{body}", hash(body));
        assert_eq!(origin(&text), Origin::Written);
        assert_eq!(origin(&text.replace('\n', "\r\n")), Origin::Written);
        assert_eq!(origin(&text.replacen('\n', "\r\n", 1)), Origin::Edited);
        assert_eq!(origin(&text.replace("{}", "{a: 1}")), Origin::Edited);
        assert_eq!(origin(&text.replace("sha256:", "sha256:0")), Origin::Edited);
        assert_eq!(origin(&format!("# mine\n{text}")), Origin::Edited);
        assert_eq!(origin("services: {}\n"), Origin::Foreign);
        assert_eq!(origin(""), Origin::Foreign);
    }
}
