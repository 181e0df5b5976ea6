//! Examines this machine and a workspace: doctor's checks with the machine that they observe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Opened, generate, sync};
use crate::compose::owner::Owner;
use crate::compose::text::Origin;
use crate::docker::Container;
use crate::doctor::checks;
use crate::doctor::machine::{self, DriftSeen, Generated, Machine};
use crate::doctor::report::Report;
use crate::doctor::run::{self, AnyCheck, Ground};
use crate::doctor::select::Selection;
use crate::doctor::setting::Setting;
use crate::dotenv;
use crate::error::{Failure, ResultExt as _};

/// How far checks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Checks don't start anything.
    Shallow,
    /// Checks may start a temporary container.
    Deep,
}

/// The checks of this machine, ready to run.
pub(crate) struct Examination {
    /// All of them.
    pub checks: Vec<AnyCheck>,
    pub workspace: Option<PathBuf>,
    machine: Arc<Machine>,
    setting: Arc<Setting>,
}

impl Examination {
    /// Creates the checks for a workspace and its machine, or for the machine alone.
    pub(crate) fn of(opened: Option<Arc<Opened>>, depth: Depth) -> Result<Self, Failure> {
        let here = std::env::current_dir().context("can't find the working folder")?;
        let Some(opened) = opened else {
            let machine = Machine::bare(here);
            return Ok(Examination {
                checks: checks::of_machine(),
                workspace: None,
                setting: setting(&machine, String::new()),
                machine: Arc::new(machine),
            });
        };
        let root = opened.root.clone();
        // An unreadable `.env` is a finding, and must not prevent other checks.
        let (variables, unreadable) = match machine::variables(&root) {
            Ok(variables) => (variables, None),
            Err(error) => (machine::variables_of(""), Some(error.to_string())),
        };
        let selection = opened.selection_as_far_as_known(&variables);
        let mut checks = checks::of_workspace(&opened.workspace, &opened.personal, &variables);
        if depth == Depth::Deep {
            let Opened {
                workspace,
                personal,
                ..
            } = &*opened;
            checks.extend(checks::of_deep(workspace, personal, &variables));
        }
        if unreadable.is_some() {
            checks::need_env_file(&mut checks);
        }
        let extra = {
            let opened = Arc::clone(&opened);
            Box::new(move || {
                let unnamed = sync::unnamed(&opened).into_iter();
                unnamed.map(|clone| (clone.path, clone.url)).collect()
            })
        };
        let compare = Box::new(move || compare(&opened));
        let machine = Machine::new(root.clone(), selection, variables, compare, extra)
            .with_unreadable_env_file(unreadable);
        Ok(Examination {
            checks,
            setting: setting(&machine, way_to(&here, &root)),
            machine: Arc::new(machine),
            workspace: Some(root),
        })
    }

    /// All containers on this machine, including stopped ones; queried once.
    pub(crate) fn containers(&self) -> &[Container] {
        self.machine.containers()
    }

    /// The name of the Compose project.
    pub(crate) fn project(&self) -> &str {
        &self.machine.selection().project
    }

    /// The owner of that project.
    pub(crate) fn owner(&self) -> &Owner {
        self.machine.owner()
    }

    /// Runs the selected checks and their prerequisites. Prerequisites are only reported if they
    /// don't pass.
    pub(crate) fn run(self, selection: &Selection) -> Report {
        let checks = selection.apply(self.checks);
        let ground = Ground {
            machine: self.machine,
            setting: self.setting,
        };
        let mut checked = run::run(checks, run::LIMIT, &ground);
        checked.retain(|checked| {
            let is_fine = checked.outcome.status > crate::doctor::outcome::Status::Skipped;
            selection.wants(&checked.check) || !is_fine
        });
        Report {
            workspace: self.workspace.map(|root| root.display().to_string()),
            checked,
        }
    }
}

fn setting(machine: &Machine, workspace: String) -> Arc<Setting> {
    let system = machine.system().clone();
    Arc::new(Setting { system, workspace })
}

/// Returns what `generate` would change, as doctor's type.
fn compare(opened: &Opened) -> Result<Generated, String> {
    let plan = generate::plan(opened).map_err(|failure| format!("{:#}", failure.error))?;
    let changed = |name: &str| {
        let file = plan.files.iter().find(|file| file.name == name);
        file.is_some_and(|file| file.change.is_some())
    };
    let parts = plan
        .differences
        .iter()
        .map(|difference| difference.part.clone());
    let ignore_file = Some(dotenv::IGNORE_FILE.to_owned()).filter(|name| changed(name));
    let drift = match plan.origin {
        None => DriftSeen::Missing,
        Some(Origin::Edited) if plan.would_lose_edits() => DriftSeen::EditedByHand,
        Some(Origin::Foreign) if plan.would_lose_edits() => DriftSeen::Foreign,
        _ if plan.has_drift() => DriftSeen::Outdated(parts.chain(ignore_file).collect()),
        _ => DriftSeen::Same,
    };
    Ok(Generated {
        drift,
        env_block: !changed(dotenv::FILE),
    })
}

/// Returns the prefix for a path in the workspace that makes it valid in the current folder.
fn way_to(here: &Path, root: &Path) -> String {
    match here.strip_prefix(root) {
        Ok(below) => {
            let ups: Vec<&str> = below.components().map(|_| "..").collect();
            ups.join("/")
        }
        Err(_) => root.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_workspace_are_shown_as_the_user_can_type_them() {
        let cases = [
            ("/w", ""),
            ("/w/api", ".."),
            ("/w/api/src", "../.."),
            ("/elsewhere", "/w"),
        ];
        for (here, expected) in cases {
            assert_eq!(way_to(Path::new(here), Path::new("/w")), expected);
        }
    }
}
