//! Merges the keys of a manifest's `compose` table into a service, like Compose merges a second
//! file: mappings are merged, lists are combined without duplicates. Pure: trees in, a tree out.
//!
//! The rules are those of Compose's loader for each key; a test compares both.
//! <https://docs.docker.com/reference/compose-file/merge/>

use serde_json::{Map, Value, json};

use super::model::File;
use crate::workspace::interpolation;
use crate::workspace::syntax::{self, ShortPort};
use crate::workspace::{Protocol, volume};

/// Returns the model as a tree, with all services' `compose` tables merged, and all named volumes
/// declared.
pub fn tree(file: &File) -> Value {
    let mut tree = serde_json::to_value(file).unwrap_or_default();
    let mut volumes = Map::new();
    for (name, service) in &file.services {
        let Some(Value::Object(keys)) = tree.get_mut("services").and_then(|all| all.get_mut(name))
        else {
            continue;
        };
        *keys = self::service(std::mem::take(keys), &service.raw);
        let mounted = keys.get("volumes").and_then(Value::as_array);
        for name in mounted.into_iter().flatten().filter_map(volume_name) {
            volumes.insert(name, json!({}));
        }
    }
    if let Value::Object(keys) = &mut tree {
        // Configs come after the volumes.
        let configs = keys.remove("configs");
        keys.extend((!volumes.is_empty()).then(|| ("volumes".to_owned(), volumes.into())));
        keys.extend(configs.map(|configs| ("configs".to_owned(), configs)));
    }
    tree
}

/// Merges keys into those of a service.
pub fn service(mut keys: Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    table(&mut keys, over, &[]);
    keys
}

/// How to merge a value that both sides have.
enum Rule {
    /// The later one replaces the earlier one.
    Replace,
    /// Names with values: a mapping, or a list of `NAME=value`. This is the value of a name without
    /// one.
    Pairs(Value),
    /// A mapping, or a list of names, each with this value.
    Names(Value),
    /// A mapping, or a string for this key.
    Text(&'static str),
    /// A list without duplicates, by a key that the function extracts; a string is a list with one
    /// item.
    List(fn(&Value) -> String),
    /// A list or a mapping of hosts with addresses.
    Hosts,
    /// A mapping that belongs to its `driver`, and is replaced together with it.
    Driver,
    /// Mappings are merged, lists are joined, everything else is replaced.
    Plain,
}

/// Returns the rule for the value at a path below the service.
fn rule(path: &[&str]) -> Rule {
    match path {
        ["command" | "entrypoint"] | ["healthcheck", "test"] => Rule::Replace,
        ["labels" | "annotations"] | ["build" | "deploy", "labels"] => Rule::Pairs("".into()),
        ["environment" | "sysctls"] | ["build", "args" | "additional_contexts"] => {
            Rule::Pairs(Value::Null)
        }
        ["depends_on"] => Rule::Names(json!({ "condition": "service_started", "required": true })),
        ["networks" | "models"] => Rule::Names(Value::Null),
        ["build"] => Rule::Text("context"),
        ["extra_hosts"] | ["build", "extra_hosts"] => Rule::Hosts,
        ["logging"] => Rule::Driver,
        ["volumes" | "devices"] => Rule::List(target),
        ["configs"] => Rule::List(|item| mounted(item, "/")),
        ["secrets"] => Rule::List(|item| mounted(item, "/run/secrets/")),
        ["ports"] => Rule::List(port),
        ["env_file"] => Rule::List(|item| text(item.get("path").unwrap_or(item))),
        _ => Rule::Plain,
    }
}

fn table(into: &mut Map<String, Value>, over: &Map<String, Value>, path: &[&str]) {
    for (key, value) in over {
        let path = [path, &[key.as_str()]].concat();
        let merged = match into.get_mut(key) {
            Some(base) => merge(base.take(), value, &path),
            None => value.clone(),
        };
        into.insert(key.clone(), merged);
    }
}

fn merge(base: Value, over: &Value, path: &[&str]) -> Value {
    match rule(path) {
        Rule::Replace => over.clone(),
        Rule::Pairs(empty) => tables(pairs(base, &empty), pairs(over.clone(), &empty), path),
        Rule::Names(meaning) => tables(names(base, &meaning), names(over.clone(), &meaning), path),
        Rule::Text(key) => tables(keyed(base, key), keyed(over.clone(), key), path),
        Rule::List(identity) => list(base, over.clone(), identity),
        Rule::Hosts => list(hosts(base), hosts(over.clone()), text),
        Rule::Driver
            if base.get("driver") != over.get("driver") && over.get("driver").is_some() =>
        {
            over.clone()
        }
        Rule::Driver | Rule::Plain => match (base, over) {
            (base @ Value::Array(_), _) => list(base, over.clone(), text),
            (base, Value::Array(_)) if is_scalar(&base) => list(base, over.clone(), text),
            (base, over) => tables(base, over.clone(), path),
        },
    }
}

/// Merges two mappings; for anything else, the later one is used.
fn tables(base: Value, over: Value, path: &[&str]) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            table(&mut base, &over, path);
            base.into()
        }
        (_, over) => over,
    }
}

