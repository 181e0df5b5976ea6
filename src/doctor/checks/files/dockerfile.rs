//! `files.SERVICE.dockerfile`: what a service is built from is in its clone.

use super::{OfService, present};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{FileSeen, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// The Dockerfile is there.
pub struct Dockerfile(pub OfService);

impl Check for Dockerfile {
    type Seen = FileSeen;

    const PAGE: &'static Page = &Page {
        id: "files.SERVICE.dockerfile",
        in_order: "the service's Dockerfile is in the clone",
        otherwise: &[(Status::Fail, "it isn't")],
        fixed_by: "adding it, or `dockerfile` in the manifest",
    };

    fn about(&self) -> About {
        let OfService { name, path, needs } = &self.0;
        About::new(
            format!("files.{name}.dockerfile"),
            format!("`{path}` exists"),
        )
        .needs([needs])
    }

    fn look(&self, machine: &Machine) -> Result<FileSeen, Fault> {
        machine.file(&self.0.path)
    }

    fn judge(&self, file: FileSeen, setting: &Setting) -> Outcome {
        let path = &self.0.path;
        let missing = Outcome::fail(
            format!("`{path}` is missing"),
            Remedy::note("add it to the repo, or set `dockerfile` or `context` in workspace.toml"),
        );
        present(file, path, setting, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::files::tests::of_api;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn a_folder_is_no_dockerfile() {
        let check = Dockerfile(of_api("api/Dockerfile.dev"));
        let seen = [FileSeen::Present, FileSeen::Missing, FileSeen::NotAFile];
        insta::assert_snapshot!(examples(&check, seen), @r"
        pass     files.api.dockerfile  `api/Dockerfile.dev`
        fail     files.api.dockerfile  `api/Dockerfile.dev` is missing
                 add it to the repo, or set `dockerfile` or `context` in workspace.toml
        fail     files.api.dockerfile  `api/Dockerfile.dev` is not a file
                 $ ls -ld ../api/Dockerfile.dev
        ");
    }
}
