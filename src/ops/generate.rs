//! Writes the compose file, and the blocks of `.env` and `.gitignore`.
//!
//! Everything is planned before anything is written ([`plan`]), so `--check`, `--diff` and doctor
//! see exactly what a plain run would write.

use std::path::Path;

use anyhow::anyhow;

use super::{Context, Opened, project};
use crate::compose::drift::{self, Change, Difference};
use crate::compose::effect::{self, Effects, Stack};
use crate::compose::overrides::{self, AddedPort};
use crate::compose::text::{self, Origin};
use crate::docker::Docker;
use crate::doctor::machine;
use crate::doctor::variables::Variables;
use crate::dotenv::BrokenBlock;
use crate::error::Failure;
use crate::host::address;
use crate::host::files::{self, Mode};
use crate::ui::{Ui, differences};
use crate::{compose, dotenv};

/// Whether to replace a compose file that was modified or not written by fitout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overwrite {
    /// Refuse, and explain where the edit belongs.
    Never,
    /// Replace it (`--force`).
    HandEdits,
}

/// The changes that `generate` would make.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The up to date compose file.
    pub compose: String,
    /// The differences in the compose file, per service; empty if it is up to date.
    pub differences: Vec<Difference>,
    /// Who wrote the existing compose file; `None` if there is none.
    pub origin: Option<Origin>,
    /// All files that fitout writes, in order.
    pub files: Vec<PlannedFile>,
}

/// One file that fitout writes.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    /// Its name in the workspace.
    pub name: &'static str,
    /// The change; `None` if it is up to date.
    pub change: Option<Change>,
    /// Whether it is committed, and checked by `--check`.
    pub committed: bool,
    /// Empty if it doesn't exist.
    old: String,
    /// The up to date content.
    pub text: String,
    mode: Mode,
}

impl PlannedFile {
    /// Writes it to the workspace if it is not up to date, and reports that.
    pub(crate) fn write(&self, ui: &Ui, root: &Path) -> Result<(), Failure> {
        if let Some(change) = self.change {
            files::write_within(root, self.name, &self.text, self.mode)?;
            ui.say(format_args!("{} {}", verb(change), self.name));
        }
        Ok(())
    }
}

impl Plan {
    /// Whether a committed file differs from what fitout would write.
    pub(crate) fn has_drift(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.committed && file.change.is_some())
    }

    /// Whether the compose file contains changes that would be overwritten.
    pub(crate) fn would_lose_edits(&self) -> bool {
        !self.differences.is_empty()
            && matches!(self.origin, Some(Origin::Edited | Origin::Foreign))
    }
}

/// Plans what `generate` would do. Only reads files.
pub(crate) fn plan(opened: &Opened) -> Result<Plan, Failure> {
    let Opened {
        root,
        workspace,
        personal,
    } = opened;
    let compose = compose::render(workspace);
    let old = files::read(&root.join(compose::FILE))?;
    let origin = old.as_deref().map(text::origin);
    let same = old.as_deref().is_some_and(|old| text::unix(old) == compose);
    let mut differences = Vec::new();
    if !same {
        differences = drift::compare(old.as_deref().unwrap_or_default(), &compose);
    }

    let change = |old: Option<&str>, new: &str| match old {
        None => Some(Change::Added),
        Some(old) if old == new => None,
        Some(_) => Some(Change::Changed),
    };
    let compose_file = PlannedFile {
        name: compose::FILE,
        change: if same {
            None
        } else {
            change(old.as_deref(), &compose)
        },
        committed: true,
        text: match old.as_deref() {
            Some(old) if text::is_windows(old) => compose.replace('\n', "\r\n"),
            _ => compose.clone(),
        },
        old: old.unwrap_or_default(),
        mode: Mode::Shared,
    };

    let with_block =
        |name, committed, mode, merge: &dyn Fn(&str) -> Result<String, BrokenBlock>| {
            let old = files::read(&root.join(name))?;
            let text = merge(old.as_deref().unwrap_or_default())
                .map_err(|broken| broken_block(root, name, broken))?;
            Ok::<_, Failure>(PlannedFile {
                name,
                change: change(old.as_deref(), &text),
                committed,
                old: old.unwrap_or_default(),
                text,
                mode,
            })
        };
    let ignore_file = with_block(dotenv::IGNORE_FILE, true, Mode::Shared, &|old| {
        dotenv::gitignore(old, workspace)
    })?;

    let address = address::detect(|limit| Docker::default().limit(limit).bridge_gateways());
    let machine = dotenv::Machine {
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        host_ip: address.ip,
        host_gateway: address.gateway,
    };
    let env_file = with_block(dotenv::FILE, false, Mode::Private, &|old| {
        dotenv::env(old, workspace, personal, &machine)
    })?;
    Ok(Plan {
        compose,
        differences,
        origin,
        files: vec![compose_file, env_file, ignore_file],
    })
}

