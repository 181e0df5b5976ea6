//! How containers reach this machine: a single container tries everything, once for all checks.

use super::{Fault, Machine};
use crate::docker::Docker;
use crate::docker::probe::{Answer, Attempt, ProbeError, Project};
use crate::doctor::host::Reach;
use crate::host::address;
use crate::host::nonce::Nonce;
use crate::runtime::{self, Runtime, Side};

/// The result of checking from a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSeen {
    /// No available image can be used.
    NoImage,
    /// The result.
    Probed(ReachSeen),
}

/// What a container could reach on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachSeen {
    /// The listener on this machine; open if its nonce was received.
    pub word: Reached,
    /// The port of each service, in order.
    pub ports: Vec<Reached>,
    /// Another address at which the nonce was received.
    pub better: Option<String>,
    /// The subnet of the container: `172.18.0.0/16`.
    pub subnet: Option<String>,
    /// Whether the project's own network doesn't exist yet.
    pub subnet_is_temporary: bool,
}

/// The result of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Connected.
    Open,
    /// Refused: nothing listens there, or a firewall rejects it.
    Refused,
    /// No answer.
    TimedOut,
    /// A router or a firewall reports that it is unreachable.
    NoRoute,
    /// The name can't be resolved.
    NoName,
    /// Any other message of the tool.
    Other(String),
}

impl Reached {
    /// Classifies the exit status and messages of bash or busybox's nc, and of their C libraries.
    pub fn of(status: i32, words: &str) -> Self {
        /// The exit statuses of GNU's and busybox's `timeout`.
        const TIMED_OUT: [i32; 2] = [124, 143];
        let lower = words.to_lowercase();
        let says = |causes: &[&str]| causes.iter().any(|cause| lower.contains(cause));
        if status == 0 {
            Reached::Open
        } else if says(&[
            "bad address",
            "not known",
            "name resolution",
            "does not resolve",
        ]) {
            Reached::NoName
        } else if says(&["refused"]) {
            Reached::Refused
        } else if TIMED_OUT.contains(&status) || says(&["timed out"]) {
            Reached::TimedOut
        } else if says(&["no route", "unreachable", "prohibited", "not permitted"]) {
            Reached::NoRoute
        } else {
            Reached::Other(words.to_owned())
        }
    }
}

impl Machine {
    /// Returns how a container reaches this machine.
    pub fn reach(&self, reach: &Reach) -> Result<&AddressSeen, Fault> {
        let reached = self.reached.get_or_init(|| self.try_reach(reach));
        reached.as_ref().map_err(|why| Fault::Blocked(why.clone()))
    }

    fn try_reach(&self, reach: &Reach) -> Result<AddressSeen, String> {
        let nonce = Nonce::listen().map_err(|error| format!("can't listen: {error}"))?;
        let docker = Docker::default();
        let others = other_addresses(&docker, &reach.address);
        let words = std::iter::once(&reach.address).chain(&others);
        let mut attempts: Vec<Attempt> = words
            .map(|address| Attempt::Word(address, nonce.port))
            .collect();
        let ports = reach.services.iter();
        attempts.extend(ports.map(|service| Attempt::Open(&service.address, service.port)));
        let project = Project {
            folder: &self.root,
            selection: &self.selection,
            gateway: &reach.gateway,
            made_up: &reach.made_up,
        };
        let probed = match docker.probe(&project, &attempts) {
            Ok(probed) => probed,
            Err(ProbeError::NoImage) => return Ok(AddressSeen::NoImage),
            Err(error) => return Err(error.to_string()),
        };
        let reached = |answer: &Answer| Reached::of(answer.status, &answer.words);
        let heard = |answer: &Answer| match reached(answer) {
            Reached::Open if answer.words.trim() != nonce.word => {
                Reached::Other("somebody else answers".to_owned())
            }
            reached => reached,
        };
        let (words, ports) = probed.answers.split_at(1 + others.len());
        let mut better = others.into_iter().zip(&words[1..]);
        let better = better.find(|(_, answer)| heard(answer) == Reached::Open);
        Ok(AddressSeen::Probed(ReachSeen {
            word: heard(&words[0]),
            ports: ports.iter().map(reached).collect(),
            better: better.map(|(address, _)| address),
            subnet: probed.subnet,
            subnet_is_temporary: probed.network_is_temporary,
        }))
    }
}

/// Returns other possible addresses of this machine: those derived from the engine's answers, and
/// this machine's own.
fn other_addresses(docker: &Docker, first: &str) -> Vec<String> {
    let network = address::network();
    let runtime = docker.runtime().unwrap_or_else(address::runtime);
    let known = [Side::Here, Side::Windows].map(|side| runtime.address(&network, side).ip);
    let mut others: Vec<String> = Vec::new();
    let of_podman = (runtime == Runtime::Podman).then(|| "host.containers.internal".to_owned());
    let name = Some(runtime::NAME.to_owned());
    let more = [name, of_podman, network.lan, network.bridge];
    for address in known.into_iter().chain(more.into_iter().flatten()) {
        if address != first && !others.contains(&address) {
            others.push(address);
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_its_own_words_for_the_same() {
        let cases = [
            (0, "", Reached::Open),
            (
                1,
                "nc: can't connect to remote host (172.17.0.1): Connection refused",
                Reached::Refused,
            ),
            (1, "nc: bad address 'nosuch.name'", Reached::NoName),
            (
                1,
                "nc: can't connect to remote host (10.0.2.2): No route to host",
                Reached::NoRoute,
            ),
            (1, "nc: timed out", Reached::TimedOut),
            (143, "Terminated", Reached::TimedOut),
            (124, "", Reached::TimedOut),
            (
                1,
                "bash: connect: Connection refused bash: line 1: /dev/tcp/172.17.0.1/1: Connection refused",
                Reached::Refused,
            ),
            (
                1,
                "bash: nosuch.name: Name or service not known bash: line 1: /dev/tcp/nosuch.name/1: Invalid argument",
                Reached::NoName,
            ),
            (
                1,
                "bash: x: Temporary failure in name resolution",
                Reached::NoName,
            ),
            (1, "bash: connect: Network is unreachable", Reached::NoRoute),
            (-1, "", Reached::Other(String::new())),
        ];
        for (status, words, expected) in cases {
            assert_eq!(Reached::of(status, words), expected, "{words}");
        }
    }
}
