//! Ports of this machine: whether one is free, and what uses it.
//!
//! Free has the same meaning as in Docker: address and port can currently be bound.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::workspace::Protocol;

/// Whether an address can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It could be bound, and was released again.
    Free,
    /// It is in use.
    Taken,
    /// The address doesn't belong to an interface of this machine.
    NoSuchAddress,
}

/// The process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its program's name.
    pub program: String,
    /// Its full command line, if readable.
    pub command: String,
}

/// Whether `address` and `port` can be bound.
pub fn availability(address: IpAddr, port: u16, protocol: Protocol) -> io::Result<Availability> {
    let bound = match bind(address, port, protocol) {
        // BSD systems allow binding a specific address next to a wildcard listener.
        Ok(()) if cfg!(target_os = "macos") && !address.is_unspecified() => {
            bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port, protocol)
        }
        other => other,
    };
    match bound {
        Ok(()) => Ok(Availability::Free),
        Err(error) => match error.kind() {
            io::ErrorKind::AddrInUse => Ok(Availability::Taken),
            io::ErrorKind::AddrNotAvailable => Ok(Availability::NoSuchAddress),
            // Below 1024, only root can bind, which Docker is: check whether something responds.
            io::ErrorKind::PermissionDenied => Ok(answers(address, port, protocol)),
            _ => Err(error),
        },
    }
}

/// The first free port at or above `from` that is not one of `avoid`.
pub fn next_free(address: IpAddr, from: u16, protocol: Protocol, avoid: &[u16]) -> Option<u16> {
    (from..=u16::MAX)
        .filter(|port| !avoid.contains(port))
        .take(200)
        .find(|port| {
            matches!(
                availability(address, *port, protocol),
                Ok(Availability::Free)
            )
        })
}

/// Returns the process that listens on `port`, if this user is allowed to see it.
pub fn holder(port: u16, protocol: Protocol) -> Option<Holder> {
    if cfg!(target_os = "linux") {
        holder_by_proc(port, protocol)
    } else {
        holder_by_lsof(port, protocol)
    }
}

/// Returns the addresses of this machine on which a server listens on a TCP port.
pub fn listeners(port: u16) -> Vec<IpAddr> {
    if cfg!(target_os = "linux") {
        ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_addresses(&table, port))
            .collect()
    } else {
        let mut command = std::process::Command::new("lsof");
        command.args(["-nP", "-sTCP:LISTEN", "-Fn", &format!("-iTCP:{port}")]);
        super::process::run(&mut command, Duration::from_secs(3))
            .map(|output| lsof_addresses(&output.stdout))
            .unwrap_or_default()
    }
}

/// Whether a TCP port accepts a connection.
pub fn takes_connections(address: IpAddr, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1)).is_ok()
}

/// Returns the addresses that listen on `port` from the text of `/proc/net/tcp` or `tcp6`: 32-bit
/// words in hexadecimal, in the machine's byte order.
fn listening_addresses(table: &str, port: u16) -> Vec<IpAddr> {
    let rows = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, local_port) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == "0A";
        let mut bytes = Vec::new();
        for at in (0..address.len()).step_by(8) {
            let word = u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(v4) => IpAddr::from(v4),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?),
        };
        is_it.then_some(address)
    });
    rows.collect()
}

/// `n127.0.0.1:5432`, `n[::1]:5432`, `n*:5432`.
fn lsof_addresses(text: &str) -> Vec<IpAddr> {
    let names = text.lines().filter_map(|line| line.strip_prefix('n'));
    names
        .filter_map(|name| match name.rsplit_once(':')?.0 {
            "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
            address => address.trim_matches(['[', ']']).parse().ok(),
        })
        .collect()
}

fn bind(address: IpAddr, port: u16, protocol: Protocol) -> io::Result<()> {
    match protocol {
        Protocol::Tcp => TcpListener::bind((address, port)).map(drop),
        Protocol::Udp => UdpSocket::bind((address, port)).map(drop),
    }
}

fn answers(address: IpAddr, port: u16, protocol: Protocol) -> Availability {
    let target = match address {
        address if !address.is_unspecified() => address,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    let limit = Duration::from_millis(500);
    let answers = protocol == Protocol::Tcp
        && TcpStream::connect_timeout(&SocketAddr::new(target, port), limit).is_ok();
    if answers {
        Availability::Taken
    } else {
        Availability::Free
    }
}

fn holder_by_proc(port: u16, protocol: Protocol) -> Option<Holder> {
    let tables: [&str; 2] = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inodes: Vec<u64> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port, protocol))
        .collect();
    let sockets: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let pid = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| has_open(*pid, &sockets))?;
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    Some(Holder {
        pid,
        program: read("comm").trim().to_owned(),
        command: read("cmdline").trim_end_matches('\0').replace('\0', " "),
    })
}

