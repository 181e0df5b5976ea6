//! One file a command: an `Args` struct, whose doc comment is the help text, and `run`.
//!
//! The only place, with doctor's probes, that knows both the pure core and the world.

pub mod sync;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::error::Failure;
use crate::ui::Ui;
use crate::workspace::{Personal, Workspace};

/// What every command starts from.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where to print.
    pub ui: Ui,
    /// The folder that the user is in, absolute.
    pub cwd: PathBuf,
}

/// A workspace that was found and read.
#[derive(Debug)]
pub struct Opened {
    /// The folder that holds `workspace.toml`, absolute.
    pub root: PathBuf,
    /// What the manifest says.
    pub workspace: Workspace,
    /// What the personal file says.
    pub personal: Personal,
}

impl Context {
    /// A context for the process's working folder, or for `directory` (`-C`).
    pub fn new(ui: Ui, directory: Option<PathBuf>) -> Result<Self, Failure> {
        let mut cwd = std::env::current_dir().context("can't find the working folder")?;
        if let Some(directory) = directory {
            cwd = cwd
                .join(&directory)
                .canonicalize()
                .with_context(|| format!("can't work in `{}`", directory.display()))?;
        }
        Ok(Context { ui, cwd })
    }

    /// Finds `workspace.toml` in this folder or above it, and reads it and the personal file.
    pub fn open(&self) -> Result<Opened, Failure> {
        let _: &Path = &self.cwd;
        Err(Failure::failed(anyhow::anyhow!("not written yet")))
    }
}
