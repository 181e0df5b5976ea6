//! The files that `fitout use` writes: the personal file with the choice, and the resulting block
//! of `.env`. Planned before anything is written.

use std::path::Path;

use anyhow::anyhow;

use crate::dotenv;
use crate::error::{Failure, ResultExt as _};
use crate::host::files::{self, Mode};
use crate::manifest;
use crate::manifest::edit::{Section, value};
use crate::ops::generate::{self, PlannedFile};
use crate::ops::{Opened, open::read};
use crate::ui::Ui;
use crate::workspace::{RunsOn, Service};

/// The first line of a new personal file.
const PREAMBLE: &str = "\
# One person's choices on one machine; never committed. They go over what workspace.toml says.
";

/// The files to write.
pub(crate) struct Change {
    /// The workspace after the change.
    pub(crate) after: Opened,
    /// The personal file before and after the change.
    pub(crate) personal: (Option<String>, String),
    pub(crate) env: PlannedFile,
    /// `.env` before the change.
    pub(crate) env_before: String,
}

impl Change {
    pub(crate) fn of(
        opened: &Opened,
        services: &[&Service],
        place: RunsOn,
    ) -> Result<Self, Failure> {
        let before = read(&opened.root, manifest::PERSONAL_FILE)?;
        let mut text = before.clone().unwrap_or_default();
        for service in services {
            text = with_choice(&text, service, place)?;
        }
        if before.is_none() && !text.is_empty() {
            text = format!("{PREAMBLE}\n{text}");
        }
        let after = opened.with_personal(text.clone())?;
        let plan = generate::plan(&after)?;
        let mut files = plan.files.into_iter();
        let env = files
            .find(|file| file.name == dotenv::FILE)
            .ok_or_else(|| anyhow!("generate doesn't plan an `.env`"))?;
        Ok(Change {
            env_before: files::read(&opened.root.join(dotenv::FILE))?.unwrap_or_default(),
            personal: (before, text),
            after,
            env,
        })
    }

    fn changes_personal(&self) -> bool {
        let (before, after) = &self.personal;
        before.as_deref().unwrap_or_default() != after
    }

    pub(crate) fn is_any(&self) -> bool {
        self.changes_personal() || self.env.change.is_some()
    }

    pub(crate) fn write(&self, ui: &Ui, root: &Path) -> Result<(), Failure> {
        if self.changes_personal() {
            let (before, after) = &self.personal;
            files::write_within(root, manifest::PERSONAL_FILE, after, Mode::Shared)?;
            let verb = if before.is_some() { "updated" } else { "wrote" };
            ui.say(format_args!("{verb} {}", manifest::PERSONAL_FILE));
        }
        self.env.write(ui, root)
    }
}

/// Returns the personal file with the choice. If the choice equals the manifest's, the line is
/// removed, so that the user follows later changes of the manifest; a line with a comment is kept,
/// with the value.
fn with_choice(text: &str, service: &Service, place: RunsOn) -> Result<String, Failure> {
    let key = value::Place {
        section: Section::Services,
        entry: &service.name,
        key: "runs_on",
    };
    let edited = if place == service.runs_on {
        value::unset(text, key).transpose()
    } else {
        None
    };
    let edited = edited.unwrap_or_else(|| value::set(text, key, place.word()));
    let edited = edited.with_context(|| format!("can't edit {}", manifest::PERSONAL_FILE));
    edited.map_err(|failure| {
        failure.hint(format!(
            "edit it yourself:\n\n[services.{}]\n{} = \"{}\"",
            key.entry,
            key.key,
            place.word()
        ))
    })
}
