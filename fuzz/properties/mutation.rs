//! Changes of a text that keep most of its form: pieces that mean something, lines that move.

/// A small generator of numbers (Marsaglia, "Xorshift RNGs"): the same ones for the same seed.
pub struct Numbers(u64);

impl Numbers {
    /// From a seed, which may be 0.
    pub fn new(seed: u64) -> Self {
        Numbers(seed ^ 0x2545_f491_4f6c_dd1d)
    }

    /// At least 0, less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }

    /// One of them.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// No text grows beyond this: what takes too long for it, does not take its time in proportion.
pub const MOST: usize = 32 << 10;

/// Pieces that mean something in many languages.
pub const PIECES: [&str; 35] = [
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "#",
    " #",
    "=",
    ":",
    ": ",
    ",",
    "\"",
    "'",
    "`",
    "\\",
    "$",
    "${",
    "}",
    "[",
    "]",
    "{",
    "-",
    "..",
    "/",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{9b}",
    "\u{202e}",
    "\u{fdd0}[31m",
    "\u{feff}",
    "é",
    "\u{2028}",
    "65536",
    "99999999999999999999",
];

/// One to four changes, with pieces of this language beside the common ones.
pub fn text(bytes: &[u8], pieces: &[&str], numbers: &mut Numbers) -> Vec<u8> {
    let mut text = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        change(&mut text, pieces, numbers);
        text.truncate(MOST);
    }
    text
}

fn change(text: &mut Vec<u8>, pieces: &[&str], numbers: &mut Numbers) {
    let at = numbers.below(text.len() + 1);
    match numbers.below(10) {
        0 => text.truncate(at),
        1..=4 => {
            let all = [pieces, &PIECES].concat();
            let piece = numbers.pick(&all);
            let end = (at + numbers.below(8)).min(text.len());
            text.splice(at..end, piece.bytes());
        }
        5 => {
            let end = (at + numbers.below(64)).min(text.len());
            let copied = text[at..end].to_vec();
            let to = numbers.below(text.len() + 1);
            text.splice(to..to, copied);
        }
        _ => change_lines(text, numbers),
    }
}

fn change_lines(text: &mut Vec<u8>, numbers: &mut Numbers) {
    let mut lines: Vec<Vec<u8>> = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let at = numbers.below(lines.len());
    let to = numbers.below(lines.len());
    match numbers.below(6) {
        0 => {
            lines.remove(at);
        }
        1 => lines.swap(at, to),
        2 => {
            let line = lines[at].clone();
            lines.insert(to, line);
        }
        3 => {
            // What has to do with all others of its kind takes long, if it does, for many.
            let line = lines[at].clone();
            let times = 1 << numbers.below(9);
            lines.splice(to..to, std::iter::repeat_n(line, times));
        }
        4 => {
            let deeper = numbers.below(5);
            lines[at].splice(0..0, std::iter::repeat_n(b' ', deeper));
        }
        _ => {
            let margin = lines[at].iter().take_while(|byte| **byte == b' ').count();
            let less = numbers.below(margin + 1);
            lines[at].drain(..less);
        }
    }
    *text = lines.concat();
}
