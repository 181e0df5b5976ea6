//! `ports.SERVICE.PORT`: the ports of this machine that services publish.
//!
//! Problems that are known in advance (not a number, or two services with the same port) are
//! reported first.

// Only the types: `core` has no sockets.
use core::net::IpAddr;
use std::collections::HashMap;

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Availability, Container, Machine, Process};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line};
use crate::doctor::ports::{HostPort, Published, published};
use crate::doctor::setting::Setting;
use crate::doctor::variables::{Origin, Variables};
use crate::running::PublishedPort;
use crate::workspace::{Personal, Protocol, Workspace};

/// The host's port is available.
pub struct Port {
    /// `api.3000`, or `api.3000-2` if a port of the container is published more than once.
    name: String,
    subject: String,
    /// The service that publishes it.
    service: String,
    /// The host's address in the compose file.
    address: String,
    protocol: Protocol,
    /// The Compose variable that changes it.
    variable: String,
    /// The value of the variable.
    wanted: Wanted,
    /// Ports that other services publish, which are not suggested as alternatives.
    avoid: Vec<u16>,
}

/// The value of a port's variable.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// A port that no other service of the workspace publishes.
    Number(Number),
    /// The verdict is known in advance.
    Known(Known),
}

/// A port of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    port: u16,
    /// Whether the shell sets its variable, which takes precedence over `.env`.
    set_in_shell: bool,
}

/// A verdict that is known in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Compose or the engine chooses the port.
    Chosen,
    /// The variable is not a port; with its origin.
    NoPort(String, Origin),
    /// Another service publishes this port too.
    Clash(u16, String),
}

impl Port {
    /// Returns a check per port that is published by a service that starts.
    pub fn each(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Self> {
        let published = published(workspace, personal, variables);
        let avoid: Vec<u16> = published.iter().filter_map(Published::number).collect();
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut checks = Vec::new();
        for (index, this) in published.iter().enumerate() {
            let protocol = match this.port.protocol {
                Protocol::Tcp => "",
                Protocol::Udp => "/udp",
            };
            let mut name = format!("{}.{}{protocol}", this.service, this.port.target);
            let subject = format!("the host's port for `{name}` is free");
            let uses = names.entry(name.clone()).or_default();
            *uses += 1;
            if *uses > 1 {
                name = format!("{name}-{uses}");
            }
            let mut earlier = published[..index].iter();
            let clash = earlier.find(|other| other.clashes_with(this));
            checks.push(Port {
                name,
                subject,
                service: this.service.to_owned(),
                address: this.port.host_ip.clone(),
                protocol: this.port.protocol,
                variable: this.port.variable.clone(),
                wanted: wanted(&this.host, clash),
                avoid: avoid.clone(),
            });
        }
        checks
    }
}

fn wanted(host: &HostPort, clash: Option<&Published>) -> Wanted {
    match (host, clash) {
        (HostPort::Chosen, _) => Wanted::Known(Known::Chosen),
        (HostPort::Invalid(value, origin), _) => {
            Wanted::Known(Known::NoPort(value.clone(), *origin))
        }
        (HostPort::Fixed(port, _), Some(other)) => {
            Wanted::Known(Known::Clash(*port, other.service.to_owned()))
        }
        (HostPort::Fixed(port, origin), None) => Wanted::Number(Number {
            port: *port,
            set_in_shell: *origin == Some(Origin::Shell),
        }),
    }
}

/// The observation.
pub enum Seen {
    /// The verdict was known in advance.
    Known(Known),
    /// A port of this machine, and its state.
    Looked(Number, State),
}

/// The state of a port of this machine.
pub enum State {
    /// It is free.
    Free,
    /// It is used by this project's own container.
    Own(String),
    /// It is used by another process.
    Taken {
        /// The user of the port, if known.
        holder: Option<Holder>,
        /// A free port near it.
        next_free: Option<u16>,
    },
    /// This machine has no such address.
    NoSuchAddress,
    /// The engine, and so the port, is on another machine.
    Elsewhere(String),
}

/// The user of a port.
pub enum Holder {
    /// A process.
    Process(Process),
    /// A container.
    Container {
        /// Its name.
        name: String,
        /// The folder of its Compose project, if any.
        folder: Option<String>,
    },
    /// A container of another workspace of this machine.
    Workspace {
        /// The workspace's folder.
        folder: String,
        /// Whether it is a copy of some workspace.
        is_copy: bool,
        /// The container's name.
        container: String,
    },
}

impl Check for Port {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "ports.SERVICE.PORT",
        in_order: "the host's port is free, or used by this workspace",
        otherwise: &[
            (
                Status::Fail,
                "another process, container or workspace of this machine uses it, with its PID, name or folder; the address isn't this machine's; two services publish it",
            ),
            (
                Status::Info,
                "it is published on the machine of a remote engine",
            ),
        ],
        fixed_by: "a free port for `.env` that no other workspace uses; stopping what uses it",
    };

    fn about(&self) -> About {
        About::new(format!("ports.{}", self.name), self.subject.as_str()).reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        Ok(match &self.wanted {
            Wanted::Known(known) => Seen::Known(known.clone()),
            Wanted::Number(number) => Seen::Looked(*number, self.state(number.port, machine)?),
        })
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        match seen {
            Seen::Known(known) => self.known(known),
            Seen::Looked(number, state) => self.looked(number, state, setting),
        }
    }
}

