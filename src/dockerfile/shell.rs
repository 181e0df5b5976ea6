//! The commands of a shell script, as far as a linter needs them: which programs run, with which
//! arguments. It expands nothing and knows no control flow.

use std::ops::Range;

use super::parse::{Instruction, Keyword};

/// A simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments, without quotes.
    pub words: Vec<String>,
    /// Where it stands in the source.
    pub span: Range<usize>,
}

impl Command {
    /// The program's name without its folder.
    pub fn program(&self) -> &str {
        let program = self.words.first().map_or("", String::as_str);
        program.rsplit('/').next().unwrap_or(program)
    }

    /// The command for a message: a long one is cut.
    pub fn shown(&self) -> String {
        // Longer ones push the rest of a message out of sight.
        const LONGEST: usize = 60;
        let whole = self.words.join(" ");
        if whole.chars().count() <= LONGEST {
            return whole;
        }
        let start: String = whole.chars().take(LONGEST - 1).collect();
        format!("{}…", start.trim_end())
    }

    /// What stands behind the program.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// The commands that an instruction runs: RUN with its heredocs, CMD, ENTRYPOINT.
pub fn commands(instruction: &Instruction) -> Vec<Command> {
    if let Some(words) = &instruction.exec {
        let span = instruction.head.clone();
        let words: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
        return unwrapped(Command { words, span });
    }
    let arguments = &instruction.arguments;
    let mut found = split(arguments.text(), arguments.escape(), &|range| {
        arguments.source_span(range)
    });
    let script = instruction.heredocs.first().filter(|heredoc| {
        // A heredoc alone is the script; behind a shell it is that shell's script.
        let runs = found
            .first()
            .is_none_or(|command| SHELLS.contains(&command.program()));
        let interpreter = heredoc.text.lines().next().unwrap_or_default();
        let is_shell = !interpreter.starts_with("#!")
            || SHELLS
                .iter()
                .any(|shell| interpreter.trim_end().ends_with(shell));
        instruction.keyword == Keyword::Run && runs && is_shell
    });
    if let Some(heredoc) = script {
        let start = heredoc.body.start;
        found.extend(split(&heredoc.text, '\\', &|range| {
            start + range.start..start + range.end
        }));
    }
    found
}

const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];

/// Programs that run the command behind them.
const WRAPPERS: [&str; 11] = [
    "sudo",
    "env",
    "exec",
    "time",
    "nice",
    "nohup",
    "command",
    "corepack",
    "tini",
    "dumb-init",
    "then",
];

/// Words of the shell's grammar in front of a command.
const GRAMMAR: [&str; 9] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{",
];

fn split(text: &str, escape: char, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Vec<Command> {
    let mut splitter = Splitter {
        escape,
        words: Vec::new(),
        word: None,
        start: 0,
        end: 0,
        found: Vec::new(),
    };
    splitter.run(text);
    splitter
        .found
        .into_iter()
        .flat_map(|(words, range)| {
            unwrapped(Command {
                words,
                span: place(range),
            })
        })
        .collect()
}

struct Splitter {
    escape: char,
    words: Vec<String>,
    word: Option<String>,
    start: usize,
    end: usize,
    found: Vec<(Vec<String>, Range<usize>)>,
}

impl Splitter {
    fn run(&mut self, text: &str) {
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match character {
                _ if character == self.escape => {
                    let escaped = characters.next();
                    // A line that is continued is one line.
                    if let Some((_, escaped)) = escaped.filter(|(_, escaped)| *escaped != '\n') {
                        self.push(at, escaped);
                    }
                }
                '\'' | '"' => {
                    self.begin(at);
                    while let Some((at, quoted)) = characters.next() {
                        self.end = at + quoted.len_utf8();
                        if quoted == character {
                            break;
                        }
                        if quoted == self.escape && character == '"' {
                            if let Some((_, escaped)) = characters.next() {
                                self.word.get_or_insert_default().push(escaped);
                            }
                            continue;
                        }
                        self.word.get_or_insert_default().push(quoted);
                    }
                }
                '#' if self.word.is_none() => {
                    while characters.next_if(|(_, next)| *next != '\n').is_some() {}
                }
                // `2>&1` and `&>` don't end a command.
                '&' if self.word.as_deref().is_some_and(|word| word.ends_with('>'))
                    || next == Some('>') =>
                {
                    self.push(at, character);
                }
                '\n' | ';' | '&' | '|' | '(' | ')' => self.end_command(),
                _ if character.is_whitespace() => self.end_word(),
                _ => self.push(at, character),
            }
        }
        self.end_command();
    }

    fn begin(&mut self, at: usize) {
        if self.words.is_empty() && self.word.is_none() {
            self.start = at;
        }
        self.word.get_or_insert_default();
    }

    fn push(&mut self, at: usize, character: char) {
        self.begin(at);
        self.word.get_or_insert_default().push(character);
        self.end = at + character.len_utf8();
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.found
                .push((words, self.start..self.end.max(self.start)));
        }
    }
}

