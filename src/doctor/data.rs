//! The checks of data that the manifest no longer matches: what a volume holds was decided when it was
//! made, and nothing that the manifest says later changes it.

mod left;
pub mod version;

pub use version::{MadeBy, Written};

use super::catalogue::check;
use super::check::{Check, Group, Outcome, Probe, Remedy};
use super::finding::{FileSeen, Finding};
use super::judge::Setting;
use super::required;
use super::variables::Variables;
use crate::compose::owner;
use crate::shell;
use crate::workspace::preset::Definition;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Personal, RunsOn, Service, Source, VolumeSource, Workspace};

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataProbe {
    /// The databases of a server that runs in a container.
    Databases(Databases),
    /// A script that fills a new volume.
    Init {
        /// Whose it is.
        service: String,
        /// Relative to the workspace.
        script: String,
        /// The volume that it fills, as the compose file calls it.
        volume: Option<String>,
    },
    /// Volumes of the projects that this workspace was before: those that the compose file calls so.
    Earlier(Vec<String>),
    /// Which version made a volume.
    MadeBy(MadeBy),
    /// Volumes of the project that none of its files names.
    Left {
        /// Those that the manifest names.
        named: Vec<String>,
        /// Variables that Compose must find to read the file.
        made_up: Vec<String>,
    },
    /// Whether a running server takes the login that its services have.
    Login {
        /// Whose it is.
        service: String,
        /// The line for `sh` that tries it.
        line: String,
    },
}

/// The databases that a server should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Databases {
    /// Whose they are.
    pub service: String,
    /// Their names.
    pub wanted: Vec<String>,
    /// The line for `sh` that lists those that there are.
    pub list: String,
    /// What the client gets before a statement.
    statement: Vec<String>,
    /// Makes one; `{database}` is its name.
    create: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSeen {
    /// The service has no running container.
    NotRunning,
    /// The server has these databases.
    Databases(Vec<String>),
    /// The server is there, and did not answer for this reason.
    Refused(String),
    /// The script, and whether it was changed after the volume was made.
    Init(FileSeen, bool),
    /// Volumes, each with the project that it is of.
    Earlier(Vec<(String, String)>),
    /// The version that is written down in a volume.
    MadeBy(Written),
    /// Volumes that no file of the project names.
    Left(Vec<String>),
    /// The server takes the login.
    LoginTaken,
    /// Other volumes at the folder of the data: where each is, and where the preset's own is.
    Mounts(Vec<String>, String),
}

/// The checks of a workspace.
pub fn checks(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    let mut checks = vec![check(
        Group::Data,
        "project",
        "no data is left under an earlier name of the project",
        &["tools.engine"],
        Probe::Data(Box::new(DataProbe::Earlier(named_volumes(workspace)))),
    )];
    checks.push(check(
        Group::Data,
        "volumes",
        "no volume is left behind by a service that is gone",
        &["tools.engine", "compose.present"],
        Probe::Data(Box::new(DataProbe::Left {
            named: named_volumes(workspace),
            made_up: required::unset(workspace, variables),
        })),
    ));
    let services = workspace.services.iter();
    for service in services.filter(|service| personal.runs_on(service) == RunsOn::Container) {
        let Source::Preset(preset) = &service.source else {
            continue;
        };
        let Some(definition) = preset.definition() else {
            continue;
        };
        let name = &service.name;
        if let Some(databases) = databases(service, definition, variables) {
            checks.push(check(
                Group::Data,
                &format!("{name}.databases"),
                &format!("`{name}` has the databases of the manifest, for its login"),
                &["tools.engine"],
                Probe::Data(Box::new(DataProbe::Databases(databases))),
            ));
        }
        if let Some(line) = &definition.login {
            checks.push(check(
                Group::Data,
                &format!("{name}.login"),
                &format!("`{name}` takes the login that its services have"),
                &["tools.engine"],
                Probe::Data(Box::new(DataProbe::Login {
                    service: name.clone(),
                    line: line.clone(),
                })),
            ));
        }
        if let Some((volume, _)) = data_volume(service) {
            checks.extend(version::checked(service, preset, volume));
        }
        if let Some(script) = &preset.init {
            let own = data_volume(service).map(|(volume, _)| volume.to_owned());
            checks.push(check(
                Group::Data,
                &format!("{name}.init"),
                &format!("`{script}` has filled the volume of `{name}`, or can"),
                &[],
                Probe::Data(Box::new(DataProbe::Init {
                    service: name.clone(),
                    script: script.clone(),
                    volume: own,
                })),
            ));
        }
        if let Some((_, target)) = data_volume(service) {
            let others = others_at(service, target);
            checks.push(check(
                Group::Data,
                &format!("{name}.volume"),
                &format!("the data of `{name}` is in one volume"),
                &[],
                Probe::Known(Box::new(Finding::Data(DataSeen::Mounts(
                    others,
                    target.to_owned(),
                )))),
            ));
        }
    }
    checks
}

