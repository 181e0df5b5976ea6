//! `data.SERVICE.version`: the version that created a volume. A server of another major version
//! doesn't start on it, or starts over next to it.

use super::own_volume;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::image::{self, Name};
use crate::workspace::{Preset, Service, interpolation, preset};

/// The volume was created by the version of its image.
pub struct Version {
    service: String,
    /// Its name in the compose file.
    volume: String,
    /// Paths in it that may contain a version, starting with those that the image reads.
    files: Vec<String>,
    /// The image that uses it, with its tag.
    image: String,
    wanted: image::Version,
    /// An `sh` command line in the server's container that dumps all data as text.
    dump: String,
}

impl Version {
    /// Returns the check of a service whose program records the version of its data.
    pub fn of(service: &Service, preset: &Preset) -> Option<Self> {
        let (volume, _) = own_volume(service)?;
        let version = preset.version.clone()?;
        let definition = preset::find(&preset.name)?;
        let own = definition.at(Some(&version)).upgrade.as_ref()?;
        let files = definition.version_files(&version);
        Some(Version {
            service: service.name.clone(),
            volume: volume.to_owned(),
            files,
            // A variable may have another value on one machine; the version is the default's, too.
            image: interpolation::fill(&preset.image, &|_| None),
            wanted: version,
            dump: own.dump.clone(),
        })
    }
}

/// What was found in the engine's volume of this name.
pub struct Written {
    /// Its name in the engine.
    volume: String,
    /// The path in it, and its content. None if there is no such volume, or it is empty.
    found: Option<(String, String)>,
}

impl Check for Version {
    type Seen = Written;

