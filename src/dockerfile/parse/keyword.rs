//! What an instruction begins with.

/// The instructions of the Dockerfile reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Docker's own words")]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
}

impl Keyword {
    pub(super) const ALL: [(&'static str, Keyword); 18] = [
        ("ADD", Keyword::Add),
        ("ARG", Keyword::Arg),
        ("CMD", Keyword::Cmd),
        ("COPY", Keyword::Copy),
        ("ENTRYPOINT", Keyword::Entrypoint),
        ("ENV", Keyword::Env),
        ("EXPOSE", Keyword::Expose),
        ("FROM", Keyword::From),
        ("HEALTHCHECK", Keyword::Healthcheck),
        ("LABEL", Keyword::Label),
        ("MAINTAINER", Keyword::Maintainer),
        ("ONBUILD", Keyword::Onbuild),
        ("RUN", Keyword::Run),
        ("SHELL", Keyword::Shell),
        ("STOPSIGNAL", Keyword::Stopsignal),
        ("USER", Keyword::User),
        ("VOLUME", Keyword::Volume),
        ("WORKDIR", Keyword::Workdir),
    ];

    pub(super) fn named(word: &str) -> Option<Keyword> {
        let word = word.to_ascii_uppercase();
        let entry = Self::ALL.iter().find(|(name, _)| *name == word)?;
        Some(entry.1)
    }

    /// As it is usually written.
    pub fn name(self) -> &'static str {
        let entry = Self::ALL.iter().find(|(_, keyword)| *keyword == self);
        entry.map_or("", |(name, _)| name)
    }

    /// BuildKit reads heredocs behind these only (`heredocDirectives`).
    pub(super) fn takes_heredocs(self) -> bool {
        matches!(self, Keyword::Add | Keyword::Copy | Keyword::Run)
    }

    pub(super) fn takes_json(self) -> bool {
        matches!(
            self,
            Keyword::Add
                | Keyword::Cmd
                | Keyword::Copy
                | Keyword::Entrypoint
                | Keyword::Run
                | Keyword::Shell
                | Keyword::Volume
        )
    }
}
