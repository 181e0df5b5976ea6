//! Makes untrusted text (from servers, file names, branches, logs, manifests) safe to show on a
//! terminal.
//!
//! Control characters move the cursor, rename the window or answer for the user; direction characters show
//! a text in another order than it is read in. Both are shown as pictures of themselves, and what is too
//! long is cut. Everything that is printed passes here, in [`Ui`](crate::ui::Ui), progress and prompts; styles
//! pass as marks, see [`style`](super::style).

use std::fmt::Write as _;

use super::style::{MARK, style_after};

/// Maximum number of characters of a line; our own lines are far shorter, but a server's may have
/// 65,516 bytes.
const LONGEST_LINE: usize = 2000;
/// Maximum number of characters of a part of a line: a table cell, a note.
const LONGEST_PART: usize = 400;

/// Returns multi-line text for the terminal, with fitout's styles as escape sequences.
pub fn text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        add(&mut shown, line, LONGEST_LINE, Marks::Styles);
    }
    shown
}

/// Like [`text`], for a user's file instead of a message: lines are not cut.
pub fn file(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        add(&mut shown, line, usize::MAX, Marks::Styles);
    }
    shown
}

/// Returns untrusted text as part of a line.
pub fn part(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    add(&mut shown, text, LONGEST_PART, Marks::None);
    shown
}

/// Returns untrusted text for a library that formats it, with styles, as part of a report.
pub fn within_report(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        add(&mut shown, line, LONGEST_LINE, Marks::None);
    }
    shown
}

/// Returns the JSON with the same data, but without characters that a terminal would interpret.
/// They only occur in strings, where they can be written as `\u009b`.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_obeyed(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How to treat style marks in text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Styles,
    None,
}

fn add(shown: &mut String, line: &str, longest: usize, marks: Marks) {
    let mut length = 0;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == MARK
            && marks == Marks::Styles
            && let Some(end) = style_after(rest)
        {
            shown.push('\u{1b}');
            shown.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        length += 1;
        // The rest is counted, and its styles are kept, because one may end there.
        if length > longest {
            continue;
        }
        match c {
            '\t' => shown.push('\t'),
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => shown.push('\u{2421}'),
            c if is_obeyed(c) => {
                let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    if length > longest {
        let _ = write!(shown, "… ({} more characters)", length - longest);
    }
}

/// Whether a terminal interprets the character, or reorders the text after it.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || c == MARK
        // Marks, embeddings, overrides and isolates of direction: Unicode's UAX 9, section 2.
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        // The separators of lines and paragraphs.
        || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::super::style::{FAIL, marked, plain};
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_as_a_picture() {
        for (said, expected) in [
            ("größe 日本\tx", "größe 日本\tx"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "␛[2J␛]0;x␇"),
            ("a\u{9b}2Jb", "a⟨U+009B⟩2Jb"),
            (
                "a\u{202e}b\u{2066}\u{200f}\u{61c}",
                "a⟨U+202E⟩b⟨U+2066⟩⟨U+200F⟩⟨U+061C⟩",
            ),
            ("a\u{2028}b\u{7f}\0", "a⟨U+2028⟩b␡␀"),
            ("one\rtwo\u{8}", "one␍two␈"),
            ("\u{fdd0}[8mhidden", "⟨U+FDD0⟩[8mhidden"),
            ("\u{fdd0}[2J", "⟨U+FDD0⟩[2J"),
        ] {
            assert_eq!(text(said), expected, "{said:?}");
            assert_eq!(part(said), expected, "{said:?}");
            assert_eq!(within_report(said), expected, "{said:?}");
            assert_eq!(text(&text(said)), expected, "{said:?}");
        }
        assert_eq!(text("one\r\ntwo"), "one\ntwo");
        assert_eq!(part("one\nhint: two"), "one␊hint: two");
        assert_eq!(file("one\r\ntwo"), "one␍\ntwo");
    }

    #[test]
    fn only_fitouts_own_styles_become_escape_sequences() {
        let styled = format!("{FAIL}error:{FAIL:#} \u{1b}[1mx");
        assert_eq!(text(&styled), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m ␛[1mx");
        assert_eq!(plain(&styled), "error: \u{1b}[1mx");
        assert_eq!(
            text(&marked("\u{1b}[1m\u{1b}[94mx")),
            "\u{1b}[1m\u{1b}[94mx"
        );
        assert!(!part(&styled).contains('\u{1b}'));
    }

    #[test]
    fn what_is_too_long_is_cut_and_its_style_ends() {
        let long = "x".repeat(65_000);
        let shown = text(&format!("{FAIL}{long}{FAIL:#}\nnext"));
        assert!(
            shown.ends_with("\u{1b}[0m… (63000 more characters)\nnext"),
            "{}",
            &shown[shown.len() - 60..]
        );
        assert!(shown.len() < 2100);
        assert!(part(&long).ends_with("x… (64600 more characters)"));
        assert_eq!(file(&long), long);
    }

    #[test]
    fn json_keeps_its_data() {
        let value = serde_json::json!({ "note": "a\u{9b}\u{202e}\u{1b}\n日本\u{2028}" });
        let shown = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.is_ascii() || !shown.contains(is_obeyed_but_line_breaks));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }

    fn is_obeyed_but_line_breaks(c: char) -> bool {
        c != '\n' && is_obeyed(c)
    }
}
