//! The compose file and the Compose project: the group `compose`.

pub mod drift;
pub mod env;
pub mod r#override;
pub mod present;
pub mod project;
pub mod selection;
pub mod valid;
