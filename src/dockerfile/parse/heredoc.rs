//! Heredocs: what opens one, and which line ends it.

use std::ops::Range;

use super::joined::Joined;
use super::words;

/// A text inside the Dockerfile: `RUN <<EOF … EOF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it.
    pub terminator: String,
    /// Where its lines stand.
    pub body: Range<usize>,
    /// Its lines, as they stand there.
    pub text: String,
    /// The end of the line that ends it.
    pub end: usize,
}

/// `<<EOF` in an instruction.
#[derive(Debug)]
pub(super) struct Opening {
    pub terminator: String,
    pub span: Range<usize>,
    strips_tabs: bool,
}

impl Opening {
    /// Whether this line ends the heredoc.
    pub(super) fn closes(&self, line: &str) -> bool {
        let line = if self.strips_tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        line == self.terminator
    }
}

/// The heredocs that an instruction opens, wherever they stand in it. As in BuildKit, `<<` starts a
/// word, but for the number of a file descriptor.
pub(super) fn openings(arguments: &Joined) -> Vec<Opening> {
    let opening = |(range, _): (Range<usize>, String)| {
        let raw = &arguments.text()[range.clone()];
        let word = raw.trim_start_matches(|character: char| character.is_ascii_digit());
        let word = word.strip_prefix("<<")?;
        let (strips_tabs, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let terminator = words::unquoted(name, arguments.escape());
        if terminator.is_empty() || name.contains('<') {
            return None;
        }
        Some(Opening {
            terminator,
            span: arguments.source_span(range),
            strips_tabs,
        })
    };
    words::ranges(arguments)
        .into_iter()
        .filter_map(opening)
        .collect()
}
