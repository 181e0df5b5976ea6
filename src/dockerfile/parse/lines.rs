//! The lines of a Dockerfile, each with its place; without a byte order mark and line breaks.

/// A line without its line break.
#[derive(Clone, Copy)]
pub(super) struct Line<'s> {
    pub start: usize,
    pub text: &'s str,
}

pub(super) struct Lines<'s> {
    pub source: &'s str,
    pub position: usize,
}

impl<'s> Lines<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let bom = if source.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Lines {
            source,
            position: bom,
        }
    }

    pub(super) fn peek(&self) -> Option<Line<'s>> {
        let rest = &self.source[self.position..];
        if rest.is_empty() {
            return None;
        }
        let line = rest.split('\n').next().unwrap_or_default();
        Some(Line {
            start: self.position,
            text: line.strip_suffix('\r').unwrap_or(line),
        })
    }
}

impl<'s> Iterator for Lines<'s> {
    type Item = Line<'s>;

    fn next(&mut self) -> Option<Line<'s>> {
        let line = self.peek()?;
        let rest = &self.source[self.position..];
        self.position += rest.find('\n').map_or(rest.len(), |at| at + 1);
        Some(line)
    }
}
