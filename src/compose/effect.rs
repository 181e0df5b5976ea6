//! The effect of a change of the compose file, or of its variables, on running containers. Pure:
//! text in, text out.

use indexmap::IndexMap;

use super::drift;
use crate::workspace::Service;
use crate::workspace::interpolation::{self, Lookup};

/// A compose file, and the variables that Compose substitutes.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    /// The text of the file; empty if it doesn't exist.
    pub file: &'a str,
    /// Returns the value of a variable.
    pub value: &'a Lookup<'a>,
}

/// The effect of a change on the containers of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is new, or had no containers before (`scale: 0`).
    Created,
    /// Its containers are replaced, for these reasons.
    Recreated(Vec<String>),
    /// Its image is rebuilt; its containers are replaced if the image changes.
    Rebuilt,
    /// Its containers are restarted, because of these dependencies.
    Restarted(Vec<String>),
    /// Older versions of Compose replace its containers, 2.40 keeps them, for these reasons.
    DependsOnCompose(Vec<String>),
    /// Its containers are kept.
    Kept,
    /// Its containers are removed (`scale: 0`).
    Removed,
    /// Its containers keep running until the user removes them.
    Orphaned,
}

/// The effects of a change on the containers of each service.
pub type Effects = IndexMap<String, Effect>;

/// Returns the effects of the change from `old` to `new` on affected services: first those whose
/// part of the file or variables change, then their dependents.
pub fn of(old: Stack<'_>, new: Stack<'_>, services: &[Service]) -> Effects {
    let (before, after) = (filled(old), filled(new));
    let mut effects: IndexMap<String, Effect> = IndexMap::new();
    for (name, part) in &after {
        match before.get(name) {
            None => effects.insert(name.clone(), Effect::Created),
            Some(old) if old != part => effects.insert(name.clone(), changed(old, part)),
            Some(_) => None,
        };
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        effects.insert(name.clone(), Effect::Orphaned);
    }
    // If only the text changes, but not the values, containers are kept.
    for difference in drift::compare(old.file, new.file) {
        if let Some(name) = difference.part.strip_prefix("services.") {
            effects.entry(name.to_owned()).or_insert(Effect::Kept);
        }
    }
    with_dependents(&mut effects, services);
    effects
}

fn filled(stack: Stack<'_>) -> IndexMap<String, String> {
    // A multi-line value must not look like lines of the file.
    let value = |name: &str| (stack.value)(name).map(|value| value.replace(['\n', '\r'], " "));
    drift::parts(stack.file)
        .into_iter()
        .filter_map(|(part, text)| {
            let name = part.strip_prefix("services.")?;
            // Comments have no effect, and may be between two services.
            let lines = text.split_inclusive('\n');
            let text: String = lines.filter(|line| !line.starts_with('#')).collect();
            Some((name.to_owned(), interpolation::fill(&text, &value)))
        })
        .collect()
}

/// Tested with both versions: when a container is replaced, Compose 2.40 restarts direct dependents
/// of its service with `restart: true`; 2.26 replaces all dependents, including indirect ones.
fn with_dependents(effects: &mut IndexMap<String, Effect>, services: &[Service]) {
    let is_replaced = |effect: Option<&Effect>| matches!(effect, Some(Effect::Recreated(_)));
    let mut replaced_by_older: Vec<String> = effects
        .iter()
        .filter(|(_, effect)| is_replaced(Some(*effect)))
        .map(|(name, _)| name.clone())
        .collect();
    let mut next = 0;
    while let Some(name) = replaced_by_older.get(next).cloned() {
        next += 1;
        for service in services {
            let mut dependencies = service.depends_on.iter();
            let Some(dependency) = dependencies.find(|dependency| dependency.service == name)
            else {
                continue;
            };
            let restarts = dependency.restart && is_replaced(effects.get(&name));
            let effect = effects.entry(service.name.clone()).or_insert(Effect::Kept);
            let told = format!("`{name}`");
            match effect {
                Effect::Restarted(with) if restarts => with.push(told),
                Effect::Kept | Effect::DependsOnCompose(_) if restarts => {
                    *effect = Effect::Restarted(vec![told]);
                }
                Effect::Kept => *effect = Effect::DependsOnCompose(vec![told]),
                Effect::DependsOnCompose(reasons) => reasons.push(told),
                _ => {}
            }
            if !replaced_by_older.contains(&service.name) {
                replaced_by_older.push(service.name.clone());
            }
        }
    }
}

