//! What a change of the compose file does to running containers, in words. Pure: texts in, words out.

use indexmap::IndexMap;

use super::drift::{Change, Difference};

/// What applying a difference does to the containers of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is new.
    Created,
    /// Its containers are replaced, for these reasons.
    Recreated(Vec<String>),
    /// Its image is built again; its containers are replaced when the image is another one then.
    Rebuilt,
    /// Compose before 2.40 replaces its containers, later versions leave them, for these reasons.
    DependsOnCompose(Vec<String>),
    /// Its containers stay as they are.
    Kept,
    /// Its containers run on until somebody removes them.
    Orphaned,
}

/// The effect of a difference; `None` where it is about no service.
pub fn of(difference: &Difference) -> Option<Effect> {
    difference.part.strip_prefix("services.")?;
    Some(match difference.change {
        Change::Added => Effect::Created,
        Change::Removed => Effect::Orphaned,
        Change::Changed => changed(&difference.old, &difference.new),
    })
}

/// Compose compares a hash of the service. What is not in it was found out with `docker compose
/// config --hash`: `build`, `scale` and `pull_policy` never, `depends_on` and `profiles` not in 2.40.
fn changed(old: &str, new: &str) -> Effect {
    let (old, new) = (entries(old), entries(new));
    let mut keys: Vec<&str> = new.keys().copied().collect();
    keys.extend(old.keys().copied().filter(|key| !new.contains_key(key)));
    keys.retain(|key| old.get(key) != new.get(key));
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

/// A key in words; of variables, their names.
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

/// The lines below the first one as keys with what is below each. Works on lines, as the comparison
/// does: the text may be no valid YAML.
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
                "will be built again, and recreated when the image is another one then"
            ),
            Effect::DependsOnCompose(reasons) => write!(
                formatter,
                "keeps its containers with Compose 2.40; older versions recreate them: {}",
                reasons.join(", ")
            ),
            Effect::Kept => write!(formatter, "keeps its containers"),
            Effect::Orphaned => write!(
                formatter,
                "goes on running until `docker compose up --remove-orphans`; its volumes stay"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::drift::compare;

    const BEFORE: &str = "services:\n  web:\n    image: x:1\n    build:\n      context: ./a\n    \
                          environment:\n      A: \"1\"\n      B: \"2\"\n    ports:\n      - \"1:1\"\n    \
                          depends_on:\n      db: {}\n    scale: 1\n";

    #[test]
    fn a_change_is_told_by_what_it_does_and_why() {
        for (from, to, expected) in [
            ("x:1", "x:2", "will be recreated: image"),
            (
                "A: \"1\"",
                "A: \"3\"\n      C: \"4\"",
                "will be recreated: environment (A, C)",
            ),
            ("      B: \"2\"\n", "", "will be recreated: environment (B)"),
            (
                "- \"1:1\"",
                "- \"2:1\"\n    tty: true",
                "will be recreated: ports, `tty`",
            ),
            (
                "./a",
                "./b",
                "will be built again, and recreated when the image is another one then",
            ),
            (
                "db: {}",
                "cache: {}",
                "keeps its containers with Compose 2.40; older versions recreate them: \
                 dependencies",
            ),
            ("scale: 1", "scale: 2", "keeps its containers"),
            (
                "  web:",
                "  site:",
                "will be created / goes on running until `docker compose up --remove-orphans`; its \
                 volumes stay",
            ),
        ] {
            assert!(BEFORE.contains(from), "{from}");
            let after = BEFORE.replacen(from, to, 1);
            let told: Vec<String> = compare(BEFORE, &after)
                .iter()
                .filter_map(|difference| Some(of(difference)?.to_string()))
                .collect();
            assert_eq!(told.join(" / "), expected, "{from} to {to}");
        }
    }
}
