//! Keys of a service that mean the same wherever they stand: each is checked and read by itself.

use crate::manifest::model::{MountTable, ServiceTable, Variable};
use crate::manifest::{Diagnostic, Spanned};
use crate::workspace::resolve::Problems;
use crate::workspace::syntax::{self, join};
use crate::workspace::{Limits, Mount, Volume};

pub(super) fn mounts(
    full: &str,
    context: &str,
    tables: &[MountTable],
    problems: &mut Problems,
) -> Vec<Mount> {
    let full = format!("{full}.mount");
    tables
        .iter()
        .filter_map(|table| {
            let target = &table.target;
            let valid = problems.check(target, &full, syntax::container_path(&target.value));
            let source = match &table.source {
                None => String::new(),
                Some(source) => {
                    problems.valid(source, &full, syntax::relative_path(&source.value))?
                }
            };
            valid.then(|| Mount {
                source: join(context, &source),
                target: target.value.clone(),
                mode: table.mode,
            })
        })
        .collect()
}

pub(super) fn paths(
    full: &str,
    folder: &str,
    values: &[Spanned<String>],
    problems: &mut Problems,
) -> Vec<String> {
    values
        .iter()
        .filter_map(|path| problems.valid(path, full, syntax::relative_path(&path.value)))
        .map(|path| join(folder, &path))
        .collect()
}

pub(super) fn required_env(
    full: &str,
    table: &ServiceTable,
    problems: &mut Problems,
) -> Vec<String> {
    for name in &table.required_env {
        problems.check(
            name,
            &format!("{full}.required_env"),
            syntax::variable(&name.value),
        );
        let same = |(other, _): &&Variable| other.value == name.value;
        if let Some((other, _)) = table.environment.iter().find(same) {
            problems.push(
                Diagnostic::new(
                    name.span.clone(),
                    format!(
                        "`{}` is in `{full}.required_env` and in its `environment`",
                        name.value
                    ),
                )
                .related(other.span.clone(), "the other one")
                .help("keep it in `required_env` if it is a secret, in `environment` if not"),
            );
        }
    }
    table
        .required_env
        .iter()
        .map(|name| name.value.clone())
        .collect()
}

pub(super) fn volumes(full: &str, table: &ServiceTable, problems: &mut Problems) -> Vec<Volume> {
    let full = format!("{full}.volumes");
    table
        .volumes
        .iter()
        .filter_map(|text| {
            let parsed = problems.valid(text, &full, syntax::volume(&text.value));
            let (source, target, read_only) = parsed?;
            Some(Volume {
                source,
                target,
                read_only,
            })
        })
        .collect()
}

pub(super) fn profiles(full: &str, table: &ServiceTable, problems: &mut Problems) -> Vec<String> {
    for profile in &table.profiles {
        // The schema of Compose: [a-zA-Z0-9][a-zA-Z0-9_.-]+
        let valid = profile.value.len() > 1
            && profile
                .value
                .starts_with(|c: char| c.is_ascii_alphanumeric())
            && profile
                .value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if !valid {
            problems.push(
                Diagnostic::new(
                    profile.span.clone(),
                    format!(
                        "`{full}.profiles`: Compose doesn't accept the name `{}`",
                        profile.value
                    ),
                )
                .help("two or more letters, digits, `_`, `.` and `-`"),
            );
        }
    }
    table
        .profiles
        .iter()
        .map(|profile| profile.value.clone())
        .collect()
}

pub(super) fn limits(full: &str, table: &ServiceTable, problems: &mut Problems) -> Limits {
    let limits = &table.limits;
    if let Some(memory) = &limits.memory {
        problems.check(
            memory,
            &format!("{full}.limits.memory"),
            syntax::bytes(&memory.value),
        );
    }
    Limits {
        memory: limits.memory.as_ref().map(|memory| memory.value.clone()),
        cpus: limits.cpus.as_ref().map(|cpus| cpus.value),
        pids: limits.pids.as_ref().map(|pids| pids.value.into()),
    }
}
