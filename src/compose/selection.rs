//! Selects the files and the project for `docker compose`, regardless of the shell.
//!
//! Compose reads these from variables
//! (<https://docs.docker.com/compose/how-tos/environment-variables/envvars/>). Variables that
//! select *what* Compose uses are handled here; those that only change *how* it works
//! (`COMPOSE_PROGRESS`, `COMPOSE_PARALLEL_LIMIT`, `COMPOSE_REMOVE_ORPHANS` and so on) are passed
//! through. Pure: the contents of the shell, `.env` and the folder are passed in.

use super::FILE;

/// Variables that select what Compose uses. None of them is passed through from the shell.
pub const DECIDED: [&str; 5] = [
    FILES,
    SEPARATOR,
    PROJECT,
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
];

/// The files of a project, joined by [`SEPARATOR`].
pub const FILES: &str = "COMPOSE_FILE";
/// The separator of the files.
pub const SEPARATOR: &str = "COMPOSE_PATH_SEPARATOR";
/// The name of a project.
pub const PROJECT: &str = "COMPOSE_PROJECT_NAME";
/// Enabled profiles, separated by commas. The shell's are honored: they select services of the same
/// project, and users may want different ones for each run.
pub const PROFILES: &str = "COMPOSE_PROFILES";

/// The file names that Compose looks for; the first one is used (compose-go, `DefaultFileNames`).
pub const FOUND: [&str; 4] = ["compose.yaml", "compose.yml", FILE, "docker-compose.yaml"];
/// The same for the override (compose-go, `DefaultOverrideFileNames`).
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    super::OVERRIDE_FILE,
    "docker-compose.override.yaml",
];

/// The files and project for Compose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The project's files: relative to the workspace, or as in the user's variable.
    pub files: Vec<String>,
    /// Their separator in `COMPOSE_FILE`.
    separator: String,
    /// The project's name; empty if Compose should report that there is none.
    pub project: String,
    /// Differences from plain `docker compose`.
    pub differences: Vec<Difference>,
}

/// Something that makes plain `docker compose` use something else, or other services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A lower-case sentence.
    pub found: String,
    /// A command that fixes it.
    pub remedy: Option<String>,
}

/// The inputs of a selection.
pub struct Sources<'a> {
    /// Returns a shell variable.
    pub shell: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Returns a variable in `.env`.
    pub env_file: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Whether the workspace's folder contains a file with that name.
    pub has_file: &'a dyn Fn(&str) -> bool,
    /// Whether a file in a variable is directly in the workspace's folder.
    pub in_folder: &'a dyn Fn(&str) -> bool,
}

impl<'a> Sources<'a> {
    /// Returns a non-empty shell variable.
    fn in_shell(&self, name: &str) -> Option<&'a str> {
        (self.shell)(name).filter(|value| !value.is_empty())
    }

    /// Returns a non-empty variable in `.env`.
    fn in_file(&self, name: &str) -> Option<&'a str> {
        (self.env_file)(name).filter(|value| !value.is_empty())
    }
}

impl Selection {
    /// Selects the files and project. `name` returns the project name for these files.
    pub fn of(sources: &Sources, name: impl FnOnce(&[String]) -> String) -> Self {
        let mut differences = Vec::new();
        let (files, separator) = files(sources, &mut differences);
        let project = name(&files);
        if let Some(other) = sources.in_shell(PROJECT)
            && other != project
        {
            differences.push(Difference::of_shell(
                PROJECT,
                &format!("is `{other}`, but ignored: the project of this workspace is `{project}`"),
            ));
        }
        if let Some(profiles) = (sources.shell)(PROFILES)
            && Some(profiles) != (sources.env_file)(PROFILES)
            && !(profiles.is_empty() && (sources.env_file)(PROFILES).is_none())
        {
            let instead = match (sources.env_file)(PROFILES) {
                Some(own) => format!(", over the `{own}` of `.env`"),
                None => String::new(),
            };
            differences.push(Difference::of_shell(
                PROFILES,
                &format!("is `{profiles}`{instead}: using the services of these profiles"),
            ));
        }
        if let Some(others) = sources.in_shell("COMPOSE_ENV_FILES") {
            differences.push(Difference::of_shell(
                "COMPOSE_ENV_FILES",
                &format!("is `{others}`, but ignored: using `.env`"),
            ));
        }
        // Compose's booleans: Go's (strconv.ParseBool), and `y`.
        let yes = ["1", "t", "true", "y"];
        if sources
            .in_shell("COMPOSE_DISABLE_ENV_FILE")
            .is_some_and(|value| yes.contains(&value.to_lowercase().as_str()))
        {
            differences.push(Difference::of_shell(
                "COMPOSE_DISABLE_ENV_FILE",
                "is set, but ignored: using `.env`",
            ));
        }
        Selection {
            files,
            separator,
            project,
            differences,
        }
    }

