//! Reads a Dockerfile into instructions, each with its place in the source.
//!
//! Follows BuildKit's parser (frontend/dockerfile/parser): directives, continued lines, comments
//! between them, heredocs, ONBUILD, BOM and CRLF. What can't be read is a [`Problem`] with its
//! place, and reading goes on behind it. Knows no rules.

mod heredoc;
mod joined;
mod keyword;
mod lines;
mod words;

use std::ops::Range;

pub use heredoc::Heredoc;
pub use joined::Joined;
pub use keyword::Keyword;
pub use words::{Pair, Word};

use lines::{Line, Lines};

/// What a Dockerfile says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The parser directives at its top: `syntax`, `escape`, `check`.
    pub directives: Vec<Directive>,
    /// In the order of the file.
    pub instructions: Vec<Instruction>,
    /// The comments outside of heredocs, in the order of the file.
    pub comments: Vec<Comment>,
    /// What can't be read.
    pub problems: Vec<Problem>,
}

/// A parser directive: `# syntax=docker/dockerfile:1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// In lower case.
    pub name: String,
    /// As it stands there.
    pub value: String,
    /// The whole line.
    pub span: Range<usize>,
}

/// A comment that takes a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Without the `#` and the spaces around it.
    pub text: String,
    /// From the `#` to the end of the line.
    pub span: Range<usize>,
}

/// Why a part of the file can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Range<usize>,
    /// What is wrong there: a lower-case sentence without a full stop.
    pub message: String,
}

/// One instruction with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Which.
    pub keyword: Keyword,
    /// From the keyword to the end of its last line, heredocs included.
    pub span: Range<usize>,
    /// The keyword and its arguments, up to the end of the last line before a heredoc.
    pub head: Range<usize>,
    /// Runs in the images that are built from this one, not here.
    pub onbuild: bool,
    /// `--name=value`, in front of the arguments.
    pub flags: Vec<Flag>,
    /// The arguments, continued lines joined.
    pub arguments: Joined,
    /// The arguments of the JSON form; `None` where it is the shell form.
    pub exec: Option<Vec<Word>>,
    /// The texts that follow.
    pub heredocs: Vec<Heredoc>,
}

/// An option of an instruction: `--from=build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// `from`
    pub name: String,
    /// `build`; empty where there is no `=`.
    pub value: String,
    /// The whole option.
    pub span: Range<usize>,
}

impl Dockerfile {
    /// The value of a parser directive.
    pub fn directive(&self, name: &str) -> Option<&Directive> {
        self.directives
            .iter()
            .find(|directive| directive.name == name)
    }

    /// Whether the file is written for BuildKit's or Docker's own Dockerfile frontend. Another one
    /// that `# syntax=` names may read a language of its own.
    pub fn is_for_dockers_frontend(&self) -> bool {
        self.directive("syntax").is_none_or(|directive| {
            let image = directive.value.trim_start_matches("docker.io/");
            image
                .strip_prefix("docker/dockerfile")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@', '-']))
        })
    }
}

impl Instruction {
    /// The value of an option.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let flag = self.flags.iter().find(|flag| flag.name == name)?;
        Some(&flag.value)
    }

    /// The arguments as words: those of the JSON form, or split at spaces outside of quotes.
    pub fn words(&self) -> Vec<Word> {
        match &self.exec {
            Some(words) => words.clone(),
            None => words::split(&self.arguments),
        }
    }

    /// What ENV, LABEL or ARG sets.
    pub fn pairs(&self) -> Vec<Pair> {
        words::pairs(self.keyword, &self.arguments)
    }
}

/// Reads a Dockerfile.
pub fn parse(source: &str) -> Dockerfile {
    let mut parser = Parser {
        lines: Lines::new(source),
        escape: '\\',
        file: Dockerfile::default(),
    };
    parser.directives();
    while let Some(line) = parser.lines.next() {
        parser.line(line);
    }
    parser.check_order();
    parser.file
}

