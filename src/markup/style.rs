//! The styles that fitout prints, one per meaning.
//!
//! Write `{FAIL}text{FAIL:#}`. This produces a mark, not an escape sequence: only
//! [`shown`](super::shown) produces those, so that untrusted text can't contain one.

use std::fmt;

/// Represents ESC in fitout's own styles. Unicode reserves this character for internal use, so it
/// doesn't occur in text.
pub(super) const MARK: char = '\u{fdd0}';

/// Select graphic rendition: ECMA-48, 8.3.117.
const BOLD: &str = "[1m";
const END: &str = "[0m";

/// A text style; `{style}` begins it and `{style:#}` ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style(&'static [&'static str]);

/// Something is wrong.
pub const FAIL: Style = Style(&[BOLD, "[31m"]);
/// Something may need attention.
pub const WARN: Style = Style(&[BOLD, "[33m"]);
/// Something is fine.
pub const PASS: Style = Style(&[BOLD, "[32m"]);
/// What to do next.
pub const HINT: Style = Style(&[BOLD, "[36m"]);
/// A heading or a name.
pub const STRONG: Style = Style(&[BOLD]);
/// Less important.
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

/// Returns untrusted text, of the same length, without anything that could be taken for a style
/// mark.
pub fn unmarked(text: &str) -> String {
    // It has three bytes too.
    text.replace(MARK, "\u{fffd}")
}

/// Converts escape sequences, which a library added to text without any, to marks.
pub fn marked(styled: &str) -> String {
    styled.replace('\u{1b}', MARK.encode_utf8(&mut [0; 4]))
}

/// Returns the text without styles, for tests and for measuring.
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

/// Returns the length of the style after a mark: bold, dimmed, colors and reset, from `ESC [ … m`.
/// Nothing else is accepted, in particular nothing that hides text.
pub(super) fn style_after(text: &str) -> Option<usize> {
    let codes = text.strip_prefix('[')?;
    let end = codes.find('m')?;
    let known = |code: &str| {
        matches!(code.parse(), Ok(0_u8..=2 | 22 | 30..=39 | 90..=97)) || code.is_empty()
    };
    codes[..end].split(';').all(known).then_some(end + 2)
}