    /// Returns the same files with another project.
    #[must_use]
    pub fn named(mut self, project: &str) -> Self {
        project.clone_into(&mut self.project);
        self
    }

    /// Whether there are files other than ours and its override.
    pub fn has_more_files(&self) -> bool {
        let is_usual = |file: &String| *file == FILE || OVERRIDES.contains(&file.as_str());
        !self.files.iter().all(is_usual)
    }

    /// Returns the variables for Compose. Command line flags override them, like those of a shell.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            (FILES, self.files.join(&self.separator)),
            (SEPARATOR, self.separator.clone()),
        ];
        if !self.project.is_empty() {
            variables.push((PROJECT, self.project.clone()));
        }
        variables
    }
}

impl Difference {
    fn of_shell(variable: &str, words: &str) -> Self {
        Difference {
            found: format!("`{variable}` of this shell {words}"),
            remedy: Some(format!("unset {variable}")),
        }
    }
}

/// Returns the files and their separator: those of a variable that includes ours, otherwise those
/// that Compose finds next to ours.
fn files(sources: &Sources, differences: &mut Vec<Difference>) -> (Vec<String>, String) {
    let of_file = sources.in_file(SEPARATOR).unwrap_or(":");
    // The project's folder is that of its first file, which our file's paths are relative to.
    let is_ours = |files: &[String]| {
        let mut ours = files.iter();
        ours.any(|file| file.rsplit('/').next() == Some(FILE) && (sources.in_folder)(file))
            && files
                .first()
                .is_some_and(|first| (sources.in_folder)(first))
    };
    let split = |value: &str, separator: &str| -> Vec<String> {
        let files = value.split(separator).filter(|file| !file.is_empty());
        files.map(str::to_owned).collect()
    };
    let own = sources.in_file(FILES);
    if let Some(value) = sources.in_shell(FILES)
        && Some(value) != own
    {
        let separator = sources.in_shell(SEPARATOR).unwrap_or(of_file);
        let files = split(value, separator);
        if is_ours(&files) {
            differences.push(Difference::of_shell(
                FILES,
                &format!("is `{value}`: using these files"),
            ));
            return (files, separator.to_owned());
        }
        differences.push(Difference::of_shell(
            FILES,
            &format!(
                "is `{value}`, but ignored: its first file is not in this folder, or it doesn't include `{FILE}`"
            ),
        ));
    }
    if let Some(value) = own {
        let files = split(value, of_file);
        if is_ours(&files) {
            if let Some(other) = sources.in_shell(SEPARATOR)
                && other != of_file
            {
                differences.push(Difference::of_shell(
                    SEPARATOR,
                    &format!("is `{other}`, but ignored: in `.env`, it is `{of_file}`"),
                ));
            }
            return (files, of_file.to_owned());
        }
        differences.push(Difference {
            found: format!(
                "`{FILES}` in `.env` is `{value}`, but ignored: its first file is not in this folder, or it doesn't include `{FILE}`"
            ),
            remedy: None,
        });
    } else if let Some(hiding) = hiding(sources) {
        differences.push(Difference {
            found: format!("plain `docker compose` reads `{hiding}` in this folder, not `{FILE}`"),
            remedy: Some(format!("echo '{FILES}={FILE}' >> .env")),
        });
    }
    let found = OVERRIDES.into_iter().find(|name| (sources.has_file)(name));
    let files = std::iter::once(FILE).chain(found).map(str::to_owned);
    (files.collect(), ":".to_owned())
}

