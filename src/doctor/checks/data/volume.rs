//! `data.SERVICE.volume`: nothing other than its own volume is mounted at the folder of a preset's
//! data.

use super::own_volume;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::{Service, VolumeSource};

/// The data is in one volume.
pub struct Volume {
    service: String,
    /// The target of the preset's own volume.
    target: String,
    /// What else is mounted there, and its target.
    others: Vec<String>,
}

impl Volume {
    /// Returns the check of a service whose preset has a volume.
    pub fn of(service: &Service) -> Option<Self> {
        let (_, target) = own_volume(service)?;
        Some(Volume {
            service: service.name.clone(),
            target: target.to_owned(),
            others: others_at(service, target),
        })
    }
}

impl Check for Volume {
    /// Everything is in the manifest.
    type Seen = ();

    const PAGE: &'static Page = &Page {
        id: "data.SERVICE.volume",
        in_order: "nothing else is mounted at the folder of a preset's data, above it or in it",
        otherwise: &[(Status::Warn, "another volume is")],
        fixed_by: "mounting it at the preset's own path",
    };

    fn about(&self) -> About {
        let name = &self.service;
        About::new(
            format!("data.{name}.volume"),
            format!("the data of `{name}` is in one volume"),
        )
        .reads_env_file()
    }

    fn look(&self, _: &Machine) -> Result<(), Fault> {
        Ok(())
    }

    fn judge(&self, (): (), _: &Setting) -> Outcome {
        let Volume { target, others, .. } = self;
        if others.is_empty() {
            return Outcome::pass("in one volume");
        }
        Outcome::warn(
            format!(
                "besides the preset's volume at {target} there is {}: one of them is empty",
                others.join(", ")
            ),
            Remedy::note(format!(
                "to keep the data in your own volume, mount it at {target}; it then replaces the preset's"
            )),
        )
    }
}

/// Returns what else is mounted at the data folder, above it or in it.
fn others_at(service: &Service, target: &str) -> Vec<String> {
    let parts = |path: &str| -> Vec<String> {
        let parts = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".");
        parts.map(str::to_owned).collect()
    };
    let own = parts(target);
    let mut at_data = Vec::new();
    for volume in &service.volumes {
        let other = parts(&volume.target);
        let source = match &volume.source {
            VolumeSource::Named(name) if *name == format!("{}-data", service.name) => continue,
            VolumeSource::Named(name) => name.as_str(),
            VolumeSource::Path(path) => path.as_str(),
            VolumeSource::Anonymous => "a new volume",
        };
        if own.starts_with(&other) || other.starts_with(&own) {
            at_data.push(format!("`{source}` at {}", volume.target));
        }
    }
    at_data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::data::tests::db;
    use crate::doctor::checks::tests::examples_of;

    #[test]
    fn another_mount_in_the_data_is_named() {
        let check = |more: &str| (Volume::of(&db("postgres", more)).unwrap(), ());
        let seen = [
            check(""),
            check("volumes = [\"./wal:/var/lib/postgresql/wal\"]"),
        ];
        insta::assert_snapshot!(examples_of(seen), @r"
        pass     data.db.volume  in one volume
        warn     data.db.volume  besides the preset's volume at /var/lib/postgresql there is `wal` at /var/lib/postgresql/wal: one of them is empty
                 to keep the data in your own volume, mount it at /var/lib/postgresql; it then replaces the preset's
        ");
    }
}