/// Compose compares a hash of the service. According to `docker compose config --hash`, it never
/// includes `build`, `scale` and `pull_policy`, and not `depends_on` and `profiles` in 2.40.
fn changed(old: &str, new: &str) -> Effect {
    let (old, new) = (entries(old), entries(new));
    let mut keys: Vec<&str> = new.keys().copied().collect();
    keys.extend(old.keys().copied().filter(|key| !new.contains_key(key)));
    keys.retain(|key| old.get(key) != new.get(key));
    match (has_containers(&old), has_containers(&new)) {
        (true, false) => return Effect::Removed,
        (false, true) => return Effect::Created,
        (false, false) => return Effect::Kept,
        (true, true) => {}
    }
    let told = |keys: &[&str]| -> Vec<String> {
        let reasons = keys.iter();
        reasons
            .map(|key| reason(key, old.get(key), new.get(key)))
            .collect()
    };
    let is_hashed = |key: &&str| {
        !matches!(
            *key,
            "build" | "scale" | "pull_policy" | "depends_on" | "profiles"
        )
    };
    let (hashed, others): (Vec<&str>, Vec<&str>) = keys.into_iter().partition(is_hashed);
    if !hashed.is_empty() {
        return Effect::Recreated(told(&hashed));
    }
    if others.contains(&"build") {
        return Effect::Rebuilt;
    }
    let by_version: Vec<&str> = others
        .into_iter()
        .filter(|key| matches!(*key, "depends_on" | "profiles"))
        .collect();
    if by_version.is_empty() {
        Effect::Kept
    } else {
        Effect::DependsOnCompose(told(&by_version))
    }
}

/// Whether the service has any containers.
fn has_containers(entries: &IndexMap<&str, String>) -> bool {
    entries
        .get("scale")
        .is_none_or(|line| line.trim() != "scale: 0")
}

/// Describes a key; for variables, their names.
fn reason(key: &str, old: Option<&String>, new: Option<&String>) -> String {
    let words = match key {
        "image" => "image",
        "volumes" => "mounts",
        "ports" => "ports",
        "command" => "command",
        "user" => "user",
        "env_file" => "files with variables",
        "extra_hosts" => "host names",
        "healthcheck" => "health check",
        "configs" => "files",
        "mem_limit" | "cpus" | "pids_limit" => "limits",
        "depends_on" => "dependencies",
        "profiles" => "profiles",
        "develop" => "watched files",
        "environment" => {
            let (old, new) = (variables(old), variables(new));
            let mut names: Vec<&str> = new.keys().copied().collect();
            names.extend(old.keys().copied().filter(|name| !new.contains_key(name)));
            names.retain(|name| old.get(name) != new.get(name));
            return format!("environment ({})", names.join(", "));
        }
        other => return format!("`{other}`"),
    };
    words.to_owned()
}

fn variables(block: Option<&String>) -> IndexMap<&str, String> {
    block.map(|block| entries(block)).unwrap_or_default()
}

/// Splits the lines below the first one into keys and their contents. Works on lines, like the
/// comparison: the text may be invalid YAML.
fn entries(block: &str) -> IndexMap<&str, String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || block.lines().skip(1).filter(|line| !line.trim().is_empty());
    let level = lines().map(indent).min().unwrap_or_default();
    let mut entries: IndexMap<&str, String> = IndexMap::new();
    let mut key = "";
    for line in lines() {
        if indent(line) == level && !line.trim_start().starts_with(['-', '#']) {
            let name = line.trim().split(':').next().unwrap_or_default();
            key = name.trim_matches(['"', '\'']);
        }
        let entry = entries.entry(key).or_default();
        entry.push_str(line);
        entry.push('\n');
    }
    entries
}

