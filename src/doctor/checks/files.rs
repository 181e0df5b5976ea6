//! Files that services are built from, and that hold their variables: the group `files`.

pub mod dockerfile;
pub mod env;
pub mod env_keys;
pub mod env_secret;

use crate::doctor::machine::FileSeen;
use crate::doctor::outcome::{Outcome, Remedy};
use crate::doctor::setting::Setting;
use crate::shell;
use crate::workspace::{Build, Service};

/// A file of a service that is built from a repo.
#[derive(Clone)]
pub struct OfService {
    /// The check's place among those of its service: `api`, `api.2`.
    name: String,
    /// Relative to the workspace.
    path: String,
    /// The clone that it is in.
    needs: String,
}

/// What the service is built from.
pub fn dockerfile(service: &Service, build: &Build) -> OfService {
    OfService {
        name: service.name.clone(),
        path: join(&build.context, &build.dockerfile),
        needs: format!("repos.{}.cloned", build.repo),
    }
}

/// The service's env files: those that the manifest names, else the `.env` that most stacks read by
/// themselves.
pub fn env_files(service: &Service, build: &Build) -> Vec<OfService> {
    let default = [join(&build.context, ".env")];
    let files = match service.env_file.as_slice() {
        [] => default.as_slice(),
        named => named,
    };
    let files = files.iter().enumerate().map(|(index, path)| OfService {
        name: match index {
            0 => service.name.clone(),
            more => format!("{}.{}", service.name, more + 1),
        },
        path: path.clone(),
        needs: format!("repos.{}.cloned", build.repo),
    });
    files.collect()
}

fn join(folder: &str, file: &str) -> String {
    match folder {
        "" | "." => file.to_owned(),
        folder => format!("{}/{file}", folder.trim_end_matches('/')),
    }
}

/// The verdict on a file that has to be there.
pub fn present(file: FileSeen, path: &str, setting: &Setting, missing: Outcome) -> Outcome {
    match file {
        FileSeen::Present => Outcome::pass(format!("`{path}`")),
        FileSeen::Missing => missing,
        FileSeen::NotAFile => Outcome::fail(
            format!("`{path}` is no file"),
            Remedy::run(format!("ls -ld {}", setting.typed(path))),
        ),
    }
}

/// The verdict on a file with secrets, which git should not have.
fn secret(is_tracked: bool, path: &str, setting: &Setting) -> Outcome {
    // A clone in the workspace has a repository of its own.
    let command = match path.rsplit_once('/') {
        Some((folder, name)) => format!(
            "git -C {} rm --cached {}",
            setting.typed(folder),
            shell::path(name)
        ),
        None => format!("git rm --cached {}", setting.typed(path)),
    };
    if is_tracked {
        Outcome::warn(
            format!("`{path}` is committed, with this machine's values and secrets"),
            Remedy::run(command).and_note("what was pushed is known: change those secrets"),
        )
    } else {
        Outcome::pass(format!("`{path}` is not committed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the service `api`.
    pub fn of_api(path: &str) -> OfService {
        OfService {
            name: "api".to_owned(),
            path: path.to_owned(),
            needs: "repos.api.cloned".to_owned(),
        }
    }
}
