//! The few styles that fitout prints in, so that one meaning has one look.
//!
//! Write `{FAIL}text{FAIL:#}`. What that makes is a mark, not yet an escape sequence: only
//! [`shown`](super::shown) makes those, so that no text of others can hold one.

use std::fmt;

use anstyle::AnsiColor;

/// Stands for ESC in what fitout styles itself. Unicode has set this character aside for a program's own use:
/// no text has it.
pub(super) const MARK: char = '\u{fdd0}';

/// How some text looks; `{style}` begins it and `{style:#}` ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style(anstyle::Style);

/// Something is wrong.
pub const FAIL: Style = Style(AnsiColor::Red.on_default().bold());
/// Something may need a look.
pub const WARN: Style = Style(AnsiColor::Yellow.on_default().bold());
/// Something is as it should be.
pub const PASS: Style = Style(AnsiColor::Green.on_default().bold());
/// What to do next.
pub const HINT: Style = Style(AnsiColor::Cyan.on_default().bold());
/// A heading or a name.
pub const STRONG: Style = Style(anstyle::Style::new().bold());
/// Of little weight.
pub const DIM: Style = Style(anstyle::Style::new().dimmed());
/// As the rest.
pub const PLAIN: Style = Style(anstyle::Style::new());

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = if f.alternate() {
            format!("{:#}", self.0)
        } else {
            self.0.to_string()
        };
        f.write_str(&marked(&codes))
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
        match style_after(part) {
            Some(end) => plain.push_str(&part[end..]),
            None => {
                plain.push(MARK);
                plain.push_str(part);
            }
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
