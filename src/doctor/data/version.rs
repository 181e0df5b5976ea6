//! Which version of its program made a volume: a server of another major version does not start on it, or
//! begins anew beside it.

use crate::doctor::catalogue::check;
use crate::doctor::check::{Check, Group, Outcome, Probe, Remedy};
use crate::doctor::data::DataProbe;
use crate::workspace::image::{Name, Version};
use crate::workspace::{Preset, Service, interpolation, preset};

/// A volume, and what the image of the manifest needs it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBy {
    /// Whose it is.
    pub service: String,
    /// As the compose file calls it.
    pub volume: String,
    /// Where in it a version may be written down, those places first where the image looks.
    pub files: Vec<String>,
    /// What runs on it, with its tag.
    pub image: String,
    version: Version,
    /// A line for `sh` in the server's container that writes all data as text.
    dump: String,
}

/// The check of a service, where its program writes down which version made its data.
pub(super) fn checked(service: &Service, preset: &Preset, volume: &str) -> Option<Check> {
    let version = preset.version.clone()?;
    let definition = preset::find(&preset.name)?;
    let own = definition.at(Some(&version)).upgrade.as_ref()?;
    let files = definition.version_files(&version);
    let name = &service.name;
    let made_by = MadeBy {
        service: name.clone(),
        volume: volume.to_owned(),
        files,
        // A variable may have another value on one machine; the version is the default's, too.
        image: interpolation::fill(&preset.image, &|_| None),
        version,
        dump: own.dump.clone(),
    };
    Some(check(
        Group::Data,
        &format!("{name}.version"),
        &format!("the data of `{name}` is of the version that its image has"),
        &["tools.engine"],
        Probe::Data(Box::new(DataProbe::MadeBy(made_by))),
    ))
}

/// The verdict on what is written down.
pub(super) fn judge(made_by: &MadeBy, written: &Written) -> Outcome {
    let Some((path, text)) = &written.found else {
        return Outcome::pass("it is new");
    };
    let volume = &written.volume;
    let Ok(found) = text.trim().parse::<Version>() else {
        return Outcome::unknown(format!(
            "`{path}` in the volume `{volume}` holds no version"
        ));
    };
    let MadeBy {
        service, version, ..
    } = made_by;
    // Before 10, the first two numbers were one version.
    // https://www.postgresql.org/support/versioning/
    let is_same = found.major() == version.major()
        && !(found.major() < 10 && (found.is_before(version) || version.is_before(&found)));
    if is_same {
        return Outcome::pass(found.to_string());
    }
    let name = Name::parse(&made_by.image);
    let suffix = name.tag.and_then(|tag| tag.split_once('-'));
    let suffix = suffix.map_or(String::new(), |(_, suffix)| format!("-{suffix}"));
    Outcome::fail(
        format!(
            "the volume of `{service}` was made by version {found}, and `{}` is version {}: it does not run on that data",
            made_by.image,
            version.major()
        ),
        Remedy::note(format!(
            "to go on with that data, write `tag = \"{found}{suffix}\"` under `services.{service}` in \
             workspace.toml. To move to version {}, start that first, and dump: `fitout exec {service} sh -c \
             '{}' > {service}.sql`; then change the tag back, `fitout down`, `docker volume rm {volume}`, \
             `fitout up {service}` and `fitout db {service} < {service}.sql`. To begin anew: `fitout down \
             --volumes`",
            version.major(),
            made_by.dump,
        )),
    )
}

/// What was found in the engine's volume of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As the engine calls it.
    pub volume: String,
    /// Where in it, and what. None where there is no such volume, or nothing in it.
    pub found: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;
    use crate::manifest;
    use crate::workspace::{Source, resolve};

    fn judged(tag: &str, path: &str, text: &str) -> (Status, String) {
        let manifest = format!("[services.db]\npreset = \"postgres\"\ntag = \"{tag}\"\n");
        let (table, problems) = manifest::decode::manifest(&manifest);
        assert_eq!(problems, []);
        let (workspace, _) = resolve::workspace(&table);
        let service = &workspace.services[0];
        let Source::Preset(preset) = &service.source else {
            panic!("{service:?}");
        };
        let check = checked(service, preset, "db-data").unwrap();
        let Probe::Data(probe) = check.probe else {
            panic!("{check:?}");
        };
        let DataProbe::MadeBy(made_by) = *probe else {
            panic!("{probe:?}");
        };
        assert!(made_by.files.contains(&path.to_owned()), "{made_by:?}");
        let written = Written {
            volume: "x_db-data".to_owned(),
            found: Some((path.to_owned(), text.to_owned())),
        };
        let outcome = judge(&made_by, &written);
        let note = outcome.remedy.note.unwrap_or_default();
        (outcome.status, outcome.found + "\n" + &note)
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
            "made by version 16, and `postgres:18-alpine` is version 18",
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
