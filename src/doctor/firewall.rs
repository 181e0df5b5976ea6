//! The command that lets containers through this machine's firewall.

use super::outcome::Remedy;
use super::system::{Platform, System};

/// Lets containers in a subnet connect to a port of this machine, or to all of them. Sources: the
/// manual pages ufw(8), firewall-cmd(1), nft(8) and iptables-extensions(8), and for WSL
/// docs.rancherdesktop.io, "FAQ".
pub fn let_containers_in(system: &System, subnet: &str, port: Option<u16>) -> Remedy {
    let port = port.map(|port| port.to_string());
    let port = port.as_deref();
    if system.platform == Platform::MacOs {
        return Remedy::run(
            "open x-apple.systempreferences:com.apple.preference.security?Firewall",
        )
        .and_note("allow incoming connections for the server");
    }
    if system.is_wsl {
        return Remedy::run(
            "powershell.exe New-NetFirewallRule -DisplayName WSL -Direction Inbound -InterfaceAlias \"'vEthernet (WSL)'\" -Action Allow",
        )
        .and_note("in a Windows terminal, as administrator");
    }
    if system.ufw_is_on {
        let to = port.map_or(String::new(), |port| {
            format!(" to any port {port} proto tcp")
        });
        return Remedy::run(system.as_root(&format!("ufw allow from {subnet}{to}")));
    }
    if system.has("firewall-cmd") {
        let to = port.map_or(String::new(), |port| {
            format!(" port port=\"{port}\" protocol=\"tcp\"")
        });
        let rule = format!("rule family=\"ipv4\" source address=\"{subnet}\"{to} accept");
        return Remedy::run(system.as_root(&format!(
            "firewall-cmd --permanent --add-rich-rule='{rule}'"
        )))
        .and_run(system.as_root("firewall-cmd --reload"));
    }
    if system.has("nft") && !system.has("iptables") {
        let to = port.map_or(String::new(), |port| format!(" tcp dport {port}"));
        return Remedy::run(system.as_root(&format!(
            "nft insert rule inet filter input ip saddr {subnet}{to} accept"
        )))
        .and_note("adapt the table if yours is not `inet filter`: see `nft list ruleset`");
    }
    let to = port.map_or(String::new(), |port| format!(" -p tcp --dport {port}"));
    let remedy =
        Remedy::run(system.as_root(&format!("iptables -I INPUT -s {subnet}{to} -j ACCEPT")));
    if system.has("nft") {
        remedy.and_note("if an nftables table drops it (`nft list ruleset`), allow it there")
    } else {
        remedy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::remedy::tests::{lines, system};

    #[test]
    fn the_firewall_that_is_there_lets_containers_in() {
        let with = |programs: &[&str], ufw_is_on| System {
            programs: programs.iter().map(ToString::to_string).collect(),
            ufw_is_on,
            ..system(Platform::Ubuntu)
        };
        let systems = [
            with(&["ufw", "nft", "iptables"], true),
            with(&["firewall-cmd", "nft"], false),
            with(&["nft"], false),
            with(&["ufw", "iptables"], false),
            with(&["nft", "iptables"], false),
            system(Platform::MacOs),
            System {
                is_wsl: true,
                ..system(Platform::Ubuntu)
            },
        ];
        let text: Vec<String> = systems
            .iter()
            .flat_map(|system| [Some(5432), None].map(|port| (system, port)))
            .map(|(system, port)| lines(&let_containers_in(system, "172.18.0.0/16", port)))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
