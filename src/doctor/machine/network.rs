//! The ports of this machine: which are free, and who listens.

use std::net::IpAddr;
use std::sync::PoisonError;

use super::{Availability, Fault, Machine, Process};
use crate::host::{address, ports};
use crate::workspace::Protocol;

impl Machine {
    /// Whether a port can be had at an address.
    pub fn availability(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
    ) -> Result<Availability, Fault> {
        let availability = ports::availability(address, port, protocol);
        availability.map_err(|error| Fault::Blocked(error.to_string()))
    }

    /// The process that listens on a port, where the system says so.
    pub fn process_on(&self, port: u16, protocol: Protocol) -> Option<Process> {
        ports::holder(port, protocol)
    }

    /// A port after this one that can be had, that no other workspace has, and that was not given to
    /// another service before.
    pub fn free_port_after(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
        avoid: &[u16],
    ) -> Option<u16> {
        let mut proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        // A port of a workspace that is stopped would be taken as soon as that starts.
        let others = self.other_workspaces();
        let of_others: Vec<u16> = others
            .flat_map(|other| other.ports.iter().copied())
            .collect();
        let avoid = [avoid, proposed.as_slice(), &of_others].concat();
        let free = ports::next_free(address, port.saturating_add(1), protocol, &avoid);
        proposed.extend(free);
        free
    }

    /// The addresses of this machine on which somebody listens on a TCP port.
    pub fn listeners(&self, port: u16) -> Vec<String> {
        let listeners = ports::listeners(port);
        let mut addresses: Vec<String> = listeners.iter().map(ToString::to_string).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// Whether an address takes connections on a TCP port.
    pub fn takes_connections(&self, address: &str, port: u16) -> bool {
        let address = address.parse();
        address.is_ok_and(|address| ports::takes_connections(address, port))
    }

    /// The address of the Windows around this WSL, where it is one.
    pub fn windows(&self) -> Option<String> {
        let network = address::network();
        network.default_route.filter(|_| network.wsl.is_some())
    }
}
