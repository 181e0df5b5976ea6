//! Finds and reads the workspace that the user is in.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::{Failure, ResultExt as _};
use crate::host::files;
use crate::manifest::lock::{self, Lock};
use crate::manifest::report::closest;
use crate::manifest::{self, Diagnostic, Report};
use crate::shell;
use crate::ui::Ui;
use crate::workspace::{Personal, Workspace, resolve};

/// The context of every command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The terminal to print to.
    pub ui: Ui,
    /// The folder that the user is in, absolute.
    pub cwd: PathBuf,
}

/// A workspace that was found and read.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The folder that holds `workspace.toml`, absolute.
    pub root: PathBuf,
    /// The resolved manifest.
    pub workspace: Workspace,
    /// The resolved personal file.
    pub personal: Personal,
}

impl Context {
    /// Creates a context for the process's working folder, or for `directory` (`-C`).
    pub(crate) fn new(ui: Ui, directory: Option<PathBuf>) -> Result<Self, Failure> {
        let mut cwd = std::env::current_dir().context("can't find the working folder")?;
        if let Some(directory) = directory {
            cwd = cwd
                .join(&directory)
                .canonicalize()
                .with_context(|| format!("can't work in `{}`", directory.display()))?;
        }
        Ok(Context { ui, cwd })
    }

    /// Finds `workspace.toml` in this folder or a parent folder, and reads it and the personal
    /// file.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        let Some(root) = self
            .cwd
            .ancestors()
            .find(|folder| folder.join(manifest::FILE).is_file())
        else {
            let error = anyhow!(
                "there is no `{}` in `{}` or in a parent folder",
                manifest::FILE,
                self.cwd.display()
            );
            let failure = Failure::usage(error);
            return Err(match workspace_below(&self.cwd) {
                Some(name) => failure.hint(format!(
                    "there is one in `{name}`: `cd {}`",
                    shell::path(&name)
                )),
                None => failure
                    .hint("to create one for the clones in a folder, run `fitout init` there")
                    .hint("to try fitout on a small company, run `fitout demo`"),
            });
        };
        Opened::read(root)
    }

    /// Returns the workspace that the user is in, if any.
    pub(crate) fn open_if_any(&self) -> Result<Option<Opened>, Failure> {
        let mut folders = self.cwd.ancestors();
        if folders.any(|folder| folder.join(manifest::FILE).exists()) {
            return self.open().map(Some);
        }
        Ok(None)
    }
}

/// Returns the direct subfolder that is a workspace, if there is only one.
fn workspace_below(folder: &Path) -> Option<String> {
    let mut names = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.path().join(manifest::FILE).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.next()?;
    names.next().is_none().then_some(name)
}

impl Opened {
    /// Reads the workspace with its manifest in the folder `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        Opened::with(root, &read(root, manifest::FILE)?.unwrap_or_default())
    }

    /// Reads the workspace in the folder `root` as if its manifest were `source`.
    pub(crate) fn with(root: &Path, source: &str) -> Result<Self, Failure> {
        let workspace = decode(source)?;
        let personal = match read(root, manifest::PERSONAL_FILE)? {
            None => Personal::default(),
            Some(source) => decode_personal(source, &workspace)?,
        };
        Ok(Opened {
            root: root.to_owned(),
            workspace,
            personal,
        })
    }

    /// The same workspace as if its personal file were `source`.
    pub(crate) fn with_personal(&self, source: String) -> Result<Self, Failure> {
        Ok(Opened {
            root: self.root.clone(),
            workspace: self.workspace.clone(),
            personal: decode_personal(source, &self.workspace)?,
        })
    }

    /// The lock file, if there is one.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, Failure> {
        let Some(text) = read(&self.root, lock::FILE)? else {
            return Ok(None);
        };
        let lock = Lock::parse(&text).with_context(|| format!("can't read `{}`", lock::FILE));
        lock.map(Some).map_err(|failure| {
            failure
                .hint("to write it again from the current commits, remove it and run `fitout lock`")
        })
    }

    /// Fails if a service is not in the manifest.
    pub(crate) fn require_services(&self, asked: &[String]) -> Result<(), Failure> {
        let services = &self.workspace.services;
        let Some(unknown) = asked
            .iter()
            .find(|name| self.workspace.service(name).is_none())
        else {
            return Ok(());
        };
        let failure = Failure::usage(anyhow!("the manifest has no service `{unknown}`"));
        let names: Vec<&str> = services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        Err(failure.hint(match closest(unknown, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("it has {}", names.join(", ")),
        }))
    }
}

/// Parses a manifest. Returns an error with all problems.
pub(crate) fn decode(source: &str) -> Result<Workspace, Failure> {
    let (table, mut problems) = manifest::decode::manifest(source);
    let (workspace, more) = resolve::workspace(&table);
    problems.extend(more);
    report(manifest::FILE, source.to_owned(), problems)?;
    Ok(workspace)
}

/// Parses a personal file. Returns an error with all problems.
fn decode_personal(source: String, workspace: &Workspace) -> Result<Personal, Failure> {
    let (table, mut problems) = manifest::decode::personal_file(&source);
    let (personal, more) = resolve::personal(&table, workspace);
    problems.extend(more);
    report(manifest::PERSONAL_FILE, source, problems)?;
    Ok(personal)
}

/// An unreadable file is invalid input, not a failure.
pub(crate) fn read(root: &Path, file: &str) -> Result<Option<String>, Failure> {
    files::read(&root.join(file)).map_err(Failure::usage)
}

fn report(file: &str, source: String, problems: Vec<Diagnostic>) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Report::new(file, source, problems).into())
}