impl std::fmt::Display for Effect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Effect::Created => write!(formatter, "will be created"),
            Effect::Recreated(reasons) => {
                write!(formatter, "will be recreated: {}", reasons.join(", "))
            }
            Effect::Rebuilt => write!(
                formatter,
                "will be rebuilt, and recreated if the image changes"
            ),
            Effect::Restarted(with) => write!(
                formatter,
                "will be restarted with {}; Compose 2.26 recreates it",
                with.join(", ")
            ),
            Effect::Removed => write!(
                formatter,
                "its containers will be removed; its volumes are kept"
            ),
            Effect::DependsOnCompose(reasons) => write!(
                formatter,
                "keeps its containers with Compose 2.40; older versions recreate them: {}",
                reasons.join(", ")
            ),
            Effect::Kept => write!(formatter, "keeps its containers"),
            Effect::Orphaned => write!(
                formatter,
                "keeps running until `docker compose up --remove-orphans`; its volumes are kept"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use crate::workspace::resolve;

    const BEFORE: &str = "services:\n  web:\n    image: x:1\n    build:\n      context: ./a\n    \
                          environment:\n      A: \"1\"\n      B: \"${B:-2}\"\n    ports:\n      \
                          - \"1:1\"\n    depends_on:\n      db: {}\n    scale: ${WEBS:-1}\n  \
                          api:\n    image: y\n  job:\n    image: z\n  page:\n    image: z\n";

    /// `api` starts again with `web`, `job` and `page` depend on `web` and `job`.
    fn services() -> Vec<Service> {
        let manifest = "[services.web]\nimage = \"x:1\"\n[services.api]\nimage = \"y:1\"\n\
                        depends_on = [\"web\"]\n[services.job]\nimage = \"z:1\"\n\
                        depends_on = { web = { condition = \"service_started\", restart = false } }\n\
                        [services.page]\nimage = \"z:1\"\ndepends_on = [\"job\"]\n";
        let (table, problems) = manifest::decode::manifest(manifest);
        assert_eq!(problems, []);
        let (workspace, problems) = resolve::workspace(&table);
        assert_eq!(problems, []);
        workspace.services
    }

    fn told(before: &str, after: &str, [old, new]: [&str; 2], services: &[Service]) -> String {
        // Each is `NAME=value`, or nothing.
        let lookup = |of: &'static str| {
            move |name: &str| {
                let (key, value) = of.split_once('=')?;
                (key == name).then(|| value.to_owned())
            }
        };
        let (old, new) = (lookup(leak(old)), lookup(leak(new)));
        let stack = |file, value| Stack { file, value };
        let effects = of(stack(before, &old), stack(after, &new), services);
        let lines = effects.iter();
        let lines = lines.map(|(name, effect)| format!("{name} {effect}"));
        lines.collect::<Vec<_>>().join(" / ")
    }

    fn leak(text: &str) -> &'static str {
        Box::leak(text.to_owned().into_boxed_str())
    }

    #[test]
    fn a_change_is_told_by_what_it_does_and_why() {
        for (from, to, expected) in [
            ("x:1", "x:2", "web will be recreated: image"),
            (
                "A: \"1\"",
                "A: \"3\"\n      C: \"4\"",
                "web will be recreated: environment (A, C)",
            ),
            (
                "      B: \"${B:-2}\"\n",
                "",
                "web will be recreated: environment (B)",
            ),
            (
                "- \"1:1\"",
                "- \"2:1\"\n    tty: true",
                "web will be recreated: ports, `tty`",
            ),
            (
                "./a",
                "./b",
                "web will be rebuilt, and recreated if the image changes",
            ),
            (
                "db: {}",
                "cache: {}",
                "web keeps its containers with Compose 2.40; older versions recreate them: \
                 dependencies",
            ),
            (
                "scale: ${WEBS:-1}",
                "scale: ${WEBS:-2}",
                "web keeps its containers",
            ),
            (
                "scale: ${WEBS:-1}",
                "scale: ${WEBS:-0}",
                "web its containers will be removed; its volumes are kept",
            ),
            ("${B:-2}", "${C:-2}", "web keeps its containers"),
            (
                "  web:",
                "  site:",
                "site will be created / web keeps running until `docker compose up \
                 --remove-orphans`; its volumes are kept",
            ),
        ] {
            assert!(BEFORE.contains(from), "{from}");
            let after = BEFORE.replacen(from, to, 1);
            assert_eq!(
                told(BEFORE, &after, ["", ""], &[]),
                expected,
                "{from} to {to}"
            );
        }
    }

    #[test]
    fn another_value_of_a_variable_is_told_by_what_it_does() {
        for (old, new, expected) in [
            ("", "B=3", "web will be recreated: environment (B)"),
            ("B=3", "", "web will be recreated: environment (B)"),
            ("", "B=2", ""),
            ("", "D=4", ""),
            (
                "",
                "WEBS=0",
                "web its containers will be removed; its volumes are kept",
            ),
            ("WEBS=0", "WEBS=1", "web will be created"),
        ] {
            assert_eq!(
                told(BEFORE, BEFORE, [old, new], &[]),
                expected,
                "{old} to {new}"
            );
        }
    }

    #[test]
    fn what_depends_on_a_recreated_service_is_told_too() {
        let after = BEFORE.replacen("x:1", "x:2", 1);
        assert_eq!(
            told(BEFORE, &after, ["", ""], &services()),
            "web will be recreated: image / \
             api will be restarted with `web`; Compose 2.26 recreates it / \
             job keeps its containers with Compose 2.40; older versions recreate them: `web` / \
             page keeps its containers with Compose 2.40; older versions recreate them: `job`"
        );
    }
}
