//! The few styles that fitout prints in, so that one meaning has one look.
//!
//! Write `{FAIL}text{FAIL:#}`. What that makes is a mark, not yet an escape sequence: only
//! [`shown`](super::shown) makes those, so that no text of others can hold one.

use std::fmt;

/// Stands for ESC in what fitout styles itself. Unicode has set this character aside for a program's own use:
/// no text has it.
pub(super) const MARK: char = '\u{fdd0}';

/// Select graphic rendition: ECMA-48, 8.3.117.
const BOLD: &str = "[1m";
const END: &str = "[0m";

/// How some text looks; `{style}` begins it and `{style:#}` ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style(&'static [&'static str]);

/// Something is wrong.
pub const FAIL: Style = Style(&[BOLD, "[31m"]);
/// Something may need a look.
pub const WARN: Style = Style(&[BOLD, "[33m"]);
/// Something is as it should be.
pub const PASS: Style = Style(&[BOLD, "[32m"]);
/// What to do next.
pub const HINT: Style = Style(&[BOLD, "[36m"]);
/// A heading or a name.
pub const STRONG: Style = Style(&[BOLD]);
/// Of little weight.
pub const DIM: Style = Style(&["[2m"]);
/// As the rest.
pub const PLAIN: Style = Style(&[]);

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: &[&str] = match self.0 {
            [] => &[],
            _ if f.alternate() => &[END],
            codes => codes,
        };
        for code in codes {
            write!(f, "{MARK}{code}")?;
        }
        Ok(())
    }
}

/// A text of others, as long as it was, in which nothing is taken for a style of ours.
pub fn unmarked(text: &str) -> String {
    // It has three bytes as well.
    text.replace(MARK, "\u{fffd}")
}

/// Text with escape sequences that a library made for us of texts that have none, with marks instead.
pub fn marked(styled: &str) -> String {
    styled.replace('\u{1b}', MARK.encode_utf8(&mut [0; 4]))
}

/// The text alone, for tests and for who measures it.
pub fn plain(text: &str) -> String {
    let mut parts = text.split(MARK);
    let first = parts.next().unwrap_or_default();
    parts.fold(first.to_owned(), |mut plain, part| {
        if let Some(end) = style_after(part) {
            plain.push_str(&part[end..]);
        } else {
            plain.push(MARK);
            plain.push_str(part);
        }
        plain
    })
}

/// The length of what makes a mark a style: bold, dimmed, colours and their end, of `ESC [ … m`. Nothing else
/// has a use here, least of all what hides a text.
pub(super) fn style_after(text: &str) -> Option<usize> {
    let codes = text.strip_prefix('[')?;
    let end = codes.find('m')?;
    let known = |code: &str| {
        matches!(code.parse(), Ok(0_u8..=2 | 22 | 30..=39 | 90..=97)) || code.is_empty()
    };
    codes[..end].split(';').all(known).then_some(end + 2)
}
