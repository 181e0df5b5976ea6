//! The Dockerfiles of a workspace: which there are, what is wrong with them, and the changes that fix it.

mod files;
mod others;

pub(crate) use files::{Found, find};
pub(crate) use others::require;

use std::path::Path;

use anyhow::anyhow;

use crate::dockerfile::fix::{self, Edit, Fix};
use crate::dockerfile::lint;
use crate::dockerfile::linters::Linter;
use crate::dockerfile::report::Linted;
use crate::error::Failure;
use crate::host::files as disk;
use crate::host::files::Mode;

/// What fitout and these linters say of the files.
pub(crate) fn lint(
    root: &Path,
    files: Vec<Found>,
    linters: &[Linter],
) -> Result<Vec<Linted>, Failure> {
    let mut linted: Vec<Linted> = files.into_iter().map(Found::linted).collect();
    for &linter in linters {
        others::ask(root, linter, &mut linted)?;
    }
    Ok(linted)
}

/// Fixing a file can reveal more findings; the limit stops fixes that never converge.
const MOST_PASSES: usize = 10;

/// Fixes all files. Returns the written paths, relative to the workspace.
pub(crate) fn fix_all(root: &Path, files: &mut [Found]) -> Result<Vec<String>, Failure> {
    let mut fixed = Vec::new();
    for index in 0..files.len() {
        let changed = fix(root, &mut files[index])?;
        let context = files[index].file.context.clone();
        // Two Dockerfiles in a folder share its ignore file.
        for other in &mut files[index + 1..] {
            if other.file.context.ignore_path == context.ignore_path {
                other
                    .file
                    .context
                    .ignore_text
                    .clone_from(&context.ignore_text);
            }
        }
        for path in changed {
            if !fixed.contains(&path) {
                fixed.push(path);
            }
        }
    }
    Ok(fixed)
}

/// Applies mechanical fixes to a Dockerfile and its ignore file. Returns the written paths,
/// relative to the workspace.
fn fix(root: &Path, found: &mut Found) -> Result<Vec<String>, Failure> {
    if found.invalid.is_some() {
        return Ok(Vec::new());
    }
    let file = &mut found.file;
    let before = file.clone();
    for _ in 0..MOST_PASSES {
        let fixes: Vec<Fix> = lint::lint(file)
            .into_iter()
            .filter_map(|finding| finding.fix)
            .collect();
        if fixes.is_empty() {
            break;
        }
        let edits = fixes.iter().filter_map(|fix| match fix {
            Fix::Dockerfile(edits) => Some(edits.as_slice()),
            Fix::IgnoreFile(_) => None::<&[Edit]>,
        });
        let source = fix::apply(&file.source, edits);
        let lines = fixes.iter().flat_map(|fix| match fix {
            Fix::IgnoreFile(lines) => lines.as_slice(),
            Fix::Dockerfile(_) => &[],
        });
        let lines: Vec<&str> = lines.map(String::as_str).collect();
        file.source = source;
        if !lines.is_empty() {
            let ignore_text = file.context.ignore_text.take().unwrap_or_default();
            file.context.ignore_text = Some(fix::with_lines(&ignore_text, lines));
        }
    }
    let mut changed = Vec::new();
    if file.source != before.source {
        replace(root, &file.path, Some(&before.source), &file.source)?;
        changed.push(file.path.clone());
    }
    let (old, new) = (&before.context.ignore_text, &file.context.ignore_text);
    if let Some(new) = new.as_ref().filter(|new| old.as_ref() != Some(*new)) {
        replace(root, &file.context.ignore_path, old.as_deref(), new)?;
        changed.push(file.context.ignore_path.clone());
    }
    Ok(changed)
}

/// Writes a file if it hasn't changed since it was read.
fn replace(root: &Path, path: &str, before: Option<&str>, after: &str) -> Result<(), Failure> {
    let place = root.join(path);
    if disk::read(&place)?.as_deref() != before {
        let error = anyhow!("`{path}` was modified by another program; not overwriting it");
        return Err(Failure::failed(error).hint("run `fitout lint --fix` again"));
    }
    disk::write_within(root, path, after, Mode::Shared)?;
    Ok(())
}

impl Found {
    fn linted(self) -> Linted {
        let findings = match self.invalid {
            Some(finding) => vec![finding],
            None => lint::lint(&self.file),
        };
        Linted {
            file: self.file,
            findings,
        }
    }
}
