//! `data.SERVICE.init`: a script that fills a new volume, and runs on no other.

use super::own_volume;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{FileSeen, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::{Preset, Service};

/// The script has filled the volume, or can.
pub struct Init {
    service: String,
    /// Relative to the workspace.
    script: String,
    /// The volume that it fills, as the compose file calls it.
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
    /// It is not there.
    Missing,
    /// A folder or something stranger is there.
    NotAFile,
    /// It was changed after the volume was made.
    Newer,
    /// As it was when the volume was made, or there is none yet.
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
            format!("`{script}` has filled the volume of `{name}`, or can"),
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
                format!("`{script}` is not there"),
                Remedy::note("`init` in workspace.toml names a file of the workspace"),
            ),
            Seen::NotAFile => Outcome::fail(
                format!("`{script}` is a folder, and the image runs files only"),
                Remedy::note(format!(
                    "name one file as `init` of `services.{service}` in workspace.toml"
                )),
            ),
            Seen::Newer => Outcome::warn(
                format!(
                    "`{script}` has changed since the volume was made, and runs on a new one only"
                ),
                Remedy::run(format!("fitout db {service} < {}", setting.typed(script)))
                    .and_note("where it can run on the data that is there"),
            ),
            Seen::Same => Outcome::pass("as it was when the volume was made"),
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
        fail     data.db.init  `seed.sql` is not there
                 `init` in workspace.toml names a file of the workspace
        fail     data.db.init  `seed.sql` is a folder, and the image runs files only
                 name one file as `init` of `services.db` in workspace.toml
        warn     data.db.init  `seed.sql` has changed since the volume was made, and runs on a new one only
                 $ fitout db db < ../seed.sql
                 where it can run on the data that is there
        pass     data.db.init  as it was when the volume was made
        ");
    }
}
