//! What services must not be together: same names, same ports, cycles, keys without their partner.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::manifest::model::ServiceTable;
use crate::manifest::{Diagnostic, Spanned};
use crate::workspace::resolve::Problems;
use crate::workspace::syntax::{self, variable_prefix};
use crate::workspace::{Mount, MountMode, Port, Protocol, volume};

type Tables = [(Spanned<String>, ServiceTable)];

/// A port and where it stands in the file.
type PlacedPort = (Port, Range<usize>);

/// Names that Compose accepts, that differ in their variables, and that are not `host`.
pub(super) fn names(tables: &Tables, problems: &mut Problems) {
    let mut by_prefix: HashMap<String, &Spanned<String>> = HashMap::new();
    for (name, _) in tables {
        let full = format!("services.{}", name.value);
        problems.check(name, &full, syntax::name(&name.value));
        if name.value == "host" {
            problems.push(
                Diagnostic::new(name.span.clone(), "a service can't be named `host`")
                    .help("`${host.ip}` is the address of this machine; choose another name"),
            );
        }
        let prefix = variable_prefix(&name.value);
        if let Some(other) = by_prefix.get(&prefix) {
            problems.push(
                Diagnostic::new(
                    name.span.clone(),
                    format!(
                        "`{}` and `{}` differ only by `-` and `_`",
                        other.value, name.value
                    ),
                )
                .related(other.span.clone(), "the other one")
                .help(format!(
                    "both would be set by the variables `{prefix}_…`; rename one"
                )),
            );
        } else {
            by_prefix.insert(prefix, name);
        }
    }
}

/// Two services can't publish the same port of the host.
pub(super) fn duplicate_ports(ports: &[PlacedPort], problems: &mut Problems) {
    let overlap = |left: &str, right: &str| {
        left == right
            || [left, right]
                .iter()
                .any(|ip| *ip == "0.0.0.0" || *ip == "::")
    };
    let mut by_number: HashMap<(u16, Protocol), Vec<&PlacedPort>> = HashMap::new();
    for entry in ports {
        let (port, span) = entry;
        let Some(published) = port.published else {
            continue;
        };
        let others = by_number.entry((published, port.protocol)).or_default();
        if let Some((_, other)) = others
            .iter()
            .find(|(other, _)| overlap(&other.host_ip, &port.host_ip))
        {
            problems.push(
                Diagnostic::new(
                    span.clone(),
                    format!("host port {published} is published twice"),
                )
                .related(other.clone(), "first here")
                .help(format!(
                    "choose another host port: `ports = [\"{}:{}\"]`",
                    published.checked_add(1).unwrap_or(1024),
                    port.target
                )),
            );
        }
        others.push(entry);
    }
}

/// No service may wait for itself, however long the way round.
pub(super) fn cycles(tables: &Tables, problems: &mut Problems) {
    let by_name: HashMap<&str, &ServiceTable> = tables
        .iter()
        .map(|(name, table)| (name.value.as_str(), table))
        .collect();
    let mut done: HashSet<&str> = HashSet::new();
    for (start, _) in tables {
        // Depth first, with the way that led here; a cycle is reported where it closes.
        let mut way: Vec<(&str, usize)> = vec![(start.value.as_str(), 0)];
        // Where on it a service is: looking through it for each would take the square of its length.
        let mut places: HashMap<&str, usize> = HashMap::from([(start.value.as_str(), 0)]);
        while let Some((name, next)) = way.last_mut() {
            let dependency = by_name
                .get(name)
                .and_then(|table| table.depends_on.get(*next));
            let Some(dependency) = dependency.filter(|_| !done.contains(name)) else {
                done.insert(name);
                places.remove(name);
                way.pop();
                continue;
            };
            *next += 1;
            let service = dependency.service.value.as_str();
            match places.get(service).copied() {
                None => {
                    places.insert(service, way.len());
                    way.push((service, 0));
                }
                // A service that names itself is reported with its other dependencies.
                Some(from) if from + 1 == way.len() => {}
                Some(from) => {
                    let mut names: Vec<&str> = way[from..].iter().map(|(name, _)| *name).collect();
                    names.push(service);
                    problems.push(
                        Diagnostic::new(
                            dependency.service.span.clone(),
                            format!("services wait for each other: {}", names.join(" → ")),
                        )
                        .help("remove one of these from its `depends_on`"),
                    );
                }
            }
        }
    }
}

