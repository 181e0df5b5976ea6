//! After a change of a lock file: determines outdated kept folders, and how to make Compose replace
//! only these volumes. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;
use crate::stack;
use crate::workspace::{Service, Source};

/// Returns possible lock files of a service, relative to the workspace: in its build context and
/// mounts, and those in `rebuild_on`. None if it has no kept folders.
pub fn lock_files(service: &Service) -> Vec<String> {
    let Source::Build(build) = &service.source else {
        return Vec::new();
    };
    if service.kept_volumes().next().is_none() {
        return Vec::new();
    }
    let mounts = service.mounts.iter().map(|mount| mount.source.as_str());
    let folders: Vec<&str> = [build.context.as_str()].into_iter().chain(mounts).collect();
    let mut files: Vec<String> = folders
        .iter()
        .flat_map(|folder| stack::lock_files().map(move |name| format!("{folder}/{name}")))
        .chain(service.rebuild_on.iter().cloned())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// Returns a fingerprint of the names and texts of all lock files of a service.
pub fn fingerprint<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut parts = String::new();
    for (name, text) in files {
        // With its length, so that different lists of files don't look the same.
        for part in [name, text] {
            parts.push_str(&part.len().to_string());
            parts.push(':');
            parts.push_str(part);
        }
    }
    text::hash(&parts)
}

/// Returns services whose fingerprint has changed. Excludes unknown services, because the source of
/// their folders is unknown.
pub fn outdated<'a>(
    recorded: &BTreeMap<String, String>,
    now: &'a BTreeMap<String, String>,
) -> Vec<&'a str> {
    now.iter()
        .filter(|(service, print)| recorded.get(*service).is_some_and(|old| old != *print))
        .map(|(service, _)| service.as_str())
        .collect()
}

/// Reduces the project of `docker compose config --format json` to these services, without the
/// volumes of their kept folders.
///
/// A container that replaces another one takes over its anonymous volumes, by target. One created
/// from this doesn't take over the kept folders, so the one that replaces it gets new ones from the
/// new image, and takes over all others.
pub fn without_kept(mut project: Value, services: &[&Service]) -> Value {
    let Some(all) = project.get_mut("services").and_then(Value::as_object_mut) else {
        return project;
    };
    all.retain(|name, _| services.iter().any(|service| service.name == *name));
    for service in services {
        let Some(entry) = all.get_mut(&service.name).and_then(Value::as_object_mut) else {
            continue;
        };
        entry.remove("depends_on");
        if let Some(volumes) = entry.get_mut("volumes").and_then(Value::as_array_mut) {
            volumes.retain(|volume| {
                let target = volume["target"].as_str().unwrap_or_default();
                let is_anonymous = volume["type"] == "volume" && volume["source"].is_null();
                !(is_anonymous && service.kept_volumes().any(|folder| is_same(folder, target)))
            });
        }
    }
    project
}

/// Whether two paths of a container are the same folder.
pub fn is_same(left: &str, right: &str) -> bool {
    left.trim_end_matches('/') == right.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use crate::workspace::{Workspace, resolve};

    fn workspace() -> Workspace {
        let source = r#"
            [repos.web]
            url = "https://git.example/web.git"

            [services.web]
            repo = "web"
            context = "server"
            mount = [{ target = "/app" }, { source = "ui", target = "/ui", mode = "sync" }]
            keep = ["/app/node_modules"]
            rebuild_on = "vendor.txt"
            volumes = ["/scratch"]

            [services.plain]
            repo = "web"
            mount = "/app"
        "#;
        let (table, problems) = manifest::decode::manifest(source);
        assert_eq!(problems, []);
        resolve::workspace(&table).0
    }

    #[test]
    fn lock_files_are_looked_for_where_the_service_has_its_files() {
        let workspace = workspace();
        let files = lock_files(&workspace.services[0]);
        for file in [
            "web/server/package-lock.json",
            "web/server/ui/package-lock.json",
            "web/server/vendor.txt",
            "web/server/poetry.lock",
        ] {
            assert!(files.iter().any(|found| found == file), "{file}: {files:?}");
        }
        assert_eq!(lock_files(&workspace.services[1]), [""; 0]);
    }

    #[test]
    fn a_fingerprint_tells_names_and_texts_apart() {
        let prints = [
            fingerprint([]),
            fingerprint([("a", "b")]),
            fingerprint([("ab", "")]),
            fingerprint([("a", "c")]),
            fingerprint([("a", "b"), ("c", "")]),
        ];
        for (index, print) in prints.iter().enumerate() {
            assert!(!prints[..index].contains(print), "{index}");
        }
    }

    #[test]
    fn what_was_never_seen_is_not_out_of_date() {
        let of = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = entries
                .iter()
                .map(|(name, print)| (name.to_string(), print.to_string()));
            owned.collect()
        };
        let recorded = of(&[("same", "1"), ("other", "1"), ("gone", "1")]);
        let now = of(&[("same", "1"), ("other", "2"), ("new", "1")]);
        assert_eq!(outdated(&recorded, &now), ["other"]);
    }

    #[test]
    fn only_the_volumes_of_kept_folders_go() {
        let workspace = workspace();
        let project = serde_json::json!({
            "name": "p",
            "networks": { "default": {} },
            "services": {
                "web": {
                    "image": "x",
                    "depends_on": { "plain": {} },
                    "volumes": [
                        { "type": "bind", "source": "/w", "target": "/app" },
                        { "type": "volume", "target": "/app/node_modules/" },
                        { "type": "volume", "target": "/scratch" },
                    ],
                },
                "plain": { "image": "y" },
            },
        });
        let reduced = without_kept(project, &[&workspace.services[0]]);
        let expected = serde_json::json!({
            "name": "p",
            "networks": { "default": {} },
            "services": {
                "web": {
                    "image": "x",
                    "volumes": [
                        { "type": "bind", "source": "/w", "target": "/app" },
                        { "type": "volume", "target": "/scratch" },
                    ],
                },
            },
        });
        assert_eq!(reduced, expected);
    }
}
