//! What a row of the tables says.

use std::fmt::Write as _;

/// What is true of a machine, and of two clones on it. In all texts, `TMP` is the machine's folder.
#[derive(Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    /// Of the user, for all clones: `section.name.key = value`, with `; ` between them.
    pub settings: &'static str,
    /// Likewise, of both clones when they are made.
    pub of_clone: &'static str,
    /// `NAME=value`; without a value, it is not set.
    pub variables: &'static [&'static str],
    /// `umask` of the programs, where there is one.
    pub umask: &'static str,
    /// A script in the machine's folder, before anything else.
    pub machine: &'static str,
    /// A script in both clones.
    pub here: &'static str,
    /// A script in a work tree of the remote.
    pub there: There,
    pub served: Served,
    pub expected: Expected,
}

/// What is new on the remote before the update.
#[derive(Clone, Copy, PartialEq)]
pub enum There {
    /// A commit that adds, changes, renames and removes files of all kinds.
    ACommit,
    /// What a script does.
    Script(&'static str),
}

/// How the remote is reached.
#[derive(Clone, Copy, PartialEq)]
pub enum Served {
    /// `file://`, by a git that has the same settings.
    AsFolder,
    /// `git://`
    ByDaemon,
    OverHttp,
    /// With a certificate of the company's own, which `TMP/tls/authority.pem` has signed.
    OverTls,
    /// Over HTTP, to who sends this header, whose name is in lower case.
    ToWhoHas(&'static str, &'static str),
}

/// What fitout is to make of it.
#[derive(Clone, Copy)]
pub enum Expected {
    /// What git makes of it. Where git refuses, fitout does, and leaves nothing.
    AsGit,
    /// What git makes of it without these variables: they are about another repository (docs/sync.md, "In a hook").
    WithoutTheVariables,
    /// A clone that is held back where git moves it, because of this rule. Its refs are what `git fetch` makes.
    HeldBack(&'static str),
    /// The same but for lines with one of these, because of this rule.
    But(&'static [&'static str], &'static str),
    /// Another update than git's, because of this rule.
    NotAsGit(&'static str),
}

/// Which of the two is compared.
#[derive(Clone, Copy, PartialEq)]
pub enum Compared {
    Clone,
    /// `git fetch` and `git merge --ff-only`, with the words of the logs. What git said is not compared: some
    /// rows are of what it refuses in part.
    Fetch,
    /// `git pull --ff-only`. The words of the logs are others there ("pull --ff-only: Fast-forward").
    Pull,
    CloneAndPull,
}

impl Row {
    pub const fn named(name: &'static str) -> Self {
        Row {
            name,
            settings: "",
            of_clone: "",
            variables: &[],
            umask: "",
            machine: "",
            here: "",
            there: There::ACommit,
            served: Served::AsFolder,
            expected: Expected::AsGit,
        }
    }

    /// A row of settings is named by them.
    pub const fn of_user(settings: &'static str) -> Self {
        Row {
            settings,
            ..Row::named(settings)
        }
    }

    pub const fn of_clone(settings: &'static str) -> Self {
        Row {
            of_clone: settings,
            ..Row::named(settings)
        }
    }

    pub const fn expected(self, expected: Expected) -> Self {
        Row { expected, ..self }
    }

    pub const fn machine(self, machine: &'static str) -> Self {
        Row { machine, ..self }
    }

    pub const fn served(self, served: Served) -> Self {
        Row { served, ..self }
    }
}

/// `core.compression = 9; core.bare; user.name =` as a file of git's: no value is another thing than an empty one.
pub fn as_file(settings: &str) -> String {
    let mut text = String::new();
    for setting in settings.split("; ").filter(|it| !it.is_empty()) {
        let key = setting.split(" =").next().unwrap();
        let (section, last) = key.rsplit_once('.').unwrap();
        let value = &setting[key.len()..];
        match section.split_once('.') {
            Some((section, name)) => writeln!(text, "[{section} \"{name}\"]"),
            None => writeln!(text, "[{section}]"),
        }
        .unwrap();
        writeln!(text, "\t{last}{value}").unwrap();
    }
    text
}