/// Keys that say nothing without another one.
pub(super) fn keys_that_need_another(full: &str, table: &ServiceTable, problems: &mut Problems) {
    let span = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.span.clone());
    let first = |values: &[Spanned<String>]| values.first().map(|value| value.span.clone());
    let needs_repo = [
        ("context", span(&table.context)),
        ("dockerfile", span(&table.dockerfile)),
        ("target", span(&table.target)),
        (
            "build_args",
            table.build_args.first().map(|(name, _)| name.span.clone()),
        ),
        (
            "mount",
            table.mount.first().map(|mount| mount.target.span.clone()),
        ),
        ("rebuild_on", first(&table.rebuild_on)),
    ];
    let needs_preset = [
        ("tag", span(&table.tag)),
        ("version", span(&table.version)),
        (
            "runs_on",
            table.runs_on.as_ref().map(|runs_on| runs_on.span.clone()),
        ),
        ("databases", first(&table.databases)),
        ("init", span(&table.init)),
    ];
    let groups = [
        ("repo", table.repo.is_none(), needs_repo.as_slice()),
        ("preset", table.preset.is_none(), needs_preset.as_slice()),
    ];
    for (partner, missing, keys) in groups {
        for (key, span) in keys {
            if let (true, Some(span)) = (missing, span) {
                let mut problem = Diagnostic::new(
                    span.clone(),
                    format!("`{full}.{key}` needs `{partner}`, which `{full}` does not have"),
                );
                if let ("tag", Some(image)) = (*key, &table.image) {
                    problem = problem.help(format!("add it to the image: `{}:…`", image.value));
                }
                problems.push(problem);
            }
        }
    }
}

/// What ends is neither a server nor healthy.
pub(super) fn job(full: &str, table: &ServiceTable, problems: &mut Problems) {
    let Some(job) = table.job.as_ref().filter(|job| job.value) else {
        return;
    };
    let preset = table.preset.as_ref().map(|preset| preset.span.clone());
    let healthcheck = table.healthcheck.as_ref().map(|check| check.span.clone());
    for (key, other, why) in [
        (
            "preset",
            preset,
            "a backing service keeps running, and doesn't exit",
        ),
        (
            "healthcheck",
            healthcheck,
            "its dependents wait until it has exited, not until it is healthy",
        ),
    ] {
        if let Some(other) = other {
            problems.push(
                Diagnostic::new(
                    job.span.clone(),
                    format!("`{full}` has both `job` and `{key}`"),
                )
                .related(other, "the other one")
                .help(why),
            );
        }
    }
}

/// The engine refuses a container with two mounts at one place.
pub(super) fn mounted_once(full: &str, table: &ServiceTable, problems: &mut Problems) {
    let bound = table
        .mount
        .iter()
        .filter(|mount| mount.mode == MountMode::Bind);
    let mounts = bound.map(|mount| mount.target.clone());
    let volumes = table.volumes.iter().filter_map(|volume| {
        let (_, target, _) = syntax::volume(&volume.value).ok()?;
        Some(volume.clone().map(|_| target))
    });
    let mut seen: HashMap<String, Range<usize>> = HashMap::new();
    for Spanned { value, span } in mounts.chain(table.keep.iter().cloned()).chain(volumes) {
        if let Some(other) = seen.insert(volume::clean(&value), span.clone()) {
            problems.push(
                Diagnostic::new(span, format!("`{full}` has two mounts at `{value}`"))
                    .related(other, "first here")
                    .help("keep one of the two"),
            );
        }
    }
}

/// `keep` means something under a mount only.
pub(super) fn keep(
    full: &str,
    keep: &[Spanned<String>],
    mounts: &[Mount],
    problems: &mut Problems,
) {
    for folder in keep {
        let name = format!("{full}.keep");
        if !problems.check(folder, &name, syntax::container_path(&folder.value)) {
            continue;
        }
        if !mounts.iter().any(|mount| mount.holds(&folder.value)) {
            let targets: Vec<String> = mounts
                .iter()
                .map(|mount| format!("`{}`", mount.target))
                .collect();
            let help = match targets.as_slice() {
                [] => "the service has no `mount`; use `volumes` for separate folders".to_owned(),
                targets => format!("the mounts of the service are {}", targets.join(", ")),
            };
            problems.push(
                Diagnostic::new(
                    folder.span.clone(),
                    format!("`{name}`: `{}` is not under a mount", folder.value),
                )
                .help(help),
            );
        }
    }
}

/// Compose refuses a dependency that is switched off while its dependent is on.
pub(super) fn dependency_profiles(
    full: &str,
    table: &ServiceTable,
    name: &Spanned<String>,
    other: &ServiceTable,
    required: bool,
    problems: &mut Problems,
) {
    let on_with = |profile: &Spanned<String>| {
        other
            .profiles
            .iter()
            .any(|other| other.value == profile.value)
    };
    let always_on = other.profiles.is_empty();
    let same = !table.profiles.is_empty() && table.profiles.iter().all(on_with);
    if always_on || same || !required {
        return;
    }
    let profiles: Vec<String> = other
        .profiles
        .iter()
        .map(|profile| format!("`{}`", profile.value))
        .collect();
    problems.push(
        Diagnostic::new(
            name.span.clone(),
            format!(
                "`{full}` needs `{}`, which only starts with the profile {}",
                name.value,
                profiles.join(" or ")
            ),
        )
        .help(format!(
            "give both the same `profiles`, or write `depends_on = {{ {} = {{ required = false }} }}`",
            name.value
        )),
    );
}
