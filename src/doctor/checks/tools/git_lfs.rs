//! `tools.git-lfs`: the Git LFS extension, where a repo uses it.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Lfs, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line, quoted};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;
use crate::workspace::Repo;

/// The extension is installed, if one of these repos uses it.
pub struct GitLfs {
    repos: Vec<Repo>,
}

impl GitLfs {
    /// The one check for all repos.
    pub fn of(repos: &[&Repo]) -> Self {
        let repos = repos.iter().map(|repo| (*repo).clone());
        GitLfs {
            repos: repos.collect(),
        }
    }
}

/// The extension, and the repos that need it.
#[derive(Default)]
pub struct Seen {
    /// Its version; none if it is not installed. Not queried if no repo needs it.
    version: Option<String>,
    /// The repos whose `.gitattributes` require it.
    users: Vec<String>,
    /// The paths of those clones that have pointers instead of files.
    pointers: Vec<String>,
}

impl Check for GitLfs {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "tools.git-lfs",
        in_order: "git-lfs is installed, or no clone's `.gitattributes` requires it",
        otherwise: &[
            (Status::Fail, "a clone needs it"),
            (Status::Warn, "a clone has pointers instead of files"),
        ],
        fixed_by: "the system's package, `git lfs pull`",
    };

    fn about(&self) -> About {
        About::new("tools.git-lfs", "git-lfs is installed, if a repo needs it").needs(["tools.git"])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        let mut seen = Seen::default();
        for repo in &self.repos {
            let lfs = machine.lfs(repo);
            if lfs == Lfs::Unused {
                continue;
            }
            seen.users.push(repo.name.clone());
            if lfs == Lfs::Pointers {
                let path = repo.local_path.as_ref().unwrap_or(&repo.path);
                seen.pointers.push(path.clone());
            }
        }
        if !seen.users.is_empty() {
            seen.version = machine.lfs_version();
        }
        Ok(seen)
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        let names = |names: &[String]| one_line(&quoted(names));
        let pull = |remedy: Remedy| {
            seen.pointers.iter().fold(remedy, |remedy, path| {
                remedy.and_run(format!("git -C {} lfs pull", setting.typed(path)))
            })
        };
        match &seen.version {
            _ if seen.users.is_empty() => Outcome::pass("no repo uses Git LFS"),
            None => {
                let install = remedy::GIT_LFS.on(&setting.system);
                let note = install.note.clone();
                let remedy = pull(install.and_run("git lfs install"));
                Outcome::fail(
                    format!(
                        "git-lfs is not installed, but {} needs it",
                        names(&seen.users)
                    ),
                    Remedy { note, ..remedy },
                )
            }
            Some(_) if !seen.pointers.is_empty() => Outcome::warn(
                format!(
                    "{} has Git LFS pointers instead of files",
                    names(&seen.pointers)
                ),
                pull(Remedy::run("git lfs install")),
            ),
            Some(version) => Outcome::pass(format!("git-lfs {version}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn who_needs_it_and_who_holds_pointers_is_named() {
        let lfs = |version: Option<&str>, users: &[&str], pointers: &[&str]| Seen {
            version: version.map(str::to_owned),
            users: users.iter().map(ToString::to_string).collect(),
            pointers: pointers.iter().map(ToString::to_string).collect(),
        };
        let seen = [
            lfs(None, &[], &[]),
            lfs(None, &["api"], &["api"]),
            lfs(Some("3.6.1"), &["api", "web"], &["web"]),
            lfs(Some("3.6.1"), &["api"], &[]),
        ];
        insta::assert_snapshot!(examples(&GitLfs::of(&[]), seen), @r"
        pass     tools.git-lfs  no repo uses Git LFS
        fail     tools.git-lfs  git-lfs is not installed, but `api` needs it
                 $ sudo apt install git-lfs
                 $ git lfs install
                 $ git -C ../api lfs pull
        warn     tools.git-lfs  `web` has Git LFS pointers instead of files
                 $ git lfs install
                 $ git -C ../web lfs pull
        pass     tools.git-lfs  git-lfs 3.6.1
        ");
    }
}
