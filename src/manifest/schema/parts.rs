//! The parts of the JSON Schema that a derive can't say.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub(in crate::manifest) fn one_or_more_strings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
    })
}

pub(in crate::manifest) fn command(generator: &mut SchemaGenerator) -> Schema {
    one_or_more_strings(generator)
}

pub(in crate::manifest) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number", "integer"] })
}

pub(in crate::manifest) fn environment(_: &mut SchemaGenerator) -> Schema {
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

pub(in crate::manifest) fn mounts<Table: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<Table>();
    json_schema!({
        "anyOf": [
            { "type": "string" },
            table,
            { "type": "array", "items": { "anyOf": [{ "type": "string" }, table] } }
        ]
    })
}

pub(in crate::manifest) fn ports<Table: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<Table>();
    json_schema!({
        "type": "array",
        "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }, table] }
    })
}

pub(in crate::manifest) fn depends_on(_: &mut SchemaGenerator) -> Schema {
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

pub(in crate::manifest) fn compose(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}
