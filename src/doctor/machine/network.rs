//! The ports of this machine: which are free, and what listens on them.

use std::net::IpAddr;
use std::sync::PoisonError;

use super::{Availability, Fault, Machine, Process};
use crate::host::{address, ports};
use crate::workspace::Protocol;

impl Machine {
    /// Whether a port is free at an address.
    pub fn availability(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
    ) -> Result<Availability, Fault> {
        let availability = ports::availability(address, port, protocol);
        availability.map_err(|error| Fault::Blocked(error.to_string()))
    }

    /// Returns the process that listens on a port, if known.
    pub fn process_on(&self, port: u16, protocol: Protocol) -> Option<Process> {
        ports::holder(port, protocol)
    }

    /// Returns a free port after this one that no other workspace uses, and that was not suggested
    /// for another service before.
    pub fn free_port_after(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
        avoid: &[u16],
    ) -> Option<u16> {
        let mut proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        // A port of a stopped workspace would be in use as soon as that starts.
        let others = self.other_workspaces();
        let of_others: Vec<u16> = others
            .flat_map(|other| other.ports.iter().copied())
            .collect();
        let avoid = [avoid, proposed.as_slice(), &of_others].concat();
        let free = ports::next_free(address, port.saturating_add(1), protocol, &avoid);
        proposed.extend(free);
        free
    }

    /// Returns the addresses of this machine on which a server listens on a TCP port.
    pub fn listeners(&self, port: u16) -> Vec<String> {
        let listeners = ports::listeners(port);
        let mut addresses: Vec<String> = listeners.iter().map(ToString::to_string).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// Whether an address accepts connections on a TCP port.
    pub fn takes_connections(&self, address: &str, port: u16) -> bool {
        let address = address.parse();
        address.is_ok_and(|address| ports::takes_connections(address, port))
    }

    /// Returns the address of Windows, if this is WSL.
    pub fn windows(&self) -> Option<String> {
        let network = address::network();
        network.default_route.filter(|_| network.wsl.is_some())
    }
}