/// The command without what stands in front of it: assignments, `sudo`, `sh -c`.
fn unwrapped(mut command: Command) -> Vec<Command> {
    loop {
        let Some(first) = command.words.first() else {
            return Vec::new();
        };
        let program = command.program();
        let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || character == '_')
        });
        if is_assignment || GRAMMAR.contains(&program) || first.starts_with("<<") {
            command.words.remove(0);
        } else if WRAPPERS.contains(&program) && command.words.len() > 1 {
            if program == "corepack" && command.words[1] == "enable" {
                return vec![command];
            }
            command.words.remove(0);
            while command
                .words
                .first()
                .is_some_and(|word| word.starts_with('-'))
            {
                command.words.remove(0);
            }
        } else {
            break;
        }
    }
    if SHELLS.contains(&command.program())
        && let Some(at) = command.words.iter().position(|word| {
            word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
        })
        && let Some(script) = command.words.get(at + 1)
    {
        let span = command.span.clone();
        return split(script, '\\', &|_| span.clone());
    }
    vec![command]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse::parse;

    fn run(text: &str) -> Vec<String> {
        let source = format!("FROM a\n{text}\n");
        let file = parse(&source);
        assert_eq!(file.problems, []);
        commands(&file.instructions[1])
            .iter()
            .map(|command| command.words.join(" "))
            .collect()
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        let cases: [(&str, &[&str]); 14] = [
            ("RUN a b && c; d | e &", &["a b", "c", "d", "e"]),
            ("RUN a 2>&1 && b", &["a 2>&1", "b"]),
            ("RUN X=1 Y='2 3' a \"b c\"", &["a b c"]),
            ("RUN [\"npm\", \"ci\"]", &["npm ci"]),
            (
                "CMD [\"sh\", \"-c\", \"exec npm run dev\"]",
                &["npm run dev"],
            ),
            ("RUN bash -ec 'a && b'", &["a", "b"]),
            (
                "RUN set -eux; \\\n  # why\n  a; \\\n  b",
                &["set -eux", "a", "b"],
            ),
            (
                "RUN <<EOF\nset -e\n# why\na \\\n  b\nEOF",
                &["set -e", "a b"],
            ),
            ("RUN bash <<EOF\na\nEOF", &["bash <<EOF", "a"]),
            ("RUN python3 <<EOF\nnpm ci\nEOF", &["python3 <<EOF"]),
            ("RUN <<EOF\n#!/usr/bin/env python3\nnpm ci\nEOF", &[]),
            (
                "RUN if [ -f x ]; then npm ci; fi",
                &["[ -f x ]", "npm ci", "fi"],
            ),
            ("RUN (cd a && sudo -E npm ci)", &["cd a", "npm ci"]),
            ("RUN echo \"a && b\" # c", &["echo a && b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(run(text), expected, "{text}");
        }
    }

    #[test]
    fn spans_lead_to_the_source() {
        let source = "FROM a\nRUN apt-get update \\\n && npm ci\nRUN <<EOF\nyarn\nEOF\n";
        let file = parse(source);
        let shown: Vec<&str> = file
            .instructions
            .iter()
            .skip(1)
            .flat_map(commands)
            .map(|command| &source[command.span])
            .collect();
        assert_eq!(
            shown,
            ["apt-get update", "npm ci", "<<EOF", "yarn"][..2]
                .iter()
                .chain(&["yarn"])
                .copied()
                .collect::<Vec<_>>()
        );
    }
}
