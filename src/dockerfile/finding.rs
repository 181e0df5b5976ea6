//! What a linter has to say: the rules, how much each weighs, and one finding.

use std::ops::Range;

use super::fix::Fix;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Costs time or safety.
    Warning,
    /// Wrong.
    Error,
}

impl Level {
    /// In lower case, as in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// What fitout looks for. docs/lint.md has the exact rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The file can't be read.
    Syntax,
    /// An install runs again with each change of the source.
    CopyBeforeInstall,
    /// The base image is whatever is newest today.
    UnpinnedBase,
    /// The production image runs as root.
    RootUser,
    /// A secret is written into the image.
    SecretInBuild,
    /// The context brings in what no image should hold.
    Dockerignore,
    /// The production image holds compilers.
    BuildToolsInImage,
    /// Nothing says whether the service works.
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

    /// The name in messages, comments and documents.
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

    /// The rule of that name.
    pub fn named(id: &str) -> Option<Rule> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// How much its findings weigh.
    pub fn level(self) -> Level {
        match self {
            Rule::Syntax | Rule::SecretInBuild => Level::Error,
            Rule::NoHealthcheck => Level::Info,
            _ => Level::Warning,
        }
    }

    /// Why it matters: a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Rule::Syntax => "Docker can't build what it can't read.",
            Rule::CopyBeforeInstall => {
                "Docker repeats every step behind the first change, so each edit installs everything anew."
            }
            Rule::UnpinnedBase => {
                "Without a fixed tag, two builds of the same commit can have different bases."
            }
            Rule::RootUser => {
                "Who breaks into a process of root owns the container, and is a kernel bug from the host."
            }
            Rule::SecretInBuild => "Everybody who can pull the image can read its ARG and ENV.",
            Rule::Dockerignore => {
                "What is only one machine's gets into the image, and each change of it spoils the cache."
            }
            Rule::BuildToolsInImage => {
                "Build tools make the image large and slow to pull, and are at an intruder's hand."
            }
            Rule::NoHealthcheck => {
                "Without one, a service that hangs counts as running, and dependents start too early."
            }
            Rule::DevServerInProduction => {
                "Development servers reload, show their insides and are made for one user."
            }
            Rule::IgnoreComment => {
                "A comment that silences a rule says why, and goes when it is no longer needed."
            }
        }
    }

    /// What other linters call the same thing: `("hadolint", "DL3006")`. Sources: hadolint's wiki,
    /// Docker's build checks, trivy's Dockerfile checks.
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

    /// The rule that is the same as another linter's.
    pub fn same_as(tool: &str, id: &str) -> Option<Rule> {
        Self::ALL.into_iter().find(|rule| {
            let mut elsewhere = rule.elsewhere().iter();
            elsewhere.any(|(other, name)| *other == tool && name.eq_ignore_ascii_case(id))
        })
    }
}

/// One thing to say of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `fitout`, or the name of another linter.
    pub tool: &'static str,
    /// A rule's id; another linter's own where `tool` is one.
    pub rule: String,
    /// How much it weighs.
    pub level: Level,
    /// Where, in the Dockerfile.
    pub span: Range<usize>,
    /// What is wrong: a sentence that starts in lower case and has no full stop.
    pub message: String,
    /// A few words at the caret; may be empty.
    pub label: String,
    /// Another place that matters.
    pub related: Option<(Range<usize>, String)>,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
    /// A change that fixes it, where that is mechanical.
    pub fix: Option<Fix>,
    /// A value that should not be shown.
    pub secret: Option<Range<usize>>,
    /// Other linters that say the same: `hadolint DL3006`.
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
