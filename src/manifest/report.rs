//! Formats errors in a manifest: file, line, source text, caret, and what to write instead.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::error::{Classified, Kind};
use crate::markup::shown::within_report as shown;
use crate::markup::style;

/// An error in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Bytes of the source that the caret points at.
    pub span: Range<usize>,
    /// The message: a lower-case sentence without a full stop.
    pub message: String,
    /// A short label at the caret; may be empty.
    pub label: String,
    /// A related place, such as the first of two duplicates.
    pub related: Option<(Range<usize>, String)>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Creates an error at a span.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Diagnostic {
            span,
            message: message.into(),
            label: String::new(),
            related: None,
            help: None,
        }
    }

    /// Adds a label at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a related place.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" at the caret if one of the candidates is similar to `found`.
    #[must_use]
    pub fn suggest<'a>(self, found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(found, candidates) {
            Some(candidate) => self.label(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// Returns the candidate that the user most likely meant, if any is similar enough.
pub fn closest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // 0.8 accepts `prots` for `ports` and `databse` for `database`, and rejects unrelated words.
    const CLOSE: f64 = 0.8;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= CLOSE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Maximum number of errors to show; the rest is only counted.
const MOST_SHOWN: usize = 100;

/// All errors in a file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    path: String,
    source: String,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Creates a report for a file: `path` as shown to the user, `source` as read.
    pub fn new(
        path: impl Into<String>,
        source: impl Into<String>,
        mut diagnostics: Vec<Diagnostic>,
    ) -> Self {
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        Report {
            path: path.into(),
            source: source.into(),
            diagnostics,
        }
    }

    /// Returns the errors, in the order of the file's lines.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Like `Display`, with colors.
    pub fn styled(&self) -> String {
        style::marked(&self.render(&Renderer::styled()))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let lines = Lines::of(&self.source);
        let path = shown(&self.path);
        let mut text = String::new();
        for diagnostic in self.diagnostics.iter().take(MOST_SHOWN) {
            let group = group(&self.source, &lines, &path, diagnostic);
            text.push_str(&renderer.render(&[group]));
            text.push_str("\n\n");
        }
        let count = self.diagnostics.len();
        let first = match count {
            ..=MOST_SHOWN => String::new(),
            _ => format!("these are the first {MOST_SHOWN}; "),
        };
        let problems = if count == 1 { "problem" } else { "problems" };
        text + &format!("{first}{count} {problems} in `{path}`; nothing was changed")
    }
}

fn group<'a>(source: &'a str, lines: &Lines, path: &'a str, diagnostic: &Diagnostic) -> Group<'a> {
    let span = visible(source, &diagnostic.span);
    let related = diagnostic.related.as_ref();
    let related = related.map(|(span, label)| (visible(source, span), shown(label)));
    let spans = [Some(&span), related.as_ref().map(|(span, _)| span)];
    let part = lines.around(source, spans.into_iter().flatten());
    let primary = AnnotationKind::Primary
        .span(part.place(&span))
        .label(shown(&diagnostic.label));
    let mut snippet = Snippet::source(style::unmarked(&source[part.bytes.clone()]))
        .line_start(part.first_line)
        .path(path)
        .annotation(primary);
    if let Some((span, label)) = related {
        let context = AnnotationKind::Context.span(part.place(&span));
        snippet = snippet.annotation(context.label(label));
    }
    let title = Level::ERROR.primary_title(shown(&diagnostic.message));
    let mut group = Group::with_title(title).element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(shown(help)));
    }
    group
}

/// An index of line starts, so that an error doesn't require a scan of the whole source.
pub struct Lines(Vec<usize>);

/// Complete lines of a source.
pub struct Part {
    /// Where they are.
    pub bytes: Range<usize>,
    /// The number of the first one, from 1.
    pub first_line: usize,
}

impl Lines {
    /// Creates the index of a source.
    pub fn of(source: &str) -> Self {
        let breaks = source.match_indices('\n').map(|(at, _)| at + 1);
        Lines(std::iter::once(0).chain(breaks).collect())
    }

    /// Returns the lines from the first to the last of these places.
    pub fn around<'s>(
        &self,
        source: &str,
        spans: impl Iterator<Item = &'s Range<usize>> + Clone,
    ) -> Part {
        let first = spans.clone().map(|span| span.start).min().unwrap_or(0);
        let last = spans.map(|span| span.end.max(span.start + 1) - 1).max();
        let before = |at| self.0.partition_point(|start| *start <= at);
        let first_line = before(first);
        let end = self.0.get(before(last.unwrap_or(first)));
        Part {
            bytes: self.0[first_line - 1]..end.copied().unwrap_or(source.len()),
            first_line,
        }
    }
}

impl Part {
    /// Returns a place in the source, relative to these lines.
    pub fn place(&self, span: &Range<usize>) -> Range<usize> {
        span.start - self.bytes.start..span.end - self.bytes.start
    }
}

/// Limits a span to its first line, with at least one character, so that an error in a table of
/// forty lines doesn't show all forty.
pub fn visible(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor_boundary(source, span.start);
    let end = floor_boundary(source, span.end).max(start);
    let line_end = source[start..end]
        .find('\n')
        .map_or(end, |offset| start + offset);
    if line_end > start {
        return start..line_end;
    }
    let next = source[start..].chars().next().map_or(0, char::len_utf8);
    start..start + next
}

/// Returns the nearest character boundary at or before `index`.
pub fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Report {}

impl Classified for Report {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}