fn named_volumes(workspace: &Workspace) -> Vec<String> {
    let services = workspace.services.iter();
    let volumes = services.flat_map(|service| &service.volumes);
    volumes
        .filter_map(|volume| match &volume.source {
            VolumeSource::Named(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// The volume that the preset brings, and where it is.
fn data_volume(service: &Service) -> Option<(&str, &str)> {
    let own = format!("{}-data", service.name);
    service
        .volumes
        .iter()
        .find_map(|volume| match &volume.source {
            VolumeSource::Named(name) if *name == own => {
                Some((name.as_str(), volume.target.as_str()))
            }
            _ => None,
        })
}

/// What else is mounted at the folder of the data, above it or in it.
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

fn databases(
    service: &Service,
    definition: &Definition,
    variables: &Variables,
) -> Option<Databases> {
    let Source::Preset(preset) = &service.source else {
        return None;
    };
    let data = definition.data.as_ref()?;
    let create = definition.init.as_ref()?.create_database.clone()?;
    let first = variables.get_filled(&format!("{}_DATABASE", variable_prefix(&service.name)));
    let first = first.map(|(name, _)| name.to_owned());
    let mut wanted: Vec<String> = first
        .or_else(|| preset.database.clone())
        .into_iter()
        .collect();
    wanted.extend(preset.databases.iter().skip(1).cloned());
    Some(Databases {
        service: service.name.clone(),
        wanted,
        list: data.list.clone(),
        statement: data.statement.clone(),
        create,
    })
}

/// The verdict.
pub fn judge(seen: &DataSeen, probe: &Probe, setting: &Setting) -> Outcome {
    let probe = match probe {
        Probe::Data(probe) => Some(&**probe),
        _ => None,
    };
    match (seen, probe) {
        (
            DataSeen::NotRunning,
            Some(
                DataProbe::Databases(Databases { service, .. }) | DataProbe::Login { service, .. },
            ),
        ) => Outcome {
            found: format!("`{service}` does not run"),
            ..Outcome::skipped(format!("running.{service}"))
        },
        (DataSeen::LoginTaken, _) => Outcome::pass("it does"),
        (DataSeen::MadeBy(written), Some(DataProbe::MadeBy(made_by))) => {
            version::judge(made_by, written)
        }
        (DataSeen::Left(volumes), _) => left::judge(volumes),
        (
            DataSeen::Refused(words),
            Some(
                DataProbe::Databases(Databases { service, .. }) | DataProbe::Login { service, .. },
            ),
        ) => {
            let prefix = variable_prefix(service);
            Outcome::fail(
                format!("`{service}` does not take the login that its services have: {words}"),
                Remedy::run(format!("fitout sh {service}")).and_note(format!(
                    "user and password are those of the day on which the volume was made: put them back \
                     (`{prefix}_PASSWORD` in `{}`, or the manifest), or change them in the server",
                    setting.shown(".env")
                )),
            )
        }
        (DataSeen::Databases(found), Some(DataProbe::Databases(databases))) => {
            databases_found(databases, found)
        }
        (DataSeen::Init(FileSeen::Missing, _), Some(DataProbe::Init { script, .. })) => {
            Outcome::fail(
                format!("`{script}` is not there"),
                Remedy::note("`init` in workspace.toml names a file of the workspace"),
            )
        }
        (
            DataSeen::Init(FileSeen::NotAFile, _),
            Some(DataProbe::Init {
                service, script, ..
            }),
        ) => Outcome::fail(
            format!("`{script}` is a folder, and the image runs files only"),
            Remedy::note(format!(
                "name one file as `init` of `services.{service}` in workspace.toml"
            )),
        ),
        (
            DataSeen::Init(_, true),
            Some(DataProbe::Init {
                service, script, ..
            }),
        ) => Outcome::warn(
            format!("`{script}` has changed since the volume was made, and runs on a new one only"),
            Remedy::run(format!("fitout db {service} < {}", setting.typed(script)))
                .and_note("where it can run on the data that is there"),
        ),
        (DataSeen::Init(..), _) => Outcome::pass("as it was when the volume was made"),
        (DataSeen::Earlier(volumes), _) => earlier(volumes, setting),
        (DataSeen::Mounts(others, _), _) if others.is_empty() => Outcome::pass("in one volume"),
        (DataSeen::Mounts(others, target), _) => Outcome::warn(
            format!(
                "beside the preset's volume at {target} there is {}: one of them is empty",
                others.join(", ")
            ),
            Remedy::note(format!(
                "to keep the data in a volume of your own, mount it at {target}; the preset then brings none"
            )),
        ),
        (seen, probe) => Outcome::unknown(format!("{probe:?} can't find {seen:?}")),
    }
}

fn databases_found(databases: &Databases, found: &[String]) -> Outcome {
    let Databases {
        service, wanted, ..
    } = databases;
    let missing: Vec<&String> = wanted.iter().filter(|name| !found.contains(name)).collect();
    if missing.is_empty() {
        return Outcome::pass(wanted.join(", "));
    }
    let mut remedy = Remedy::default();
    for name in &missing {
        let statement = databases.create.replace("{database}", name);
        let arguments = databases.statement.iter().chain([&statement]);
        let arguments: Vec<_> = arguments.map(|word| shell::word(word)).collect();
        remedy = remedy.and_run(format!("fitout db {service} -- {}", arguments.join(" ")));
    }
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    Outcome::fail(
        format!(
            "the volume of `{service}` was made without the database {}",
            names.join(", ")
        ),
        remedy,
    )
}

fn earlier(volumes: &[(String, String)], setting: &Setting) -> Outcome {
    let Some((project, _)) = volumes.last() else {
        return Outcome::pass("none is");
    };
    let names: Vec<&str> = volumes.iter().map(|(_, volume)| volume.as_str()).collect();
    Outcome::warn(
        format!(
            "this workspace was the project `{project}` before, and there is data of that: {}",
            names.join(", ")
        ),
        Remedy::run(setting.add_line(&owner::line(project))).and_note(format!(
            "to have it back; or, in workspace.toml, `[workspace] name = \"{project}\"`"
        )),
    )
}
