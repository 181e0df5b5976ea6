//! From a workspace to the text of `docker-compose.yml`. Pure, and a function of the manifest alone:
//! the same file on every machine.
//!
//! [`build`] makes the typed [`model`], [`merge`] lays the manifest's `compose` tables over it, [`text`]
//! writes it as YAML with a header that carries its hash, [`drift`] compares two texts service by service, [`effect`] says what that,
//! and another value of a variable, does to containers.

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
/// The file for what people want to change in the stack themselves.
pub const OVERRIDE_FILE: &str = "docker-compose.override.yml";

/// The whole text of the compose file of a workspace.
pub fn render(workspace: &crate::workspace::Workspace) -> String {
    text::write(&build::file(workspace))
}
