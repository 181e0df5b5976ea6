//! The JSON Schema of the two files, and the parts of it that a derive can't say.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::model::{Manifest, MountTable, PersonalFile, PortTable};

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

pub(super) fn one_or_more_strings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
    })
}

pub(super) fn command(generator: &mut SchemaGenerator) -> Schema {
    one_or_more_strings(generator)
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number", "integer"] })
}

pub(super) fn environment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {
                "type": "object",
                "additionalProperties": { "type": ["string", "number", "integer", "boolean"] }
            },
            { "type": "array", "items": { "type": "string" } }
        ]
    })
}

pub(super) fn mounts(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<MountTable>();
    json_schema!({
        "anyOf": [
            { "type": "string" },
            table,
            { "type": "array", "items": { "anyOf": [{ "type": "string" }, table] } }
        ]
    })
}

pub(super) fn ports(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<PortTable>();
    json_schema!({
        "type": "array",
        "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }, table] }
    })
}

pub(super) fn depends_on(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "condition": { "enum": [
                            "service_started", "service_healthy", "service_completed_successfully"
                        ] },
                        "restart": { "type": "boolean" },
                        "required": { "type": "boolean" }
                    },
                    "additionalProperties": false
                }
            }
        ]
    })
}

pub(super) fn compose(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}
