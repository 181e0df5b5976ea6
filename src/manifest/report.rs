//! How a problem in a manifest looks: file, line, source text, caret, and what to write instead.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// One thing that is wrong at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Bytes of the source that the caret points at.
    pub span: Range<usize>,
    /// What is wrong: a lower-case sentence without a full stop.
    pub message: String,
    /// What stands at the caret, in a few words; may be empty.
    pub label: String,
    /// Another place that matters, such as the first of two duplicates.
    pub related: Option<(Range<usize>, String)>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem at one place.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Diagnostic {
            span,
            message: message.into(),
            label: String::new(),
            related: None,
            help: None,
        }
    }

    /// Adds a few words at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a second place.
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

    /// Says "did you mean" at the caret when one of the candidates is close to `found`.
    #[must_use]
    pub fn suggest<'a>(self, found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(found, candidates) {
            Some(candidate) => self.label(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// The candidate that a person most likely meant, if any is close enough.
pub fn closest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // 0.8 accepts `prots` for `ports` and `databse` for `database`, and refuses unrelated words.
    const CLOSE: f64 = 0.8;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= CLOSE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    path: String,
    source: String,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// A report on a file: `path` as the user should see it, `source` as it was read.
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

    /// The problems, in the order of the file's lines.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// As `Display`, with colours.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            text.push_str(&renderer.render(&self.groups(diagnostic)));
            text.push_str("\n\n");
        }
        let count = self.diagnostics.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        text + &format!("{count} {problems} in `{}`; nothing was changed", self.path)
    }

    fn groups<'a>(&'a self, diagnostic: &'a Diagnostic) -> Vec<Group<'a>> {
        let primary = AnnotationKind::Primary
            .span(visible(&self.source, &diagnostic.span))
            .label(diagnostic.label.as_str());
        let mut snippet = Snippet::source(self.source.as_str())
            .path(self.path.as_str())
            .annotation(primary);
        if let Some((span, label)) = &diagnostic.related {
            snippet = snippet.annotation(
                AnnotationKind::Context
                    .span(visible(&self.source, span))
                    .label(label.as_str()),
            );
        }
        let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()))
            .element(snippet);
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        vec![group]
    }
}

/// A span inside the source, at least one character wide and within its first line, so that a
/// caret under a table of forty lines does not draw all forty.
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

/// The nearest boundary of a character at or before `index`.
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
