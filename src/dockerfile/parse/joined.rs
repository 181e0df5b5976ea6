//! A text that was put together from several lines, and knows where each byte of it stood.

use std::ops::Range;

/// The text of an instruction without its line continuations, with the way back to the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    text: String,
    /// For each byte of `text`, its place in the source.
    places: Vec<usize>,
    /// Where the text ends in the source.
    end: usize,
    escape: char,
}

impl Joined {
    pub(super) fn new(escape: char) -> Self {
        Joined {
            text: String::new(),
            places: Vec::new(),
            end: 0,
            escape,
        }
    }

    /// Adds a piece of the source that starts at `start`.
    pub(super) fn push(&mut self, piece: &str, start: usize) {
        self.text.push_str(piece);
        self.places.extend(start..start + piece.len());
        self.end = start + piece.len();
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file's escape character.
    pub fn escape(&self) -> char {
        self.escape
    }

    /// Where it stands in the source, line continuations included.
    pub fn span(&self) -> Range<usize> {
        self.source_span(0..self.text.len())
    }

    /// Where a part of the text stands in the source.
    pub fn source_span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.places.get(range.start).copied().unwrap_or(self.end);
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => {
                self.places.get(last).map_or(self.end, |place| place + 1)
            }
            _ => start,
        };
        start..end
    }

    /// A part of the text.
    pub(super) fn part(&self, range: Range<usize>) -> Joined {
        let span = self.source_span(range.clone());
        Joined {
            text: self.text[range.clone()].to_owned(),
            places: self.places[range].to_vec(),
            end: span.end,
            escape: self.escape,
        }
    }

    /// Without the white space at both ends.
    pub(super) fn trimmed(&self) -> Joined {
        let start = self.text.len() - self.text.trim_start().len();
        let end = self.text.trim_end().len().max(start);
        self.part(start..end)
    }

    /// The first word, and what follows it.
    pub(super) fn split_word(&self) -> (Joined, Joined) {
        let end = self
            .text
            .find(char::is_whitespace)
            .unwrap_or(self.text.len());
        let rest = self.part(end..self.text.len());
        (self.part(0..end), rest.trimmed())
    }
}