/// Writes outdated files, and reports them. Refuses to overwrite a hand edit unless requested.
pub(crate) fn generate(
    context: &Context,
    opened: &Opened,
    overwrite: Overwrite,
) -> Result<Plan, Failure> {
    let plan = plan(opened)?;
    if plan.would_lose_edits() && overwrite == Overwrite::Never {
        return Err(refusal(&context.ui, &plan));
    }
    let added = added_ports(opened)?;
    for file in &plan.files {
        file.write(&context.ui, &opened.root)?;
    }
    if plan.files.iter().all(|file| file.change.is_none()) {
        context
            .ui
            .say(format_args!("{} is up to date", compose::FILE));
    }
    warn_of_other_files(&context.ui, &opened.root);
    warn_of_added_ports(&context.ui, &added);
    Ok(plan)
}

/// Writes this machine's values, and files that don't exist yet. Existing committed files are not
/// changed.
pub(crate) fn complete(opened: &Opened) -> Result<(), Failure> {
    for file in plan(opened)?.files {
        let is_wanted = match file.change {
            None => false,
            Some(Change::Added) => true,
            Some(Change::Changed | Change::Removed) => !file.committed,
        };
        if is_wanted {
            files::write_within(&opened.root, file.name, &file.text, file.mode)?;
        }
    }
    Ok(())
}

/// Compose uses the first of these that exists, and would ignore ours.
fn warn_of_other_files(ui: &Ui, root: &Path) {
    for name in ["compose.yaml", "compose.yml", "docker-compose.yaml"] {
        if root.join(name).exists() {
            ui.warn(format_args!(
                "`{name}` exists too, and `docker compose` may read it instead of `{}`",
                compose::FILE
            ));
            ui.hint(format_args!(
                "move what you need to `{}`",
                compose::OVERRIDE_FILE
            ));
        }
    }
}

/// Returns the ports that the override publishes a second time.
fn added_ports(opened: &Opened) -> Result<Vec<AddedPort>, Failure> {
    let name = compose::OVERRIDE_FILE;
    let text = files::read(&opened.root.join(name))?.unwrap_or_default();
    let added = overrides::added_ports(&text, &opened.workspace);
    added.map_err(|excess| project::too_much(name, excess))
}

/// Warns if the override adds a port instead of replacing it.
fn warn_of_added_ports(ui: &Ui, added: &[AddedPort]) {
    let name = compose::OVERRIDE_FILE;
    for added in added {
        ui.warn(format_args!(
            "line {} of `{name}` publishes port {} of `{}` a second time, instead of replacing the first",
            added.line, added.target, added.service
        ));
        ui.hint("to replace the ports, write `ports: !override` there");
    }
}

fn verb(change: Change) -> &'static str {
    match change {
        Change::Added => "wrote",
        Change::Changed => "updated",
        Change::Removed => "removed",
    }
}

fn refusal(ui: &Ui, plan: &Plan) -> Failure {
    let name = compose::FILE;
    // A hand edit may never have been started, so the effect on containers is unknown.
    ui.say(differences::text(&plan.differences, &Effects::new()));
    if plan.origin == Some(Origin::Foreign) {
        return Failure::failed(anyhow!("`{name}` was not written by fitout"))
            .hint(format!(
                "to keep it next to the new one, run `mv {name} {}`",
                compose::OVERRIDE_FILE
            ))
            .hint("to replace it, run `fitout generate --force`");
    }
    Failure::failed(anyhow!(
        "`{name}` was edited by hand; writing it would lose the edit"
    ))
    .hint(
        "move the edit to `workspace.toml` (a service's `compose = { … }` accepts any Compose key)",
    )
    .hint(format!("or to `{}`", compose::OVERRIDE_FILE))
    .hint("to drop the edit, run `fitout generate --force`")
}

pub(crate) fn broken_block(root: &Path, name: &str, broken: BrokenBlock) -> Failure {
    let line = broken.line;
    let path = root.join(name);
    let failure = Failure::from(broken).context(format!("can't update `{}`", path.display()));
    failure.hint(format!(
        "fix the marker lines in {name}, or remove line {line}, then run `fitout generate`"
    ))
}

/// Returns the effect of the change on the containers of each service.
pub(crate) fn effects(opened: &Opened, plan: &Plan) -> Effects {
    let file = |name| plan.files.iter().find(|file| file.name == name);
    let texts = |name| file(name).map_or(("", ""), |file| (&*file.old, &*file.text));
    let (old, new) = texts(compose::FILE);
    let (old_env, new_env) = texts(dotenv::FILE);
    let (old_env, new_env) = (
        machine::variables_of(old_env),
        machine::variables_of(new_env),
    );
    let lookup = |variables: &Variables, name: &str| Some(variables.get(name)?.0.to_owned());
    effect::of(
        Stack {
            file: old,
            value: &|name| lookup(&old_env, name),
        },
        Stack {
            file: new,
            value: &|name| lookup(&new_env, name),
        },
        &opened.workspace.services,
    )
}
