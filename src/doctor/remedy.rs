//! The commands that install something on each system: the files in `templates/remedies`.
//!
//! Commands that depend on more than the system (the engine, the firewall) are in the check that
//! needs them.

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::outcome::Remedy;
use super::system::System;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/remedies");

/// A file of remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remedies(&'static str);

/// Installs git.
pub const GIT: Remedies = Remedies("git");
/// Installs the Git LFS extension.
pub const GIT_LFS: Remedies = Remedies("git-lfs");
/// Installs an engine, its client and Compose.
pub const DOCKER: Remedies = Remedies("docker");
/// Installs the Compose plugin.
pub const COMPOSE: Remedies = Remedies("compose");
/// Installs the newest Compose for this user alone.
pub const COMPOSE_DOWNLOAD: Remedies = Remedies("compose-download");
/// Installs the buildx plugin.
pub const BUILDX: Remedies = Remedies("buildx");
/// Lets every user watch more files.
pub const INOTIFY: Remedies = Remedies("inotify");
/// Installs hadolint.
pub const HADOLINT: Remedies = Remedies("hadolint");
/// Installs trivy.
pub const TRIVY: Remedies = Remedies("trivy");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    on: Vec<On>,
}

/// The fix for some systems.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct On {
    /// Names from [`System::names`]; for a system with several names, the first one with an entry
    /// is used.
    systems: Vec<String>,
    /// As typed by a non-root user. `{start}` starts the engine's service.
    #[serde(default)]
    run: Vec<String>,
    note: Option<String>,
    /// The file with the commands for these systems.
    like: Option<String>,
}

impl Remedies {
    /// Returns the fix for this system.
    pub fn on(self, system: &System) -> Remedy {
        on(self.0, system)
    }
}

fn on(file: &str, system: &System) -> Remedy {
    let Definition { on: entries } = read(file);
    let entry = system.names().into_iter().find_map(|name| {
        let mut entries = entries.iter();
        entries.find(|entry| entry.systems.iter().any(|system| system == name))
    });
    let Some(entry) = entry else {
        return Remedy::default();
    };
    if let Some(other) = &entry.like {
        return on(other, system);
    }
    let typed = |command: &String| {
        let command = command.replace("{start}", &start_engine(system));
        if system.is_root {
            command.replace("sudo ", "")
        } else {
            command
        }
    };
    Remedy {
        run: entry.run.iter().map(typed).collect(),
        note: entry.note.clone(),
    }
}

fn read(file: &str) -> Definition {
    let text = FILES.get_file(format!("{file}.toml"));
    let text = text.and_then(include_dir::File::contents_utf8);
    match toml::from_str(text.unwrap_or_default()) {
        Ok(definition) => definition,
        // Embedded files can't be invalid at run time: a test parses all of them.
        Err(error) => panic!("templates/remedies/{file}.toml: {error}"),
    }
}

/// Starts the engine's service.
pub fn start_engine(system: &System) -> String {
    if system.has_systemd {
        system.as_root("systemctl enable --now docker")
    } else {
        system.as_root("service docker start")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::doctor::system::Platform;

    /// A system of this family, with systemd.
    pub fn system(platform: Platform) -> System {
        System {
            platform,
            has_systemd: true,
            ..System::new("linux", "", "")
        }
    }

    /// Its commands, and its note in brackets.
    pub fn lines(remedy: &Remedy) -> String {
        let mut lines = remedy.run.clone();
        lines.extend(remedy.note.iter().map(|note| format!("({note})")));
        lines.join("\n")
    }

    const PLATFORMS: [(&str, Platform); 9] = [
        ("Debian 12", Platform::Debian(Some(12))),
        ("Debian 13", Platform::Debian(Some(13))),
        ("Ubuntu", Platform::Ubuntu),
        ("Fedora", Platform::Fedora),
        ("RHEL", Platform::RedHat),
        ("Arch", Platform::Arch),
        ("Alpine", Platform::Alpine),
        ("macOS", Platform::MacOs),
        ("other", Platform::Other),
    ];

    #[test]
    fn every_system_has_its_own_commands() {
        let mut text = Vec::new();
        for (name, platform) in PLATFORMS {
            let system = system(platform);
            for (what, remedy) in [
                ("git", GIT.on(&system)),
                ("git-lfs", GIT_LFS.on(&system)),
                ("docker", DOCKER.on(&system)),
                ("compose", COMPOSE.on(&system)),
            ] {
                text.push(format!("## {name}: {what}\n{}", lines(&remedy)));
            }
        }
        let text = text.join("\n");
        insta::assert_snapshot!(text);
    }

    /// Every name of a system, with one that has it.
    fn all_systems() -> Vec<(&'static str, System)> {
        let other = [("suse", Platform::Suse)].into_iter();
        let plain = PLATFORMS.into_iter().chain(other);
        let mut all: Vec<_> = plain
            .map(|(_, platform)| system(platform))
            .map(|system| (system.names()[0], system))
            .collect();
        all.push((
            "wsl",
            System {
                is_wsl: true,
                ..system(Platform::Ubuntu)
            },
        ));
        all.push((
            "macos-with-brew",
            System {
                programs: vec!["brew".to_owned()],
                ..system(Platform::MacOs)
            },
        ));
        all
    }

    #[test]
    fn every_file_has_commands_for_every_system_each_once() {
        let all = [
            BUILDX,
            COMPOSE,
            COMPOSE_DOWNLOAD,
            DOCKER,
            GIT,
            GIT_LFS,
            HADOLINT,
            INOTIFY,
            TRIVY,
        ];
        let mut files: Vec<_> = FILES
            .files()
            .filter_map(|it| it.path().file_stem())
            .collect();
        files.sort();
        let names: Vec<_> = all.iter().map(|remedies| remedies.0).collect();
        assert_eq!(files, names);
        let systems = all_systems();
        for remedies in all {
            let definition = read(remedies.0);
            let named: Vec<&String> = definition.on.iter().flat_map(|on| &on.systems).collect();
            for name in &named {
                let is_known = systems.iter().any(|(known, _)| known == name);
                assert!(is_known, "{remedies:?} names `{name}`");
                let times = named.iter().filter(|other| *other == name).count();
                assert_eq!(times, 1, "{remedies:?} names `{name}`");
            }
            for (name, system) in &systems {
                let for_user = remedies.on(system);
                assert_ne!(for_user, Remedy::default(), "{remedies:?} on {name}");
                let root = System {
                    is_root: true,
                    ..system.clone()
                };
                for command in remedies.on(&root).run {
                    assert!(
                        !command.contains("sudo"),
                        "{remedies:?} on {name}: {command}"
                    );
                    assert!(
                        !command.contains("{start}"),
                        "{remedies:?} on {name}: {command}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_most_special_name_of_a_system_counts() {
        let run = |system: &System| DOCKER.on(system).run.join("\n");
        let of = |name: &str| {
            let mut all = all_systems().into_iter();
            all.find(|(known, _)| *known == name).unwrap().1
        };
        assert_eq!(run(&of("wsl")), "winget.exe install Docker.DockerDesktop");
        assert!(run(&of("macos-with-brew")).starts_with("brew install"));
        assert!(run(&of("macos")).is_empty());
        assert_eq!(
            run(&System {
                is_root: true,
                has_systemd: false,
                ..of("rhel")
            }),
            "curl -fsSL https://get.docker.com | sh\nservice docker start"
        );
    }
}