fn has_open(pid: u32, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| {
            sockets
                .iter()
                .any(|socket| target.as_os_str() == socket.as_str())
        })
    })
}

/// Returns the sockets that listen on `port` from the text of a table such as `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16, protocol: Protocol) -> Vec<u64> {
    // include/net/tcp_states.h: TCP_LISTEN is 10; an unconnected UDP socket is TCP_CLOSE, 7.
    let waiting = match protocol {
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
            let is_it =
                u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == waiting;
            is_it.then(|| fields.get(9)?.parse().ok()).flatten()
        })
        .collect()
}

fn holder_by_lsof(port: u16, protocol: Protocol) -> Option<Holder> {
    let mut command = std::process::Command::new("lsof");
    match protocol {
        Protocol::Tcp => command.args(["-nP", "-sTCP:LISTEN", "-Fpc", &format!("-iTCP:{port}")]),
        Protocol::Udp => command.args(["-nP", "-Fpc", &format!("-iUDP:{port}")]),
    };
    let output = super::process::run(&mut command, Duration::from_secs(3)).ok()?;
    parse_lsof(&output.stdout)
}

/// lsof's machine-readable output: a field per line, `p` for the process, `c` for its name.
fn parse_lsof(text: &str) -> Option<Holder> {
    let field = |name: char| text.lines().find_map(|line| line.strip_prefix(name));
    let program = field('c')?.to_owned();
    Some(Holder {
        pid: field('p')?.parse().ok()?,
        command: program.clone(),
        program,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0C1C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:0C1C 0100007F:B0AA 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
";

    #[test]
    fn finds_the_listening_socket_and_not_its_connections() {
        assert_eq!(listening_inodes(TCP, 3100, Protocol::Tcp), [4711]);
        assert_eq!(listening_inodes(TCP, 22, Protocol::Tcp), [4713]);
        assert!(listening_inodes(TCP, 80, Protocol::Tcp).is_empty());
    }

    #[test]
    fn reads_the_addresses_that_are_listened_on() {
        let addresses = |table: &str, port| -> Vec<String> {
            let found = listening_addresses(table, port);
            found.iter().map(ToString::to_string).collect()
        };
        let v6 = "sl local\n 0: 00000000000000000000000001000000:1538 0:0 0A 0 0 0 0 0 1\n 1: 00000000000000000000000000000000:1538 0:0 0A 0 0 0 0 0 2\n";
        assert_eq!(addresses(TCP, 3100), ["127.0.0.1"]);
        assert_eq!(addresses(TCP, 22), ["0.0.0.0"]);
        assert_eq!(addresses(v6, 5432), ["::1", "::"]);
        let mac = lsof_addresses("p1\nf7\nn[::1]:5432\nf8\nn127.0.0.1:5432\nf9\nn*:5432\n");
        let mac: Vec<String> = mac.iter().map(ToString::to_string).collect();
        assert_eq!(mac, ["::1", "127.0.0.1", "0.0.0.0"]);
    }

    #[test]
    fn reads_lsofs_fields() {
        assert_eq!(
            parse_lsof("p812\ncnode\nf21\n"),
            Some(Holder {
                pid: 812,
                program: "node".to_owned(),
                command: "node".to_owned()
            })
        );
        assert_eq!(parse_lsof(""), None);
    }

    #[test]
    fn a_port_that_this_process_holds_is_taken_by_this_process() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Ipv4Addr::LOCALHOST.into();
        assert_eq!(
            availability(address, port, Protocol::Tcp).unwrap(),
            Availability::Taken
        );
        assert_eq!(
            holder(port, Protocol::Tcp).map(|holder| holder.pid),
            Some(std::process::id())
        );
        let next = next_free(address, port, Protocol::Tcp, &[]);
        assert!(next.is_some_and(|next| next > port), "{next:?}");
    }

    #[test]
    fn an_address_of_another_machine_is_told_apart() {
        // TEST-NET-1 (RFC 5737) is not in use.
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(
            availability(address, 0, Protocol::Tcp).unwrap(),
            Availability::NoSuchAddress
        );
    }
}
