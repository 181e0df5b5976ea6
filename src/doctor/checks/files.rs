//! Files that services are built from, or that contain their variables: the group `files`.

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
    /// The check's suffix among those of its service: `api`, `api.2`.
    name: String,
    /// Relative to the workspace.
    path: String,
    /// The clone that contains it.
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

/// Returns the service's env files: those in the manifest, otherwise the `.env` that most stacks
/// read by themselves.
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

/// The verdict on a required file.
pub fn present(file: FileSeen, path: &str, setting: &Setting, missing: Outcome) -> Outcome {
    match file {
        FileSeen::Present => Outcome::pass(format!("`{path}`")),
        FileSeen::Missing => missing,
        FileSeen::NotAFile => Outcome::fail(
            format!("`{path}` is not a file"),
            Remedy::run(format!("ls -ld {}", setting.typed(path))),
        ),
    }
}

/// The verdict on a file with secrets, which git should not track.
fn secret(is_tracked: bool, path: &str, setting: &Setting) -> Outcome {
    // A clone in the workspace has its own repository.
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
            Remedy::run(command)
                .and_note("if it was pushed, consider those secrets leaked, and change them"),
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
