//! Converts a workspace to the text of `docker-compose.yml`. Pure, and a function of the manifest
//! alone: the same file on every machine.
//!
//! [`build`] creates the typed [`model`], [`merge`] merges the manifest's `compose` tables,
//! [`text`] writes YAML with a header that contains its hash, [`drift`] compares two texts per
//! service, [`effect`] describes the effects of changes, and of different variables, on containers.

pub mod build;
pub mod drift;
pub mod effect;
pub mod merge;
pub mod model;
pub mod overrides;
pub mod owner;
pub mod renewal;
pub mod selection;
#[cfg(test)]
mod tests;
pub mod text;
pub mod yaml;

/// The compose file's name.
pub const FILE: &str = "docker-compose.yml";
/// The file for users' own changes.
pub const OVERRIDE_FILE: &str = "docker-compose.override.yml";

/// Returns the full text of the compose file of a workspace.
pub fn render(workspace: &crate::workspace::Workspace) -> String {
    text::write(&build::file(workspace))
}
