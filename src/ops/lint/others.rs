//! Runs the linters given by `--with`.

use std::path::Path;

use anyhow::anyhow;

use crate::docker::Docker;
use crate::dockerfile::linters::{self, Linter};
use crate::dockerfile::report::Linted;
use crate::doctor::machine;
use crate::doctor::remedy;
use crate::error::Failure;
use crate::host::linters as programs;

/// Fails if one of them is not installed, with the command that installs it.
pub(crate) fn require(linters: &[Linter]) -> Result<(), Failure> {
    for linter in linters {
        let is_there = match linter {
            Linter::Buildkit => matches!(Docker::default().buildx_version(), Ok(Some(_))),
            other => programs::is_installed(other.name()),
        };
        if is_there {
            continue;
        }
        let system = machine::system();
        let (what, remedy) = match linter {
            Linter::Hadolint => ("`hadolint`", remedy::HADOLINT.on(&system)),
            Linter::Trivy => ("`trivy`", remedy::TRIVY.on(&system)),
            Linter::Buildkit => ("`docker buildx`", remedy::BUILDX.on(&system)),
        };
        let mut failure = Failure::failed(anyhow!("{what} is not installed"));
        for command in remedy.run {
            failure = failure.hint(format_args!("`{command}`"));
        }
        if let Some(note) = remedy.note {
            failure = failure.hint(note);
        }
        return Err(failure);
    }
    Ok(())
}

/// Runs a linter on every file, and adds its findings.
pub(crate) fn ask(root: &Path, linter: Linter, files: &mut [Linted]) -> Result<(), Failure> {
    for linted in files {
        let path = linted.file.path.as_str();
        let output = match linter {
            Linter::Hadolint => programs::hadolint(root, path),
            Linter::Trivy => programs::trivy(root, path),
            Linter::Buildkit => {
                let context = linted.file.context.folder.as_str();
                let target = linted
                    .file
                    .builds
                    .first()
                    .and_then(|build| build.target.as_deref());
                Docker::default().check_dockerfile(root, path, context, target)
            }
        };
        let output = output?;
        let Some(remarks) = linters::read(linter, &output.stdout) else {
            let said = output.stderr.trim();
            let error = anyhow!("{}", said.lines().last().unwrap_or("it printed nothing"));
            let error = error.context(format!("{} can't check `{path}`", linter.name()));
            let failure = Failure::failed(error);
            return Err(if said.contains("frontend.lint") {
                failure.hint(
                    "Docker's checks need Engine 27 or newer, or `# syntax=docker/dockerfile:1` in the file",
                )
            } else {
                failure
            });
        };
        linters::merge(linted, linter, remarks);
    }
    Ok(())
}
