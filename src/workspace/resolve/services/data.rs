//! What a preset's data hangs on: the names of its databases, the place of its volume, its init script.
//! Each fault here shows late, or loses data in silence.

use std::collections::HashMap;
use std::ops::Range;

use super::Problems;
use crate::manifest::model::ServiceTable;
use crate::manifest::{Diagnostic, Spanned};
use crate::workspace::preset::Definition;
use crate::workspace::{Scalar, volume};

/// The longest name that each of the servers takes whole: PostgreSQL cuts it at 63 bytes, others refuse a
/// longer one.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const LONGEST_NAME: usize = 63;

/// Checks what the manifest says of a preset's data.
pub(super) fn check(
    full: &str,
    table: &ServiceTable,
    preset: &Definition,
    problems: &mut Problems,
) {
    let name = table.preset.as_ref().map(|name| name.value.as_str());
    let name = name.unwrap_or_default();
    if let (None, Some(database)) = (&preset.database, table.databases.first()) {
        problems.push(Diagnostic::new(
            database.span.clone(),
            format!("`{full}.databases`: the preset `{name}` has no databases"),
        ));
    }
    databases(full, table, preset, problems);
    default_database(full, table, preset, problems);
    init(full, name, table, preset, problems);
    data_path(full, table, preset, problems);
}

/// Names that the server can make, each once.
fn databases(full: &str, table: &ServiceTable, preset: &Definition, problems: &mut Problems) {
    let rules = &preset.databases;
    let folded = |name: &str| {
        if rules.ignore_case {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        }
    };
    let mut seen: HashMap<String, &Spanned<String>> = HashMap::new();
    for (index, database) in table.databases.iter().enumerate() {
        let name = database.value.as_str();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let (problem, help) = if !name.chars().all(is_plain) || name.starts_with('-') {
            (
                format!("`{name}` is not a simple name"),
                "use letters, digits, `_` and `-`, not starting with `-`",
            )
        } else if name.len() > LONGEST_NAME {
            (
                format!("`{name}` is longer than {LONGEST_NAME} characters"),
                "the server would truncate or refuse it",
            )
        } else if rules.reserved.iter().any(|own| *own == folded(name)) {
            (
                format!("`{name}` is a built-in database of the server"),
                "choose another name",
            )
        } else if index > 0 && rules.existing.iter().any(|own| *own == folded(name)) {
            (
                format!("`{name}` is created with the server, and can't be created again"),
                "remove it, or put it first if it is the one in the URL",
            )
        } else if let Some(other) = seen.get(&folded(name)) {
            let problem = if other.value == name {
                format!("`{full}.databases` lists `{name}` twice")
            } else {
                format!(
                    "`{full}.databases` lists `{}` and `{name}`, which differ only in case",
                    other.value
                )
            };
            problems.push(
                Diagnostic::new(database.span.clone(), problem)
                    .related(other.span.clone(), "first here")
                    .help("keep one of the two"),
            );
            continue;
        } else {
            seen.insert(folded(name), database);
            continue;
        };
        let problem = format!("`{full}.databases`: {problem}");
        problems.push(Diagnostic::new(database.span.clone(), problem).help(help));
    }
}

/// The first of `databases` is made by a variable of the image; two values for it make one database less.
fn default_database(
    full: &str,
    table: &ServiceTable,
    preset: &Definition,
    problems: &mut Problems,
) {
    let Some(first) = table.databases.first() else {
        return;
    };
    for (variable, value) in &table.environment {
        let makes_it = preset.environment.get(&variable.value);
        let is_other = |value: &Spanned<Scalar>| !matches!(&value.value, Scalar::Text(text) if *text == first.value || text.contains("${"));
        if makes_it.is_some_and(|own| own == "${self.database}")
            && value.as_ref().is_some_and(is_other)
        {
            problems.push(
                Diagnostic::new(
                    variable.span.clone(),
                    format!(
                        "`{full}.environment.{}` sets a database other than the first of `databases`",
                        variable.value
                    ),
                )
                .related(first.span.clone(), "the first one")
                .help("remove the variable: the first of `databases` is created with the server"),
            );
        }
    }
}

/// A script that the image runs.
fn init(
    full: &str,
    name: &str,
    table: &ServiceTable,
    preset: &Definition,
    problems: &mut Problems,
) {
    let Some(script) = &table.init else { return };
    let Some(init) = &preset.init else {
        problems.push(Diagnostic::new(
            script.span.clone(),
            format!("`{full}.init`: the preset `{name}` runs no scripts"),
        ));
        return;
    };
    let path = script.value.trim_end_matches('/');
    if !init.scripts.iter().any(|end| path.ends_with(end.as_str())) {
        let ends: Vec<String> = init.scripts.iter().map(|end| format!("`{end}`")).collect();
        problems.push(
            Diagnostic::new(
                script.span.clone(),
                format!(
                    "`{full}.init`: the image of `{name}` would ignore `{}`",
                    script.value
                ),
            )
            .help(format!(
                "it only runs files that end in {}",
                ends.join(", ")
            )),
        );
    }
}

/// A second volume where the preset's data is: one of the two stays empty, and people look for their data in
/// the wrong one. At the very place it replaces the preset's, as in Compose.
fn data_path(full: &str, table: &ServiceTable, preset: &Definition, problems: &mut Problems) {
    let Some(place) = &preset.volume else { return };
    for (source, target, span) in mounted(table) {
        let of_another_version = preset.volumes().any(|other| *other == target);
        let is_folder = source
            .as_deref()
            .is_some_and(|source| !volume::is_named(source));
        let splits = volume::is_below(place, &target)
            || volume::is_below(&target, place) && (of_another_version || !is_folder);
        if splits {
            let source = source.map(|source| source + ":").unwrap_or_default();
            problems.push(
                Diagnostic::new(
                    span,
                    format!("`{full}` has a mount at `{target}`, but this version of the image has its data at `{place}`"),
                )
                .help(format!("mount it there: `volumes = [\"{source}{place}\"]`")),
            );
        }
    }
}

/// What the manifest mounts in any form: the source, the place in the container, and where it stands.
fn mounted(table: &ServiceTable) -> Vec<(Option<String>, String, Range<usize>)> {
    let short = |text: &str, span: Range<usize>| {
        let (source, target) = volume::parts(text);
        (source.map(str::to_owned), volume::clean(target), span)
    };
    let own = table.volumes.iter();
    let mut all: Vec<_> = own
        .map(|volume| short(&volume.value, volume.span.clone()))
        .collect();
    let Some(compose) = &table.compose else {
        return all;
    };
    let entries = compose
        .value
        .keys
        .get("volumes")
        .and_then(|all| all.as_array());
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let place = compose.value.places.get(&format!("/volumes/{index}"));
        let span = place.unwrap_or(&compose.span).clone();
        let text = |key: &str| Some(entry.get(key)?.as_str()?.to_owned());
        if let Some(text) = entry.as_str() {
            all.push(short(text, span));
        } else if let Some(target) = text("target") {
            all.push((text("source"), volume::clean(&target), span));
        }
    }
    all
}
