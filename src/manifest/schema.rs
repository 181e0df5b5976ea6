//! The JSON Schema of the two files.

pub(super) mod parts;

use schemars::{JsonSchema, Schema};

use super::model::{Manifest, PersonalFile};

/// The JSON Schema of `workspace.toml`.
pub fn manifest() -> Schema {
    of::<Manifest>()
}

/// The JSON Schema of `workspace.local.toml`.
pub fn personal_file() -> Schema {
    of::<PersonalFile>()
}

fn of<T: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>()
}