    const PAGE: &'static Page = &Page {
        id: "data.SERVICE.version",
        in_order: "the volume was created by the image's major version (postgres)",
        otherwise: &[
            (
                Status::Fail,
                "by another one; `up` stops before it starts anything",
            ),
            (Status::Unknown, "it contains no version"),
        ],
        fixed_by: "the `tag` that matches the data; a dump for the new version",
    };

    fn about(&self) -> About {
        let name = &self.service;
        About::new(
            format!("data.{name}.version"),
            format!("the data of `{name}` matches the version of its image"),
        )
        .needs(["tools.engine"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Written, Fault> {
        let volume = machine.volume_name(&self.volume);
        let found = machine.first_in_volume(&volume, &self.files, &self.service, &self.image)?;
        Ok(Written { volume, found })
    }

    fn judge(&self, written: Written, _: &Setting) -> Outcome {
        let Some((path, text)) = &written.found else {
            return Outcome::pass("it is new");
        };
        let volume = &written.volume;
        let Ok(found) = text.trim().parse::<image::Version>() else {
            return Outcome::unknown(format!(
                "`{path}` in the volume `{volume}` contains no version"
            ));
        };
        let Version {
            service, wanted, ..
        } = self;
        // Before 10, the first two numbers were one version.
        // https://www.postgresql.org/support/versioning/
        let is_same = found.major() == wanted.major()
            && !(found.major() < 10 && (found.is_before(wanted) || wanted.is_before(&found)));
        if is_same {
            return Outcome::pass(found.to_string());
        }
        let name = Name::parse(&self.image);
        let suffix = name.tag.and_then(|tag| tag.split_once('-'));
        let suffix = suffix.map_or(String::new(), |(_, suffix)| format!("-{suffix}"));
        Outcome::fail(
            format!(
                "the volume of `{service}` was created by version {found}, but `{}` is version {}, which can't use that data",
                self.image,
                wanted.major()
            ),
            Remedy::note(format!(
                "to keep using that data, set `tag = \"{found}{suffix}\"` under `services.{service}` in workspace.toml. To migrate to version {}, first start the old version, and dump: `fitout exec {service} sh -c \
             '{}' > {service}.sql`; then change the tag back, `fitout down`, `docker volume rm {volume}`, \
             `fitout up {service}` and `fitout db {service} < {service}.sql`. To begin anew: `fitout down \
             --volumes`",
                wanted.major(),
                self.dump,
            )),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::data::tests::db;
    use crate::doctor::checks::tests::{examples, setting};
    use crate::workspace::Source;

    fn check(tag: &str) -> Version {
        let service = db("postgres", &format!("tag = \"{tag}\""));
        let Source::Preset(preset) = &service.source else {
            panic!("{service:?}");
        };
        Version::of(&service, preset).unwrap()
    }

    fn written(path: &str, text: &str) -> Written {
        Written {
            volume: "x_db-data".to_owned(),
            found: Some((path.to_owned(), text.to_owned())),
        }
    }

    fn judged(tag: &str, path: &str, text: &str) -> (Status, String) {
        let check = check(tag);
        assert!(check.files.contains(&path.to_owned()), "{:?}", check.files);
        let outcome = check.judge(written(path, text), &setting());
        let note = outcome.remedy.note.unwrap_or_default();
        (outcome.status, outcome.found + "\n" + &note)
    }

    #[test]
    fn a_new_volume_and_one_without_a_version_are_no_failures() {
        let new = Written {
            volume: "x_db-data".to_owned(),
            found: None,
        };
        let seen = [
            new,
            written("PG_VERSION", "16\n"),
            written("PG_VERSION", "15\n"),
            written("PG_VERSION", ""),
        ];
        insta::assert_snapshot!(examples(&check("16-alpine"), seen), @r#"
        pass     data.db.version  it is new
        pass     data.db.version  16
        fail     data.db.version  the volume of `db` was created by version 15, but `postgres:16-alpine` is version 16, which can't use that data
                 to keep using that data, set `tag = "15-alpine"` under `services.db` in workspace.toml. To migrate to version 16, first start the old version, and dump: `fitout exec db sh -c 'pg_dumpall -U "$POSTGRES_USER"' > db.sql`; then change the tag back, `fitout down`, `docker volume rm x_db-data`, `fitout up db` and `fitout db db < db.sql`. To begin anew: `fitout down --volumes`
        unknown  data.db.version  `PG_VERSION` in the volume `x_db-data` contains no version
        "#);
    }

    #[test]
    fn only_the_major_version_counts_and_before_10_the_first_two_numbers() {
        for (tag, path, text, status) in [
            ("18-alpine", "18/docker/PG_VERSION", "18\n", Status::Pass),
            ("18.1", "18/docker/PG_VERSION", "18\n", Status::Pass),
            ("18", "PG_VERSION", "16\n", Status::Fail),
            ("18", "PG_VERSION", "9.6\n", Status::Fail),
            ("19", "18/docker/PG_VERSION", "18\n", Status::Fail),
            ("16.4-alpine", "PG_VERSION", "16\n", Status::Pass),
            ("16", "PG_VERSION", "15\n", Status::Fail),
            ("16", "18/docker/PG_VERSION", "18\n", Status::Fail),
            ("9.6", "PG_VERSION", "9.6\n", Status::Pass),
            ("9.6.24", "PG_VERSION", "9.6\n", Status::Pass),
            ("9.6", "PG_VERSION", "9.5\n", Status::Fail),
            ("16", "PG_VERSION", "\u{1b}[2J", Status::Unknown),
        ] {
            assert_eq!(judged(tag, path, text).0, status, "{tag} {path} {text}");
        }
    }

    #[test]
    fn the_remedy_names_the_tag_that_runs_and_how_to_move() {
        let (_, said) = judged("18-alpine", "PG_VERSION", "16\n");
        for words in [
            "created by version 16, but `postgres:18-alpine` is version 18",
            "`tag = \"16-alpine\"` under `services.db`",
            "fitout exec db sh -c 'pg_dumpall",
            "docker volume rm x_db-data",
            "fitout db db < db.sql",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    #[test]
    fn the_places_where_its_own_image_looks_come_first() {
        let postgres = crate::workspace::preset::find("postgres").unwrap();
        let files = |version: &str| postgres.version_files(&version.parse().unwrap());
        assert_eq!(files("18")[..2], ["18/docker/PG_VERSION", "PG_VERSION"]);
        assert_eq!(files("20")[..2], ["20/docker/PG_VERSION", "PG_VERSION"]);
        assert!(files("20").contains(&"18/docker/PG_VERSION".to_owned()));
        assert_eq!(files("16")[..2], ["PG_VERSION", "18/docker/PG_VERSION"]);
    }
}
