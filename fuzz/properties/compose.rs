//! `docker-compose.yml` as somebody has left it, and `docker-compose.override.yml`.

use std::sync::LazyLock;

use fitout::compose::effect::{self, Stack};
use fitout::compose::{self, drift, overrides, yaml};
use fitout::workspace::Workspace;
use fitout::workspace::interpolation;

use super::mutation::{self, Numbers};
use super::{Kind, example};

pub const KIND: Kind = Kind {
    name: "compose",
    seeds,
    mutate,
    hold,
};

static EXAMPLE: LazyLock<Workspace> = LazyLock::new(example);
static RENDERED: LazyLock<String> = LazyLock::new(|| compose::render(&EXAMPLE));

fn seeds() -> Vec<String> {
    let mut seeds = vec![RENDERED.clone(), RENDERED.replace('\n', "\r\n")];
    let overrides = [
        "name: other\nservices:\n  auth:\n    ports:\n      - \"3200:3000\"\n    environment:\n      A: ${B:-x}\n",
        "services: {auth: {ports: !override [\"1-2:3000-3001/udp\", {target: 3000}]}}\n",
        "x-p: &p\n  ports: [\"1:3000\"]\nservices:\n  auth:\n    <<: [*p, *p]\n  db: !reset null\n",
        "# only a comment\n---\nservices:\n  web: |\n    text\n...\n",
        "{\"services\": {\"web\": {\"ports\": [{\"target\": 9229}]}}}\n",
    ];
    seeds.extend(overrides.map(str::to_owned));
    seeds
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        "&a ",
        "*a",
        "<<: ",
        "<<: *a\n",
        "!override ",
        "!reset ",
        "!!str ",
        "- ",
        "? ",
        "|\n",
        ">-\n",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "{a: ",
        "[[[[[[[[",
        "services:\n",
        "  auth:\n",
        "    ports:\n",
        "${A:-${B:-",
        "${A",
        "$$",
        "target: 3000\n",
        "1-65535:1-65535",
        "scale: 0\n",
        "~",
        "'",
    ];
    mutation::text(bytes, &pieces, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(Some(root)) = yaml::parse(source) {
        lines_within(&root, lines(source));
    }
    for added in overrides::added_ports(source, &EXAMPLE).unwrap_or_default() {
        assert!(EXAMPLE.service(&added.service).is_some());
        assert!(added.line <= lines(source), "{added:?} of {source:?}");
    }
    let _ = overrides::project_name(source);
    let _ = compose::text::origin(source);

    assert_eq!(drift::compare(source, source), [], "{source:?}");
    let there = drift::compare(source, &RENDERED);
    let back = drift::compare(&RENDERED, source);
    assert_eq!(there.len(), back.len(), "{source:?}");

    let nothing = |_: &str| None;
    let value = |name: &str| Some(format!("<{name}>"));
    let stack = |file| Stack {
        file,
        value: &nothing,
    };
    let effects = effect::of(stack(source), stack(&RENDERED), &EXAMPLE.services);
    for effect in effects.values() {
        assert!(!effect.to_string().is_empty());
    }
    let same = effect::of(stack(source), stack(source), &EXAMPLE.services);
    assert!(same.is_empty(), "{source:?}");
    let filled = interpolation::fill(source, &value);
    if !source.contains('$') {
        assert_eq!(filled, source);
    }
}

/// As YAML counts lines: a `\r` alone ends one, too.
fn lines(source: &str) -> usize {
    source.matches(['\n', '\r']).count() + 1
}

fn lines_within(node: &yaml::Node, lines: usize) {
    assert!((1..=lines).contains(&node.line), "{node:?}");
    match &node.value {
        yaml::Value::Scalar(_) => {}
        yaml::Value::List(items) => items.iter().for_each(|item| lines_within(item, lines)),
        yaml::Value::Map(entries) => {
            for (key, value) in entries {
                assert!(node.get(key).is_some());
                lines_within(value, lines);
            }
        }
    }
}
