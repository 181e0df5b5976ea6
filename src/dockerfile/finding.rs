//! The types of lint: rules, levels and findings.

use std::ops::Range;

use super::fix::Fix;

/// The level of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Costs time or security.
    Warning,
    /// Wrong.
    Error,
}

impl Level {
    /// Returns the lower-case name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// The rules. docs/lint.md has their exact definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The file can't be read.
    Syntax,
    /// An install runs again after each change of the source.
    CopyBeforeInstall,
    /// The base image is not pinned.
    UnpinnedBase,
    /// The production image runs as root.
    RootUser,
    /// A secret is stored in the image.
    SecretInBuild,
    /// The build context contains files that should not be in an image.
    Dockerignore,
    /// The production image contains compilers.
    BuildToolsInImage,
    /// There is no health check.
    NoHealthcheck,
    /// The production image starts a development server.
    DevServerInProduction,
    /// An ignore comment has no reason, no rule, or nothing to ignore.
    IgnoreComment,
}

impl Rule {
    /// In the order of docs/lint.md.
    pub const ALL: [Rule; 10] = [
        Rule::Syntax,
        Rule::CopyBeforeInstall,
        Rule::UnpinnedBase,
        Rule::RootUser,
        Rule::SecretInBuild,
        Rule::Dockerignore,
        Rule::BuildToolsInImage,
        Rule::NoHealthcheck,
        Rule::DevServerInProduction,
        Rule::IgnoreComment,
    ];

    /// Returns the name in messages, comments and docs.
    pub fn id(self) -> &'static str {
        match self {
            Rule::Syntax => "syntax",
            Rule::CopyBeforeInstall => "copy-before-install",
            Rule::UnpinnedBase => "unpinned-base",
            Rule::RootUser => "root-user",
            Rule::SecretInBuild => "secret-in-build",
            Rule::Dockerignore => "dockerignore",
            Rule::BuildToolsInImage => "build-tools-in-image",
            Rule::NoHealthcheck => "no-healthcheck",
            Rule::DevServerInProduction => "dev-server-in-production",
            Rule::IgnoreComment => "ignore-comment",
        }
    }

    /// Returns the rule with that name.
    pub fn named(id: &str) -> Option<Rule> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// Returns the level of its findings.
    pub fn level(self) -> Level {
        match self {
            Rule::Syntax | Rule::SecretInBuild => Level::Error,
            Rule::NoHealthcheck => Level::Info,
            _ => Level::Warning,
        }
    }

    /// Returns why it matters, as a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Rule::Syntax => "Docker can't build what it can't parse.",
            Rule::CopyBeforeInstall => {
                "Docker reruns every step after the first change, so each edit reinstalls everything."
            }
            Rule::UnpinnedBase => {
                "Without a fixed tag, two builds of the same commit can have different bases."
            }
            Rule::RootUser => {
                "An attacker who takes over a root process owns the container, and is one kernel bug away from the host."
            }
            Rule::SecretInBuild => "Everyone who can pull the image can read its ARG and ENV.",
            Rule::Dockerignore => {
                "Local files get into the image, and every change to them invalidates the cache."
            }
            Rule::BuildToolsInImage => {
                "Build tools make the image large and slow to pull, and help an attacker."
            }
            Rule::NoHealthcheck => {
                "Without one, a hanging service counts as running, and dependents start too early."
            }
            Rule::DevServerInProduction => {
                "Development servers reload, expose internals and are made for a single user."
            }
            Rule::IgnoreComment => {
                "A comment that ignores a rule should say why, and be removed when it is no longer needed."
            }
        }
    }

    /// Returns the equivalent rules of other linters: `("hadolint", "DL3006")`. Sources: hadolint's
    /// wiki, Docker's build checks, trivy's Dockerfile checks.
    pub fn elsewhere(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Rule::UnpinnedBase => &[
                ("hadolint", "DL3006"),
                ("hadolint", "DL3007"),
                ("trivy", "DS-0001"),
            ],
            Rule::RootUser => &[("hadolint", "DL3002"), ("trivy", "DS-0002")],
            Rule::SecretInBuild => &[("buildkit", "SecretsUsedInArgOrEnv"), ("trivy", "DS-0031")],
            Rule::NoHealthcheck => &[("hadolint", "DL3057"), ("trivy", "DS-0026")],
            _ => &[],
        }
    }

    /// Returns the rule that is equivalent to another linter's.
    pub fn same_as(tool: &str, id: &str) -> Option<Rule> {
        Self::ALL.into_iter().find(|rule| {
            let mut elsewhere = rule.elsewhere().iter();
            elsewhere.any(|(other, name)| *other == tool && name.eq_ignore_ascii_case(id))
        })
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `fitout`, or the name of another linter.
    pub tool: &'static str,
    /// The rule's id; the other linter's own id if `tool` is one.
    pub rule: String,
    /// The level.
    pub level: Level,
    /// The span in the Dockerfile.
    pub span: Range<usize>,
    /// The message: a lower-case sentence without a full stop.
    pub message: String,
    /// A short label at the caret; may be empty.
    pub label: String,
    /// A related place.
    pub related: Option<(Range<usize>, String)>,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
    /// A change that fixes it, if that is mechanical.
    pub fix: Option<Fix>,
    /// A value that must not be shown.
    pub secret: Option<Range<usize>>,
    /// Other linters with the same finding: `hadolint DL3006`.
    pub also: Vec<String>,
}

impl Finding {
    /// A finding of one of fitout's rules.
    pub fn new(rule: Rule, span: Range<usize>, message: impl Into<String>) -> Self {
        Finding {
            tool: "fitout",
            rule: rule.id().to_owned(),
            level: rule.level(),
            span,
            message: message.into(),
            label: String::new(),
            related: None,
            why: rule.why().to_owned(),
            help: None,
            fix: None,
            secret: None,
            also: Vec::new(),
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

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a change that fixes it.
    #[must_use]
    pub fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }
}
