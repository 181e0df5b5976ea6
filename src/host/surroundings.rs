//! Ignores the repository that fitout was started in: git hooks, `git rebase --exec` and git
//! aliases export variables that refer to its index, objects and work tree.
//!
//! fitout and everything that it starts work on other repositories, but these variables would make
//! git, gix and libgit2 read and write that one. So the process restarts without them. If none is
//! set, which is nearly always the case, this only reads the environment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The output of `git rev-parse --local-env-vars` of git 2.20 to 2.50, without
/// `GIT_CONFIG_PARAMETERS` and `GIT_CONFIG_COUNT`: these contain settings (`git -c`), which git
/// also applies to other repositories (`prepare_submodule_repo_env` in submodule.c).
const OF_ONE_REPOSITORY: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
    // Not in git's list, but also specific to a repository: a server's namespace, and the
    // quarantined objects of a `pre-receive` hook. While the latter is set, git refuses to update
    // any branch.
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
];

/// Settings of `git -c`, which gix doesn't read from there.
const PARAMETERS: &str = "GIT_CONFIG_PARAMETERS";

/// The same as numbered variables, which gix reads.
const COUNT: &str = "GIT_CONFIG_COUNT";

/// Restarts this process if the environment refers to a repository, or has settings of `git -c`.
/// Returns immediately if it doesn't, and doesn't return if it does.
///
/// Its process id, its parent and its open files stay the same. Only `unsafe` code could remove a variable
/// from a running process, and each library and each child reads the environment for itself.
pub fn leave() -> io::Result<()> {
    let settings = numbered_settings(|name| env::var(name).ok());
    if settings.is_empty()
        && !OF_ONE_REPOSITORY
            .iter()
            .any(|name| env::var_os(name).is_some())
    {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from("fitout"));
    let mut again = Command::new(env::current_exe()?);
    again.arg0(name).args(arguments);
    for name in OF_ONE_REPOSITORY {
        again.env_remove(name);
    }
    if !settings.is_empty() {
        again.env_remove(PARAMETERS).envs(settings);
    }
    Err(again.exec())
}

/// Returns the settings of `git -c` as numbered variables, after existing ones, in the order that
/// git reads them. None if git would refuse either.
fn numbered_settings(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let known = variable(COUNT).filter(|count| !count.is_empty());
    let known = known.map_or(Ok(0), |count| count.parse::<usize>());
    let parameters = variable(PARAMETERS).and_then(|text| parameters(&text));
    let (Ok(known), Some(parameters)) = (known, parameters) else {
        return Vec::new();
    };
    if parameters.is_empty() {
        return Vec::new();
    }
    let mut variables = vec![(COUNT.to_owned(), (known + parameters.len()).to_string())];
    for (number, (key, value)) in (known..).zip(parameters) {
        variables.push((format!("GIT_CONFIG_KEY_{number}"), key));
        variables.push((format!("GIT_CONFIG_VALUE_{number}"), value));
    }
    variables
}

/// Parses `'key'='value' 'key'=` or, as written by git before 2.31, `'key=value' 'key'`
/// (`git_config_from_parameters` in config.c). A key without a value is `true`.
fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (first, after) = unquoted(rest)?;
        let (setting, after) = match after.strip_prefix('=') {
            Some(after) if after.starts_with('\'') => {
                let (value, after) = unquoted(after)?;
                ((first, value), after)
            }
            Some(after) => ((first, "true".to_owned()), after),
            None => match first.split_once('=') {
                Some((key, value)) => ((key.to_owned(), value.to_owned()), after),
                None => ((first, "true".to_owned()), after),
            },
        };
        if !after.is_empty() && !after.starts_with(' ') {
            return None;
        }
        found.push(setting);
        rest = after.trim_start();
    }
    Some(found)
}

/// Parses a word in the format of `sq_quote` in git's quote.c, with `'\''` for a quote and `'\!'`;
/// also returns the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut word = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        word.push_str(part);
        let escaped = ["\\''", "\\!'"]
            .iter()
            .find_map(|it| after.strip_prefix(it));
        let Some(next) = escaped else {
            return Some((word, after));
        };
        word.push_str(&after[1..2]);
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_git_are_numbered_behind_those_that_are() {
        let numbered = |count: Option<&str>, parameters: &str| {
            let variables = numbered_settings(|name| match name {
                "GIT_CONFIG_COUNT" => count.map(str::to_owned),
                "GIT_CONFIG_PARAMETERS" => Some(parameters.to_owned()),
                _ => None,
            });
            let text = variables
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            text.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            numbered(Some("1"), "'a.b'='it'\\''s'\\!' x'  'c.d'= 'e.f=g=h' 'i.j'"),
            "GIT_CONFIG_COUNT=5\nGIT_CONFIG_KEY_1=a.b\nGIT_CONFIG_VALUE_1=it's! x\n\
             GIT_CONFIG_KEY_2=c.d\nGIT_CONFIG_VALUE_2=true\n\
             GIT_CONFIG_KEY_3=e.f\nGIT_CONFIG_VALUE_3=g=h\n\
             GIT_CONFIG_KEY_4=i.j\nGIT_CONFIG_VALUE_4=true"
        );
        for refused in ["a.b=c", "'a.b'='c", "'a.b''c'", "'a.b'x"] {
            assert_eq!(numbered(None, refused), "", "{refused}");
        }
        assert_eq!(numbered(Some("odd"), "'a.b'='c'"), "");
        assert_eq!(numbered(None, " "), "");
    }

    #[test]
    fn the_variables_are_those_that_git_counts_to_one_repository() {
        let output = Command::new("git")
            .args(["rev-parse", "--local-env-vars"])
            .output()
            .unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        let left: Vec<&str> = listed
            .lines()
            .filter(|name| !OF_ONE_REPOSITORY.contains(name))
            .collect();
        assert_eq!(left, ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"]);
    }
}