struct Parser<'s> {
    lines: Lines<'s>,
    escape: char,
    file: Dockerfile,
}

impl<'s> Parser<'s> {
    fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.file.problems.push(Problem {
            span,
            message: message.into(),
        });
    }

    /// Directives stand at the top, before any other comment and any blank line.
    fn directives(&mut self) {
        while let Some(line) = self.lines.peek() {
            let Some(directive) = directive(&line) else {
                break;
            };
            self.lines.next();
            if self.file.directive(&directive.name).is_some() {
                self.problem(
                    directive.span.clone(),
                    format!("duplicate directive `{}`", directive.name),
                );
            }
            if directive.name == "escape" {
                match directive.value.as_str() {
                    "\\" => self.escape = '\\',
                    "`" => self.escape = '`',
                    other => self.problem(
                        directive.span.clone(),
                        format!(
                            "the escape character must be a backslash or a backtick, not `{other}`"
                        ),
                    ),
                }
            }
            self.file.directives.push(directive);
        }
    }

    fn line(&mut self, line: Line<'s>) {
        let trimmed = line.text.trim();
        if trimmed.is_empty() {
            return;
        }
        if let Some(comment) = comment(&line) {
            self.file.comments.push(comment);
            return;
        }
        let text = self.joined(line);
        if let Some(instruction) = self.instruction(&text) {
            self.file.instructions.push(instruction);
        }
    }

    /// A line and those that continue it. Comments and blank lines between them count for nothing.
    fn joined(&mut self, first: Line<'s>) -> Joined {
        let mut text = Joined::new(self.escape);
        let mut line = first;
        loop {
            match continued(line.text, self.escape) {
                None => {
                    text.push(line.text, line.start);
                    return text.trimmed();
                }
                Some(kept) => text.push(kept, line.start),
            }
            loop {
                let Some(next) = self.lines.next() else {
                    return text.trimmed();
                };
                if next.text.trim().is_empty() {
                    continue;
                }
                if let Some(comment) = comment(&next) {
                    self.file.comments.push(comment);
                    continue;
                }
                line = next;
                break;
            }
        }
    }

    fn instruction(&mut self, text: &Joined) -> Option<Instruction> {
        let head = text.span();
        let (word, rest) = text.split_word();
        let Some(keyword) = Keyword::named(word.text()) else {
            let names = Keyword::ALL.iter().map(|(name, _)| *name);
            let upper = word.text().to_ascii_uppercase();
            let message = match crate::manifest::report::closest(&upper, names) {
                Some(name) => format!(
                    "unknown instruction `{}`; did you mean `{name}`?",
                    word.text()
                ),
                None => format!("unknown instruction `{}`", word.text()),
            };
            self.problem(word.span(), message);
            return None;
        };
        let (keyword, onbuild, rest) = if keyword == Keyword::Onbuild {
            let (inner, rest) = rest.split_word();
            match Keyword::named(inner.text()) {
                Some(Keyword::Onbuild | Keyword::From | Keyword::Maintainer) => {
                    self.problem(
                        inner.span(),
                        format!("`ONBUILD {}` is not allowed", inner.text()),
                    );
                    return None;
                }
                Some(inner) => (inner, true, rest),
                None => {
                    self.problem(head, "`ONBUILD` needs an instruction");
                    return None;
                }
            }
        } else {
            (keyword, false, rest)
        };
        let (flags, arguments) = words::flags(rest);
        if arguments.text().is_empty() {
            self.problem(head, format!("`{}` needs an argument", keyword.name()));
            return None;
        }
        let exec = keyword
            .takes_json()
            .then(|| words::json(&arguments))
            .flatten();
        let heredocs = if keyword.takes_heredocs() && exec.is_none() {
            self.heredocs(&arguments)
        } else {
            Vec::new()
        };
        let end = heredocs.last().map_or(head.end, |heredoc| heredoc.end);
        self.check_arguments(keyword, &arguments, exec.as_deref());
        Some(Instruction {
            keyword,
            span: head.start..end,
            head,
            onbuild,
            flags,
            arguments,
            exec,
            heredocs,
        })
    }

    fn heredocs(&mut self, arguments: &Joined) -> Vec<Heredoc> {
        let mut heredocs = Vec::new();
        for opening in heredoc::openings(arguments) {
            let start = self.lines.position;
            let mut end = start;
            let closed = loop {
                let Some(line) = self.lines.next() else {
                    break None;
                };
                if opening.closes(line.text) {
                    break Some(line.start + line.text.len());
                }
                end = self.lines.position;
            };
            let Some(line_end) = closed else {
                self.problem(
                    opening.span.clone(),
                    format!("the heredoc `{}` is not terminated", opening.terminator),
                );
                return heredocs;
            };
            heredocs.push(Heredoc {
                terminator: opening.terminator,
                body: start..end,
                text: self.lines.source[start..end].to_owned(),
                end: line_end,
            });
        }
        heredocs
    }

    fn check_arguments(&mut self, keyword: Keyword, arguments: &Joined, exec: Option<&[Word]>) {
        let words = match exec {
            Some(words) => words.to_vec(),
            None => words::split(arguments),
        };
        match keyword {
            Keyword::From => {
                let is_named = words.len() == 3 && words[1].text.eq_ignore_ascii_case("as");
                if words.len() != 1 && !is_named {
                    self.problem(
                        arguments.span(),
                        "expected `FROM image` or `FROM image AS name`",
                    );
                }
            }
            Keyword::Copy | Keyword::Add if words.len() < 2 => {
                let message = format!("`{}` needs a source and a destination", keyword.name());
                self.problem(arguments.span(), message);
            }
            Keyword::Env if words::pairs(keyword, arguments).is_empty() => {
                self.problem(arguments.span(), "`ENV` needs a name and a value");
            }
            Keyword::Shell if exec.is_none() => {
                self.problem(
                    arguments.span(),
                    "`SHELL` takes its arguments as a JSON list",
                );
            }
            _ => {}
        }
    }

    /// A file starts with FROM; only ARG may stand before it.
    fn check_order(&mut self) {
        let first = self.file.instructions.iter().find(|instruction| {
            instruction.keyword == Keyword::From || instruction.keyword != Keyword::Arg
        });
        match first {
            Some(first) if first.keyword == Keyword::From => {}
            Some(first) => {
                let (span, name) = (first.head.clone(), first.keyword.name());
                self.problem(
                    span,
                    format!("`{name}` before the first `FROM`; only `ARG` is allowed there"),
                );
            }
            None if self.file.problems.is_empty() => {
                self.problem(0..self.lines.source.len(), "there is no `FROM`");
            }
            None => {}
        }
    }
}

/// What is left of a line that the next one continues; `None` where it ends the instruction. Two
/// escape characters in a row stand for one and continue nothing.
fn continued(line: &str, escape: char) -> Option<&str> {
    let kept = line
        .trim_end_matches([' ', '\t', '\r'])
        .strip_suffix(escape)?;
    (!kept.ends_with(escape)).then_some(kept)
}

fn comment(line: &Line<'_>) -> Option<Comment> {
    let trimmed = line.text.trim_start();
    let text = trimmed.strip_prefix('#')?;
    let start = line.start + line.text.len() - trimmed.len();
    Some(Comment {
        text: text.trim().to_owned(),
        span: start..start + trimmed.trim_end().len(),
    })
}

fn directive(line: &Line<'_>) -> Option<Directive> {
    let comment = comment(line)?;
    let (name, value) = comment.text.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    // Docker's directives; any other `# name=value` is a comment, and ends them.
    ["syntax", "escape", "check"]
        .contains(&name.as_str())
        .then(|| Directive {
            name,
            value: value.trim().to_owned(),
            span: comment.span,
        })
}

#[cfg(test)]
mod tests;
