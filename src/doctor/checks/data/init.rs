//! `data.SERVICE.init`: a script that initializes a new volume, and only runs on a new one.

use super::own_volume;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{FileSeen, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::{Preset, Service};

/// The script can initialize the volume, or has.
pub struct Init {
    service: String,
    /// Relative to the workspace.
    script: String,
    /// The volume that it initializes, as named in the compose file.
    volume: Option<String>,
}

impl Init {
    /// The check of a service with such a script.
    pub fn of(service: &Service, preset: &Preset) -> Option<Self> {
        Some(Init {
            service: service.name.clone(),
            script: preset.init.clone()?,
            volume: own_volume(service).map(|(volume, _)| volume.to_owned()),
        })
    }
}

/// The script.
pub enum Seen {
    /// It doesn't exist.
    Missing,
    /// It is a folder, or another kind of file.
    NotAFile,
    /// It has changed since the volume was created.
    Newer,
    /// It is unchanged since the volume was created, or there is no volume yet.
    Same,
}

impl Check for Init {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "data.SERVICE.init",
        in_order: "the `init` script is a file, and hasn't changed since the volume was created",
        otherwise: &[
            (Status::Fail, "missing, or a folder"),
            (Status::Warn, "changed since, so it doesn't run"),
        ],
        fixed_by: "`fitout db SERVICE < SCRIPT`",
    };

    fn about(&self) -> About {
        let (name, script) = (&self.service, &self.script);
        About::new(
            format!("data.{name}.init"),
            format!("`{script}` can initialize the volume of `{name}`, or has"),
        )
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        match machine.file(&self.script)? {
            FileSeen::Missing => return Ok(Seen::Missing),
            FileSeen::NotAFile => return Ok(Seen::NotAFile),
            FileSeen::Present => {}
        }
        let volume = self.volume.as_ref();
        let volume = volume.map(|volume| machine.volume_name(volume));
        let created = volume.and_then(|volume| machine.volume_created_at(&volume));
        let is_newer = created.is_some() && machine.changed_at(&self.script) > created;
        Ok(if is_newer { Seen::Newer } else { Seen::Same })
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        let (service, script) = (&self.service, &self.script);
        match seen {
            Seen::Missing => Outcome::fail(
                format!("`{script}` doesn't exist"),
                Remedy::note("set `init` in workspace.toml to a file in the workspace"),
            ),
            Seen::NotAFile => Outcome::fail(
                format!("`{script}` is a folder, but the image only runs files"),
                Remedy::note(format!(
                    "set `init` of `services.{service}` in workspace.toml to a file"
                )),
            ),
            Seen::Newer => Outcome::warn(
                format!(
                    "`{script}` has changed since the volume was created, and only runs on a new one"
                ),
                Remedy::run(format!("fitout db {service} < {}", setting.typed(script)))
                    .and_note("if it can run on the existing data"),
            ),
            Seen::Same => Outcome::pass("unchanged since the volume was created"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn a_script_that_changed_does_not_run_again() {
        let check = Init {
            service: "db".to_owned(),
            script: "seed.sql".to_owned(),
            volume: None,
        };
        let seen = [Seen::Missing, Seen::NotAFile, Seen::Newer, Seen::Same];
        insta::assert_snapshot!(examples(&check, seen), @r"
        fail     data.db.init  `seed.sql` doesn't exist
                 set `init` in workspace.toml to a file in the workspace
        fail     data.db.init  `seed.sql` is a folder, but the image only runs files
                 set `init` of `services.db` in workspace.toml to a file
        warn     data.db.init  `seed.sql` has changed since the volume was created, and only runs on a new one
                 $ fitout db db < ../seed.sql
                 if it can run on the existing data
        pass     data.db.init  unchanged since the volume was created
        ");
    }
}
