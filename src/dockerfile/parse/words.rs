//! Splits the arguments of an instruction: options, words in quotes, JSON lists, `NAME=value`.

use std::ops::Range;

use super::joined::Joined;
use super::{Flag, Keyword};

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without quotes and escapes; variables as they stand there.
    pub text: String,
    /// With its quotes.
    pub span: Range<usize>,
}

/// A variable that ENV or ARG sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: Word,
    /// `None` for an ARG without a default.
    pub value: Option<Word>,
}

/// The options in front of the arguments, and the arguments.
pub(super) fn flags(text: Joined) -> (Vec<Flag>, Joined) {
    let mut flags = Vec::new();
    let mut rest = text;
    while rest.text().starts_with("--") {
        let (word, behind) = rest.split_word();
        let option = &word.text()[2..];
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        flags.push(Flag {
            name: name.to_ascii_lowercase(),
            value: unquoted(value, word.escape()),
            span: word.span(),
        });
        rest = behind;
    }
    (flags, rest)
}

/// The words of a text, split at white space outside of quotes.
pub(super) fn split(text: &Joined) -> Vec<Word> {
    ranges(text)
        .into_iter()
        .map(|(range, word)| Word {
            text: word,
            span: text.source_span(range),
        })
        .collect()
}

/// As [`split`], with the place of each word in the joined text.
pub(super) fn ranges(text: &Joined) -> Vec<(Range<usize>, String)> {
    let mut words = Vec::new();
    let source = text.text();
    let mut start = None;
    let mut scan = Scan::new(text.escape());
    for (at, character) in source.char_indices() {
        let ends = character.is_whitespace() && !scan.is_inside();
        match (start, ends) {
            (None, true) => {}
            (Some(from), true) => {
                words.push((from..at, scan.take()));
                start = None;
            }
            (_, false) => {
                start = start.or(Some(at));
                scan.push(character);
            }
        }
    }
    if let Some(from) = start {
        words.push((from..source.len(), scan.take()));
    }
    words
}

/// A word without its quotes and escapes.
pub(super) fn unquoted(word: &str, escape: char) -> String {
    let mut scan = Scan::new(escape);
    word.chars().for_each(|character| scan.push(character));
    scan.take()
}

/// Reads a word character by character.
struct Scan {
    escape: char,
    escaped: bool,
    quote: Option<char>,
    word: String,
}

impl Scan {
    fn new(escape: char) -> Self {
        Scan {
            escape,
            escaped: false,
            quote: None,
            word: String::new(),
        }
    }

    fn is_inside(&self) -> bool {
        self.quote.is_some() || self.escaped
    }

    fn push(&mut self, character: char) {
        if self.escaped {
            // In double quotes, an escape before another character is a character itself.
            if self.quote == Some('"') && !['"', '$', self.escape].contains(&character) {
                self.word.push(self.escape);
            }
            self.word.push(character);
            self.escaped = false;
        } else if character == self.escape && self.quote != Some('\'') {
            self.escaped = true;
        } else if self.quote == Some(character) {
            self.quote = None;
        } else if self.quote.is_none() && (character == '"' || character == '\'') {
            self.quote = Some(character);
        } else {
            self.word.push(character);
        }
    }

    fn take(&mut self) -> String {
        if self.escaped {
            self.word.push(self.escape);
        }
        self.escaped = false;
        self.quote = None;
        std::mem::take(&mut self.word)
    }
}

/// The JSON form: a list of strings and nothing behind it.
pub(super) fn json(text: &Joined) -> Option<Vec<Word>> {
    if !text.text().starts_with('[') {
        return None;
    }
    let list: Vec<String> = serde_json::from_str(text.text()).ok()?;
    let mut strings = json_strings(text.text()).into_iter();
    list.into_iter()
        .map(|word| {
            Some(Word {
                text: word,
                span: text.source_span(strings.next()?),
            })
        })
        .collect()
}

/// Where the strings of a valid JSON list stand, quotes included.
fn json_strings(text: &str) -> Vec<Range<usize>> {
    let mut strings = Vec::new();
    let (mut start, mut escaped) = (None, false);
    for (at, character) in text.char_indices() {
        match (start, character) {
            (None, '"') => start = Some(at),
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(from), '"') => {
                strings.push(from..at + 1);
                start = None;
            }
            _ => {}
        }
    }
    strings
}

/// What ENV, LABEL or ARG sets. `ENV NAME some value` is an old form for one variable.
pub(super) fn pairs(keyword: Keyword, text: &Joined) -> Vec<Pair> {
    let words = ranges(text);
    let is_old_form =
        keyword != Keyword::Arg && words.first().is_some_and(|(_, word)| !word.contains('='));
    if is_old_form {
        let (name, value) = text.split_word();
        if value.text().is_empty() {
            return Vec::new();
        }
        return vec![Pair {
            name: Word {
                text: name.text().to_owned(),
                span: name.span(),
            },
            value: Some(Word {
                text: unquoted(value.text(), text.escape()),
                span: value.span(),
            }),
        }];
    }
    words
        .into_iter()
        .filter_map(|(range, word)| {
            let raw = &text.text()[range.clone()];
            let name_end = raw.find('=').map_or(range.end, |at| range.start + at);
            let name = word.split('=').next().unwrap_or_default().to_owned();
            let value = word.split_once('=').map(|(_, value)| Word {
                text: value.to_owned(),
                span: text.source_span((name_end + 1).min(range.end)..range.end),
            });
            (keyword == Keyword::Arg || value.is_some()).then(|| Pair {
                name: Word {
                    text: name,
                    span: text.source_span(range.start..name_end),
                },
                value,
            })
        })
        .collect()
}
