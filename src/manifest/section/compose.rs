//! Values in Compose's own forms: a short and a long one each.

use toml::de::DeValue;

use super::{NO_SUCH_KEY, Node, Section, list, positive, scalar, string, table, wrong_type};
use crate::manifest::model::{
    DependencyTable, MountTable, PortTable, PortValue, Spanned, Variable,
};
use crate::manifest::report::Diagnostic;
use crate::workspace::{Command, Condition, MountMode, Scalar};

const MOUNT_MODES: &[(&str, MountMode)] = &[("bind", MountMode::Bind), ("sync", MountMode::Sync)];
const CONDITIONS: &[(&str, Condition)] = &[
    ("service_started", Condition::ServiceStarted),
    ("service_healthy", Condition::ServiceHealthy),
    (
        "service_completed_successfully",
        Condition::ServiceCompletedSuccessfully,
    ),
];

impl Section<'_, '_> {
    pub(in crate::manifest) fn command(&mut self, key: &'static str) -> Option<Spanned<Command>> {
        let node = self.get(key)?;
        let name = self.name(key);
        let span = node.span();
        let value = match node.get_ref() {
            DeValue::Array(items) => {
                let arguments = items.iter().filter_map(|item| {
                    let text = item.get_ref().as_str();
                    if text.is_none() {
                        self.problems
                            .push(wrong_type(item, &name, "a list of strings"));
                    }
                    text.map(str::to_owned)
                });
                Command::Arguments(arguments.collect())
            }
            _ => Command::Line(
                string(node, &name, "a string or a list of strings", self.problems)?.value,
            ),
        };
        let empty = match &value {
            Command::Line(line) => line.trim().is_empty(),
            Command::Arguments(arguments) => arguments.is_empty(),
        };
        if empty {
            self.problems
                .push(Diagnostic::new(span, format!("`{name}` is empty")));
            return None;
        }
        Some(Spanned { value, span })
    }

    /// A table of values, or a list of `NAME=value`.
    pub(in crate::manifest) fn variables(&mut self, key: &'static str) -> Vec<Variable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .filter_map(|(variable, node)| {
                    let value = scalar(node.get_ref());
                    if value.is_none() {
                        let name = format!("{name}.{}", variable.get_ref());
                        self.problems.push(wrong_type(
                            node,
                            &name,
                            "a string, a number or a boolean",
                        ));
                    }
                    let variable = Spanned {
                        value: variable.get_ref().to_string(),
                        span: variable.span(),
                    };
                    Some((
                        variable,
                        Some(Spanned {
                            value: value?,
                            span: node.span(),
                        }),
                    ))
                })
                .collect(),
            DeValue::Array(items) => list(items, &name, self.problems)
                .into_iter()
                .map(|item| {
                    let Spanned { value, span } = item;
                    match value.split_once('=') {
                        Some((variable, text)) => (
                            Spanned {
                                value: variable.to_owned(),
                                span: span.clone(),
                            },
                            Some(Spanned {
                                value: Scalar::Text(text.to_owned()),
                                span,
                            }),
                        ),
                        None => (Spanned { value, span }, None),
                    }
                })
                .collect(),
            _ => {
                self.problems.push(wrong_type(
                    node,
                    &name,
                    "a table, or a list of `NAME=value`",
                ));
                Vec::new()
            }
        }
    }

    pub(in crate::manifest) fn mounts(&mut self, key: &'static str) -> Vec<MountTable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| mount(item, &name, self.problems))
                .collect(),
            _ => mount(node, &name, self.problems).into_iter().collect(),
        }
    }

    pub(in crate::manifest) fn ports(&mut self, key: &'static str) -> Option<Vec<PortValue>> {
        let node = self.get(key)?;
        let name = self.name(key);
        let Some(items) = node.get_ref().as_array() else {
            self.problems.push(
                wrong_type(node, &name, "a list")
                    .help(format!("write `{key} = [\"3100:3000\"]` (host:container)")),
            );
            return None;
        };
        Some(
            items
                .iter()
                .filter_map(|item| port(item, &name, self.problems))
                .collect(),
        )
    }

    pub(in crate::manifest) fn dependencies(&mut self, key: &'static str) -> Vec<DependencyTable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => list(items, &name, self.problems)
                .into_iter()
                .map(|service| DependencyTable {
                    service,
                    condition: None,
                    restart: None,
                    required: None,
                })
                .collect(),
            DeValue::Table(entries) => entries
                .iter()
                .filter_map(|(service, node)| {
                    let path = format!("{name}.{}", service.get_ref());
                    let service = Spanned {
                        value: service.get_ref().to_string(),
                        span: service.span(),
                    };
                    table(node, path, NO_SUCH_KEY, self.problems, |section| {
                        DependencyTable {
                            service,
                            condition: section
                                .one_of("condition", CONDITIONS)
                                .map(|condition| condition.value),
                            restart: section.boolean("restart"),
                            required: section.boolean("required"),
                        }
                    })
                })
                .collect(),
            _ => {
                self.problems
                    .push(wrong_type(node, &name, "a list of services, or a table"));
                Vec::new()
            }
        }
    }
}

fn mount(node: &Node<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Option<MountTable> {
    if !node.get_ref().is_table() {
        let target = string(node, name, "a path, a table, or a list of them", problems)?;
        return Some(MountTable {
            source: None,
            target,
            mode: MountMode::Bind,
        });
    }
    table(node, name.to_owned(), NO_SUCH_KEY, problems, |section| {
        let source = section.string("source");
        let target = section.string("target");
        let mode = section.one_of("mode", MOUNT_MODES);
        if target.is_none() && !section.table.contains_key("target") {
            section.problems.push(
                Diagnostic::new(node.span(), format!("`{name}` has no `target`"))
                    .help("add the folder in the container: `target = \"/app\"`"),
            );
        }
        let mode = mode.map(|mode| mode.value).unwrap_or_default();
        target.map(|target| MountTable {
            source,
            target,
            mode,
        })
    })?
}

fn port(node: &Node<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Option<PortValue> {
    match node.get_ref() {
        DeValue::Table(_) => table(node, name.to_owned(), NO_SUCH_KEY, problems, |section| {
            let target = section.positive("target");
            let published = section.positive("published");
            let host_ip = section.string("host_ip");
            let protocol = section.string("protocol");
            if target.is_none() && !section.table.contains_key("target") {
                section.problems.push(
                    Diagnostic::new(node.span(), format!("`{name}` has no `target`"))
                        .help("add the container's port: `target = 3000`"),
                );
            }
            target.map(|target| {
                let value = PortTable {
                    target,
                    published,
                    host_ip,
                    protocol,
                };
                PortValue::Long(Spanned {
                    value,
                    span: node.span(),
                })
            })
        })?,
        DeValue::Integer(_) => {
            let port: Spanned<u16> = positive(node, name, problems)?;
            Some(PortValue::Short(port.map(|port| port.to_string())))
        }
        _ => string(node, name, "a list of `\"host:container\"`", problems).map(PortValue::Short),
    }
}
