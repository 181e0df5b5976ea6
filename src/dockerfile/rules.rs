//! The rules: one file each, one function each, from a build of a Dockerfile to findings.
//!
//! docs/lint.md has the exact words of each rule. A rule that can't know something is silent.

mod build_tools;
mod copy_before_install;
mod dev_server;
mod dockerignore;
mod healthcheck;
mod root_user;
mod secret;
mod unpinned_base;

use super::breadth::{self, Breadth};
use super::file::{Build, Context, Purpose};
use super::finding::Finding;
use super::ignore_file::IgnoreFile;
use super::parse::{Instruction, Keyword, Word};
use super::shell::Command;
use super::stages::{Base, Stage, Stages, mount_option};
use super::variables;

/// What a rule looks at: one build of one Dockerfile.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'u> {
    /// The Dockerfile's text.
    pub source: &'u str,
    /// Its build context.
    pub context: &'u Context,
    /// What of that Docker leaves out.
    pub ignore_file: &'u IgnoreFile,
    /// How it is built.
    pub build: &'u Build,
    /// All stages of the file.
    pub stages: &'u Stages<'u>,
    /// The stage that becomes the image.
    pub built: &'u Stage<'u>,
}

/// Returns the findings of all rules.
pub fn check(unit: &Unit<'_>) -> Vec<Finding> {
    let mut findings = copy_before_install::check(unit);
    findings.extend(unpinned_base::check(unit));
    findings.extend(secret::check(unit));
    findings.extend(dockerignore::check(unit));
    findings.extend(healthcheck::check(unit));
    if unit.build.purpose == Purpose::Production {
        findings.extend(root_user::check(unit));
        findings.extend(build_tools::check(unit));
        findings.extend(dev_server::check(unit));
    }
    findings
}

/// Whether a command, as its words, starts a server that is made for development.
pub fn is_development_server(words: &[&str]) -> bool {
    dev_server::is_dev_server(&Command {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        span: 0..0,
    })
}

impl<'u> Unit<'u> {
    /// The instructions that made the image, the oldest first.
    fn history(&self) -> Vec<&'u Instruction> {
        self.stages.history(self.built)
    }

    /// The last one of a kind that made the image.
    fn last(&self, keyword: Keyword) -> Option<&'u Instruction> {
        self.history()
            .into_iter()
            .rev()
            .find(|instruction| instruction.keyword == keyword)
    }

    /// Whether the image only carries files: nothing runs in it.
    fn only_carries_files(&self) -> bool {
        let lineage = self.stages.lineage(self.built);
        let is_empty_base = lineage
            .first()
            .is_some_and(|stage| stage.base == Base::Scratch);
        is_empty_base
            && self.last(Keyword::Cmd).is_none()
            && self.last(Keyword::Entrypoint).is_none()
    }

    /// The image that the built stage comes from in the end, and its FROM.
    fn root(&self) -> &'u Stage<'u> {
        self.stages
            .lineage(self.built)
            .first()
            .copied()
            .unwrap_or(self.built)
    }

    /// What an instruction brings in from the build context by COPY, ADD or a bind mount, and how
    /// much that is.
    fn taken_from_context(&self, stage: &Stage<'_>, instruction: &Instruction) -> Vec<Taken> {
        match instruction.keyword {
            Keyword::Copy | Keyword::Add if instruction.flag("from").is_none() => {
                let mut words = instruction.words();
                words.pop();
                words
                    .into_iter()
                    .filter(|word| !is_elsewhere(&word.text))
                    .filter_map(|word| self.taken(stage, word))
                    .collect()
            }
            Keyword::Run => instruction
                .flags
                .iter()
                .filter(|flag| {
                    let is_bind =
                        matches!(mount_option(&flag.value, &["type"]), None | Some("bind"));
                    let from = mount_option(&flag.value, &["from"]);
                    flag.name == "mount" && is_bind && from.is_none()
                })
                .filter_map(|flag| {
                    let source = mount_option(&flag.value, &["source", "src"]).unwrap_or(".");
                    let word = Word {
                        text: source.to_owned(),
                        span: flag.span.clone(),
                    };
                    self.taken(stage, word)
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn taken(&self, stage: &Stage<'_>, word: Word) -> Option<Taken> {
        let path = variables::expand(&word.text, &stage.variables)?;
        let mut breadth = breadth::of(&path);
        // An ignore file that lets nothing but manifests in makes any COPY narrow.
        if breadth == Breadth::Everything
            && let Some(allowed) = self.ignore_file.allow_list()
            && allowed
                .iter()
                .all(|path| breadth::of(path) == Breadth::Narrow)
        {
            breadth = Breadth::Narrow;
        }
        Some(Taken { word, breadth })
    }
}

/// What COPY, ADD or a bind mount takes from the build context.
struct Taken {
    word: Word,
    breadth: Breadth,
}

/// A heredoc, a URL or a git repository: nothing of the build context.
fn is_elsewhere(source: &str) -> bool {
    source.starts_with("<<") || source.contains("://") || source.starts_with("git@")
}