/// Joins two lists. A duplicate replaces the earlier item.
fn list(base: Value, over: Value, identity: fn(&Value) -> String) -> Value {
    let items = |value| match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    let mut joined: Vec<Value> = Vec::new();
    for item in items(base).into_iter().chain(items(over)) {
        match joined
            .iter_mut()
            .find(|known| identity(known) == identity(&item))
        {
            Some(known) => *known = item,
            None => joined.push(item),
        }
    }
    joined.into()
}

fn pairs(value: Value, empty: &Value) -> Value {
    let Value::Array(items) = value else {
        return value;
    };
    let pair = |item: Value| {
        let text = text(&item);
        match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Value::from(value)),
            None => (text, empty.clone()),
        }
    };
    items.into_iter().map(pair).collect::<Map<_, _>>().into()
}

fn names(value: Value, meaning: &Value) -> Value {
    let Value::Array(items) = value else {
        return value;
    };
    let names = items.iter().map(|item| (text(item), meaning.clone()));
    names.collect::<Map<_, _>>().into()
}

fn keyed(value: Value, key: &str) -> Value {
    if value.is_string() {
        json!({ key: value })
    } else {
        value
    }
}

fn hosts(value: Value) -> Value {
    let Value::Object(hosts) = value else {
        return value;
    };
    let line = |(host, address): (String, Value)| match address {
        Value::Array(all) => all
            .iter()
            .map(|one| format!("{host}={}", text(one)))
            .collect(),
        one => vec![format!("{host}={}", text(&one))],
    };
    hosts.into_iter().flat_map(line).collect::<Vec<_>>().into()
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the target of a volume or a device.
fn target(item: &Value) -> String {
    let target = match item {
        Value::String(short) => volume::parts(short).1.to_owned(),
        table => table.get("target").map(text).unwrap_or_default(),
    };
    volume::clean(&target)
}

/// Returns the target of a config or a secret.
fn mounted(item: &Value, folder: &str) -> String {
    let source = item.get("source").unwrap_or(item);
    let target = item.get("target").map(text);
    target.unwrap_or_else(|| format!("{folder}{}", text(source)))
}

/// Returns the value of a port if no variable is set, in either form.
fn port(item: &Value) -> String {
    let filled = |value: &Value| interpolation::fill(&text(value), &|_| None);
    let key = |key: &str| item.get(key).map(filled);
    let (ip, published, target, protocol) = if item.is_object() {
        (
            key("host_ip"),
            key("published"),
            key("target"),
            key("protocol"),
        )
    } else {
        let short = filled(item);
        match syntax::ports(&short).as_deref() {
            Ok([port]) => {
                let ShortPort {
                    host_ip,
                    published,
                    target,
                    protocol,
                } = port.clone();
                let protocol = match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                };
                let published = published.map(|port| port.to_string());
                (
                    host_ip,
                    published,
                    Some(target.to_string()),
                    Some(protocol.to_owned()),
                )
            }
            // A range, or something that only Compose understands.
            _ => return short,
        }
    };
    let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    let (ip, published) = (or(ip, "0.0.0.0"), or(published, ""));
    format!(
        "{ip}:{published}:{}/{}",
        or(target, ""),
        or(protocol, "tcp")
    )
}

/// Returns the named volume of a mount, if it is one.
fn volume_name(mount: &Value) -> Option<String> {
    let source = match mount {
        Value::String(short) => {
            let short = interpolation::fill(short, &|_| None);
            volume::parts(&short).0?.to_owned()
        }
        table => {
            let kind = table.get("type").and_then(Value::as_str);
            let source = table.get("source").filter(|_| kind == Some("volume"))?;
            interpolation::fill(&text(source), &|_| None)
        }
    };
    volume::is_named(&source).then_some(source)
}
