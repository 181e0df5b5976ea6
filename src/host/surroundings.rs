//! The repository that fitout was started in: a git hook, `git rebase --exec` and an alias of git's
//! export variables that name its index, its objects and its work tree.
//!
//! fitout and all that it starts work on other repositories, where these variables would make git, gix
//! and libgit2 read and write that one. So the process begins again without them. Where none is set,
//! which is nearly always, this costs a look at the environment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What `git rev-parse --local-env-vars` lists, of git 2.20 to 2.50, without `GIT_CONFIG_PARAMETERS` and
/// `GIT_CONFIG_COUNT`: these hold settings (`git -c`), which git takes along into other repositories,
/// too (`prepare_submodule_repo_env` in submodule.c).
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
    // Not in git's list, and about one repository as well: a server's part of it, and the objects that a
    // `pre-receive` hook looks at. While the latter is set, git refuses to move a branch anywhere.
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
];

/// Begins this process again where the environment names a repository. Returns at once where it does not, and
/// does not return where it does.
///
/// Its process id, its parent and its open files stay the same. Only `unsafe` code could remove a variable
/// from a running process, and each library and each child reads the environment for itself.
pub fn leave() -> io::Result<()> {
    if !OF_ONE_REPOSITORY
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
    Err(again.exec())
}

#[cfg(test)]
mod tests {
    use super::*;

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