/// Returns the file that Compose uses instead of ours.
fn hiding(sources: &Sources) -> Option<&'static str> {
    let before = FOUND.into_iter().take_while(|name| *name != FILE);
    before.into_iter().find(|name| (sources.has_file)(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variable = (&'static str, &'static str);

    /// The selection in a folder `/ws` with these variables and files.
    fn select(shell: &[Variable], env_file: &[Variable], files: &[&str]) -> Selection {
        let find = |variables: &[Variable], name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(variable, _)| *variable == name);
            found.map(|(_, value)| *value)
        };
        let sources = Sources {
            shell: &|name| find(shell, name),
            env_file: &|name| find(env_file, name),
            has_file: &|name| files.contains(&name),
            in_folder: &|file| {
                let file = file.strip_prefix("/ws/").unwrap_or(file);
                !file.trim_start_matches("./").contains('/')
            },
        };
        Selection::of(&sources, |_| "vera".to_owned())
    }

    fn found(selection: &Selection) -> Vec<&str> {
        let differences = selection.differences.iter();
        differences
            .map(|difference| difference.found.as_str())
            .collect()
    }

    #[test]
    fn what_compose_works_on_follows_from_the_folder() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &["docker-compose.yml"]),
            (
                &["docker-compose.override.yml"],
                &["docker-compose.yml", "docker-compose.override.yml"],
            ),
            (
                &["docker-compose.override.yml", "compose.override.yaml"],
                &["docker-compose.yml", "compose.override.yaml"],
            ),
            (&["docker-compose.extra.yml"], &["docker-compose.yml"]),
        ];
        for (files, expected) in cases {
            let selection = select(&[], &[], files);
            assert_eq!(selection.files, expected);
            assert_eq!(found(&selection), [""; 0]);
            assert_eq!(
                selection.environment(),
                [
                    (FILES, expected.join(":")),
                    (SEPARATOR, ":".to_owned()),
                    (PROJECT, "vera".to_owned())
                ]
            );
        }
    }

    #[test]
    fn files_of_a_variable_are_followed_where_they_are_ours() {
        let followed = [
            ("docker-compose.yml", ":"),
            ("docker-compose.yml:debug.yml", ":"),
            ("./docker-compose.yml:deploy/debug.yml", ":"),
            ("/ws/docker-compose.yml:/elsewhere/debug.yml", ":"),
            ("debug.yml,docker-compose.yml", ","),
        ];
        for (value, separator) in followed {
            let files: Vec<&str> = value.split(separator).collect();
            let variables = [(FILES, value), (SEPARATOR, separator)];
            let in_file = select(&[], &variables, &["docker-compose.override.yml"]);
            assert_eq!(in_file.files, files, "{value}");
            assert_eq!(found(&in_file), [""; 0], "{value}");
            let in_shell = select(&variables, &[], &[]);
            assert_eq!(in_shell.files, files, "{value}");
            assert_eq!(in_shell.environment()[0].1, value);
            assert!(found(&in_shell)[0].contains("using these files"));
        }
    }

    #[test]
    fn files_of_somebody_else_are_ignored_and_reported() {
        for value in [
            "/elsewhere/docker-compose.yml",
            "../other/docker-compose.yml",
            "/elsewhere/docker-compose.yml:/ws/docker-compose.yml",
            "compose.yaml",
            "-",
        ] {
            for in_shell in [true, false] {
                let variables = [(FILES, value)];
                let selection = if in_shell {
                    select(&variables, &[], &[])
                } else {
                    select(&[], &variables, &[])
                };
                assert_eq!(selection.files, ["docker-compose.yml"], "{value}");
                assert!(found(&selection)[0].contains("but ignored"), "{value}");
            }
        }
        // Then those of `.env` are meant again.
        let both = select(
            &[(FILES, "/elsewhere/docker-compose.yml")],
            &[(FILES, "docker-compose.yml:mine.yml")],
            &[],
        );
        assert_eq!(both.files, ["docker-compose.yml", "mine.yml"]);
    }

    #[test]
    fn the_shell_changes_neither_project_nor_env_file_and_what_it_says_is_reported() {
        let cases = [
            (
                PROJECT,
                "other",
                Some("the project of this workspace is `vera`"),
            ),
            (PROJECT, "vera", None),
            (PROJECT, "", None),
            ("COMPOSE_ENV_FILES", "/elsewhere/.env", Some("using `.env`")),
            ("COMPOSE_DISABLE_ENV_FILE", "True", Some("using `.env`")),
            ("COMPOSE_DISABLE_ENV_FILE", "0", None),
            (PROFILES, "debug", Some("services of these profiles")),
            (PROFILES, "", None),
            (SEPARATOR, ";", None),
            (FILES, "", None),
        ];
        for (name, value, words) in cases {
            let selection = select(&[(name, value)], &[], &[]);
            let expected = select(&[], &[], &[]);
            assert_eq!(
                selection.environment(),
                expected.environment(),
                "{name}={value}"
            );
            let found = found(&selection);
            match words {
                None => assert_eq!(found, [""; 0], "{name}={value}"),
                Some(words) => {
                    assert!(found[0].contains(words), "{found:?}");
                    let remedy = selection.differences[0].remedy.as_deref();
                    assert_eq!(remedy, Some(format!("unset {name}").as_str()));
                }
            }
        }
        let own = [(PROFILES, "backend")];
        assert_eq!(found(&select(&own, &own, &[])), [""; 0]);
        let over = select(&[(PROFILES, "")], &own, &[]);
        assert!(found(&over)[0].contains("over the `backend` of `.env`"));
    }

    #[test]
    fn a_file_that_compose_would_find_first_is_reported() {
        let selection = select(&[], &[], &["compose.yaml"]);
        assert_eq!(selection.files, ["docker-compose.yml"]);
        assert!(found(&selection)[0].contains("reads `compose.yaml`"));
        let said = [(FILES, "docker-compose.yml")];
        assert_eq!(found(&select(&[], &said, &["compose.yaml"])), [""; 0]);
    }
}
