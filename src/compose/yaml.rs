//! Parses YAML into a tree with the line and the tag of each value, for files written by users:
//! serde's data model has neither.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, Span, Tag};

/// A value and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The line, from 1; for a value in a mapping, its key's line.
    pub line: usize,
    /// `override` for `!override`; empty without one.
    pub tag: String,
    /// Its kind.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text or a number as written; empty for nothing.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Returns the value of a key; none if this is not a mapping. A mapping's own keys take
    /// precedence over those merged by `<<`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let own = entries.iter().find(|(name, _)| name == key);
        if let Some((_, node)) = own {
            return Some(node);
        }
        let mut merged = entries.iter().filter(|(name, _)| name == "<<");
        merged.find_map(|(_, node)| match &node.value {
            Value::List(several) => several.iter().find_map(|one| one.get(key)),
            _ => node.get(key),
        })
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// The maximum number of values that anchors and aliases may add: ten levels of ten aliases would
/// be ten billion. Compose refuses such a file too.
const MOST_COPIED: usize = 100_000;
/// Maximum nesting of values; files written by people have a dozen levels.
const DEEPEST: usize = 128;

/// A text that exceeds fitout's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// More than [`MOST_COPIED`].
    #[error(
        "its anchors and aliases expand to more than {MOST_COPIED} values, which is fitout's limit"
    )]
    Copied,
    /// Deeper than [`DEEPEST`].
    #[error("its values are nested more than {DEEPEST} levels deep, which is fitout's limit")]
    Nested,
}

impl Excess {
    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Excess::Copied => {
                "use fewer aliases, and no anchors around values that contain aliases"
            }
            Excess::Nested => "nest its lists and mappings less deeply",
        }
    }
}

/// Returns the first document of a text; none if it is empty or not YAML.
pub fn parse(text: &str) -> Result<Option<Node>, Excess> {
    let mut excess = None;
    let node = parse_within(text, &mut excess);
    excess.map_or(Ok(node), Err)
}

fn parse_within(text: &str, excess: &mut Option<Excess>) -> Option<Node> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let mut copied = 0;
    // With comments, a hundred lines of them would exceed the parser's limit.
    let mut options = Options::default();
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let is_deep = *error.kind() == ErrorKind::RecursionLimitExceeded;
                *excess = is_deep.then_some(Excess::Nested);
                return None;
            }
        };
        if open.len() > DEEPEST {
            *excess = Some(Excess::Nested);
            return None;
        }
        let (node, anchor, values) = match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_nothing = style == ScalarStyle::Plain && matches!(&*value, "~" | "null");
                let value = if is_nothing {
                    String::new()
                } else {
                    value.into_owned()
                };
                let value = Value::Scalar(value);
                (node(value, tag.as_deref(), &span), anchor, 1)
            }
            Event::Alias(anchor) => {
                let (node, values) = anchors.get(&anchor)?;
                copied += values;
                if copied > MOST_COPIED {
                    *excess = Some(Excess::Copied);
                    return None;
                }
                (node.clone(), 0, *values)
            }
            Event::SequenceStart(_, anchor, tag) => {
                open.push(Open::new(
                    node(Value::List(Vec::new()), tag.as_deref(), &span),
                    anchor,
                ));
                continue;
            }
            Event::MappingStart(_, anchor, tag) => {
                open.push(Open::new(
                    node(Value::Map(Vec::new()), tag.as_deref(), &span),
                    anchor,
                ));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = open.pop()?;
                (closed.node, closed.anchor, closed.values + 1)
            }
            _ => continue,
        };
        if anchor != 0 {
            copied += values;
            if copied > MOST_COPIED {
                *excess = Some(Excess::Copied);
                return None;
            }
            anchors.insert(anchor, (node.clone(), values));
        }
        match open.last_mut() {
            Some(parent) => {
                parent.values += values;
                parent.add(node);
            }
            None => return Some(node),
        }
    }
    None
}

fn node(value: Value, tag: Option<&Tag>, span: &Span) -> Node {
    Node {
        line: span.start.line(),
        tag: tag.map(|tag| tag.suffix().to_owned()).unwrap_or_default(),
        value,
    }
}

/// An unfinished list or mapping.
struct Open {
    node: Node,
    anchor: usize,
    /// How many values are in it, at any depth.
    values: usize,
    /// For a mapping: the key that needs a value.
    key: Option<Node>,
}

impl Open {
    fn new(node: Node, anchor: usize) -> Self {
        Open {
            node,
            anchor,
            values: 0,
            key: None,
        }
    }

    fn add(&mut self, node: Node) {
        match &mut self.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match self.key.take() {
                None => self.key = Some(node),
                Some(key) => {
                    let line = key.line;
                    let name = key.text().unwrap_or_default().to_owned();
                    entries.push((name, Node { line, ..node }));
                }
            },
            Value::Scalar(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn knows_lines_tags_anchors_and_merged_keys() {
        let text = "x: &x\n  a: 1\ny:\n  <<: *x\n  b: !reset [2,\n    3]\nz: {<<: [*x], a: 4}\n";
        let root = parse(text).unwrap().unwrap();
        let y = root.get("y").unwrap();
        assert_eq!(y.get("a").and_then(Node::text), Some("1"));
        let b = y.get("b").unwrap();
        assert_eq!((b.line, b.tag.as_str()), (5, "reset"));
        let Value::List(items) = &b.value else {
            panic!("{b:?}");
        };
        assert_eq!(items[1].line, 6);
        let z = root.get("z").unwrap();
        assert_eq!(z.get("a").and_then(Node::text), Some("4"));
    }

    #[test]
    fn aliases_and_depth_have_an_end() {
        let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            writeln!(aliases, "a{level}: &a{level} [{before}]").unwrap();
        }
        assert_eq!(parse(&aliases), Err(Excess::Copied));
        let few: String = aliases.split_inclusive('\n').take(4).collect();
        assert!(parse(&few).unwrap().is_some());
        assert_eq!(parse(&"[".repeat(100_000)), Err(Excess::Nested));
        let anchors = "&b [".repeat(100_000);
        assert_eq!(parse(&anchors), Err(Excess::Nested));
    }

    #[test]
    fn a_long_comment_is_none_of_the_text() {
        let comment = "# why\n".repeat(1000);
        for text in [
            format!("{comment}a:\n{comment}  - {comment}    b\n{comment}  - c\n"),
            format!("{comment}---\n{comment}a: [b,\n{comment} c]\n{comment}"),
        ] {
            let root = parse(&text).unwrap().unwrap();
            let Some(Value::List(items)) = root.get("a").map(|a| &a.value) else {
                panic!("{root:?}");
            };
            assert_eq!(items.len(), 2);
        }
    }

    #[test]
    fn what_is_no_yaml_is_nothing() {
        for text in [
            "",
            "# only a comment\n",
            "a: [\n",
            "a: *nowhere\n",
            "\t- a: }",
        ] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
    }
}