impl Port {
    fn state(&self, port: u16, machine: &Machine) -> Result<State, Fault> {
        let text = self.address.trim_matches(['[', ']']);
        let address: IpAddr = match text {
            "" => IpAddr::from([0, 0, 0, 0]),
            text => text
                .parse()
                .map_err(|_| Fault::Blocked(format!("`{text}` is not an IP address")))?,
        };
        // Checked first: an engine without userland proxy uses ports that can still be bound.
        let mut containers = machine.containers().iter();
        let container = containers.find(|container| {
            let mut ports = container.ports.iter();
            ports.any(|other| self.overlaps(other, port, address))
        });
        if let Some(own) = container
            && own.project == machine.selection().project
            && own.service == self.service
        {
            return Ok(State::Own(own.name.clone()));
        }
        let endpoint = machine.endpoint();
        if endpoint.is_remote() {
            return Ok(State::Elsewhere(endpoint.address.clone()));
        }
        let taken = |holder| State::Taken {
            holder,
            next_free: machine.free_port_after(address, port, self.protocol, &self.avoid),
        };
        if let Some(container) = container {
            return Ok(taken(Some(holder(container, machine))));
        }
        Ok(match machine.availability(address, port, self.protocol)? {
            Availability::Free => State::Free,
            Availability::NoSuchAddress => State::NoSuchAddress,
            Availability::Taken => {
                let process = machine.process_on(port, self.protocol);
                taken(process.map(Holder::Process))
            }
        })
    }

    /// Whether a published port conflicts with this one.
    fn overlaps(&self, other: &PublishedPort, port: u16, address: IpAddr) -> bool {
        let at: Option<IpAddr> = other.address.parse().ok();
        other.published == port
            && other.protocol == self.protocol
            && at.is_none_or(|at| at == address || at.is_unspecified() || address.is_unspecified())
    }

    fn known(&self, known: Known) -> Outcome {
        let variable = &self.variable;
        match known {
            Known::Chosen => Outcome::pass("chosen when the container starts"),
            Known::NoPort(value, origin) => Outcome::fail(
                format!("`{variable}` is `{value}`, which is not a port"),
                match origin {
                    Origin::Shell => Remedy::run(format!("unset {variable}")),
                    Origin::EnvFile => {
                        Remedy::note(format!("set `{variable}` to a port in `.env`"))
                    }
                },
            ),
            Known::Clash(port, with) => Outcome::fail(
                format!("`{with}` also publishes port {port}"),
                Remedy::note(format!("set `{variable}` to another port in `.env`")),
            ),
        }
    }

    fn looked(&self, number: Number, state: State, setting: &Setting) -> Outcome {
        let at = format!("{}:{}", bracketed(&self.address), number.port);
        let (holder, next_free) = match state {
            State::Free => return Outcome::pass(format!("{at} is free")),
            State::Own(container) => {
                return Outcome::pass(format!("{at} is used by our own `{container}`"));
            }
            State::Elsewhere(endpoint) => {
                return Outcome::info(format!("published on the engine's machine, {endpoint}"));
            }
            State::NoSuchAddress => {
                return Outcome::fail(
                    format!("this machine has no address {}", self.address),
                    Remedy::note(format!(
                        "change the address in `services.{}.ports` of workspace.toml",
                        self.service
                    )),
                );
            }
            State::Taken { holder, next_free } => (holder, next_free),
        };
        let (who, stop) = match &holder {
            None => ("another process".to_owned(), None),
            Some(holder) => holder.with_its_end(),
        };
        let mut remedy = match next_free {
            Some(free) if number.set_in_shell => {
                Remedy::run(format!("export {}={free}", self.variable))
            }
            Some(free) => Remedy::run(setting.set_variable(&self.variable, &free.to_string())),
            None => Remedy::default(),
        };
        let is_second_best = !remedy.run.is_empty();
        remedy.note = stop.map(|stop| {
            if is_second_best {
                format!("or {stop}")
            } else {
                stop
            }
        });
        Outcome::fail(format!("{at} is used by {who}"), remedy)
    }
}

/// Returns a container, or the workspace that it belongs to, if known.
fn holder(container: &Container, machine: &Machine) -> Holder {
    let mut others = machine.other_workspaces();
    match others.find(|workspace| workspace.project == container.project) {
        Some(workspace) => Holder::Workspace {
            folder: workspace.folder.display().to_string(),
            is_copy: workspace.copy_of.is_some(),
            container: container.name.clone(),
        },
        None => Holder::Container {
            name: container.name.clone(),
            folder: Some(container.folder.clone()).filter(|folder| !folder.is_empty()),
        },
    }
}

impl Holder {
    /// Returns a description, and how to stop it.
    fn with_its_end(&self) -> (String, Option<String>) {
        match self {
            Holder::Process(Process {
                pid,
                program,
                command,
            }) => {
                let command = one_line(command);
                let shown = if command.is_empty() {
                    program
                } else {
                    &command
                };
                (
                    format!("`{shown}` (pid {pid})"),
                    Some(format!("stop that process: kill {pid}")),
                )
            }
            Holder::Container { name, folder } => {
                let of = folder
                    .as_ref()
                    .map(|folder| format!(" of the project in {folder}"))
                    .unwrap_or_default();
                (
                    format!("the container `{name}`{of}"),
                    Some(format!("stop that container: docker stop {name}")),
                )
            }
            Holder::Workspace {
                folder,
                is_copy,
                container,
            } => {
                let what = if *is_copy { "copy" } else { "workspace" };
                (
                    format!("the {what} at {folder} (`{container}`)"),
                    Some(format!("stop that {what}: fitout -C {folder} stop")),
                )
            }
        }
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

#[cfg(test)]
mod tests;
