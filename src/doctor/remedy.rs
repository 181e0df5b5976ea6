//! The exact commands that install, start or open something, for each system.
//!
//! Sources: the package lists of the distributions and docs.docker.com, "Install Docker Engine" and
//! "Install the Docker Compose plugin".

use super::check::{HostService, Remedy};
use super::finding::Endpoint;
use super::system::{Platform, System};
use crate::workspace::preset::{self, Packages};

/// Installs git.
pub fn install_git(system: &System) -> Remedy {
    let command = match system.platform {
        Platform::Debian(_) | Platform::Ubuntu => system.as_root("apt install git"),
        Platform::Fedora | Platform::RedHat => system.as_root("dnf install git"),
        Platform::Arch => system.as_root("pacman -S git"),
        Platform::Alpine => system.as_root("apk add git"),
        Platform::Suse => system.as_root("zypper install git"),
        Platform::MacOs => "xcode-select --install".to_owned(),
        Platform::Other => return Remedy::note("install git: https://git-scm.com/downloads"),
    };
    Remedy::run(command)
}

/// Installs the Git LFS extension.
pub fn install_git_lfs(system: &System) -> Remedy {
    let command = match system.platform {
        Platform::Debian(_) | Platform::Ubuntu => "apt install git-lfs",
        Platform::Fedora | Platform::RedHat => "dnf install git-lfs",
        Platform::Arch => "pacman -S git-lfs",
        Platform::Alpine => "apk add git-lfs",
        Platform::Suse => "zypper install git-lfs",
        Platform::MacOs => return Remedy::run("brew install git-lfs"),
        Platform::Other => return Remedy::note("install git-lfs: https://git-lfs.com"),
    };
    Remedy::run(system.as_root(command))
}

/// Lets every user watch more files. The file is read at each start of the system (sysctl.d(5)).
pub fn raise_inotify(system: &System) -> Remedy {
    let file = "/etc/sysctl.d/60-inotify.conf";
    let limits = "fs.inotify.max_user_watches=524288\\nfs.inotify.max_user_instances=1024\\n";
    let write = system.as_root(&format!("tee {file}"));
    let remedy = Remedy::run(format!("printf '{limits}' | {write}"))
        .and_run(system.as_root(&format!("sysctl -p {file}")));
    if system.is_wsl {
        remedy.and_note("all distributions of WSL share this kernel")
    } else {
        remedy
    }
}

/// Installs hadolint (its README: packages, and a static program for each release).
pub fn install_hadolint(system: &System) -> Remedy {
    match system.platform {
        Platform::MacOs => Remedy::run("brew install hadolint"),
        Platform::Arch => Remedy::note("install hadolint-bin from the AUR"),
        _ => {
            let program = "/usr/local/bin/hadolint";
            let release = "https://github.com/hadolint/hadolint/releases/latest/download";
            let machine = "$(uname -m | sed s/aarch64/arm64/)";
            let url = format!("{release}/hadolint-Linux-{machine}");
            Remedy::run(system.as_root(&format!("curl -fsSLo {program} {url}")))
                .and_run(system.as_root(&format!("chmod +x {program}")))
        }
    }
}

/// Installs trivy (trivy.dev, "Installing Trivy").
pub fn install_trivy(system: &System) -> Remedy {
    match system.platform {
        Platform::MacOs => Remedy::run("brew install trivy"),
        Platform::Arch => Remedy::run(system.as_root("pacman -S trivy")),
        _ => {
            let shell = system.as_root("sh -s -- -b /usr/local/bin");
            let script =
                "https://raw.githubusercontent.com/aquasecurity/trivy/main/contrib/install.sh";
            Remedy::run(format!("curl -fsSL {script} | {shell}"))
        }
    }
}

/// Installs the buildx plugin.
pub fn install_buildx(system: &System) -> Remedy {
    let package = match system.platform {
        Platform::Ubuntu => "apt install docker-buildx",
        Platform::Debian(version) if version.is_none_or(|version| version >= 13) => {
            "apt install docker-buildx"
        }
        Platform::Arch => "pacman -S docker-buildx",
        Platform::Alpine => "apk add docker-cli-buildx",
        Platform::Fedora => "dnf install docker-buildx",
        Platform::MacOs => return Remedy::run("brew install docker-buildx"),
        _ => return Remedy::note("install buildx: https://docs.docker.com/build/install-buildx/"),
    };
    Remedy::run(system.as_root(package))
}

/// Installs an engine, its client and Compose where there is none of them.
pub fn install_docker(system: &System) -> Remedy {
    if system.is_wsl {
        return Remedy::run("winget.exe install Docker.DockerDesktop").and_note(
            "then switch on this distribution in Docker Desktop: Settings, Resources, WSL integration",
        );
    }
    let packages = |command: &str| {
        let remedy = Remedy::run(system.as_root(command));
        match system.platform {
            Platform::Alpine => remedy
                .and_run(system.as_root("rc-update add docker default"))
                .and_run(system.as_root("service docker start")),
            // Debian's and Ubuntu's packages start what they install.
            Platform::Debian(_) | Platform::Ubuntu => remedy,
            _ => remedy.and_run(start_service(system)),
        }
    };
    match system.platform {
        Platform::Ubuntu => packages("apt install docker.io docker-compose-v2"),
        // From trixie on; before, its Compose is version 1.
        Platform::Debian(version) if version.is_none_or(|version| version >= 13) => {
            packages("apt install docker.io docker-cli docker-compose")
        }
        Platform::Fedora => packages("dnf install moby-engine docker-cli docker-compose"),
        Platform::Arch => packages("pacman -S docker docker-compose docker-buildx"),
        Platform::Alpine => packages("apk add docker docker-cli-compose docker-cli-buildx"),
        Platform::Suse => packages("zypper install docker docker-compose"),
        Platform::Debian(_) | Platform::RedHat => {
            let shell = system.as_root("sh");
            Remedy::run(format!("curl -fsSL https://get.docker.com | {shell}"))
                .and_run(start_service(system))
        }
        Platform::MacOs if system.has("brew") => {
            Remedy::run("brew install --cask docker-desktop").and_run("open -a Docker")
        }
        Platform::MacOs => Remedy::note(
            "install Docker Desktop: https://docs.docker.com/desktop/setup/install/mac-install/",
        ),
        Platform::Other => {
            Remedy::note("install Docker Engine: https://docs.docker.com/engine/install/")
        }
    }
}

/// Starts the engine at a local socket.
pub fn start_engine(system: &System, endpoint: &Endpoint) -> Remedy {
    match endpoint.context.as_deref() {
        Some("colima") => return Remedy::run("colima start"),
        Some(context) if context.starts_with("colima-") => {
            let profile = context.trim_start_matches("colima-");
            return Remedy::run(format!("colima start {profile}"));
        }
        Some("orbstack") => return Remedy::run("orb start"),
        Some("rancher-desktop") => return Remedy::run("rdctl start"),
        Some("rootless") => return Remedy::run("systemctl --user enable --now docker"),
        Some("desktop-linux") if system.platform != Platform::MacOs => {
            return Remedy::run("systemctl --user start docker-desktop");
        }
        _ => {}
    }
    if endpoint.address.contains("/run/user/") {
        return Remedy::run("systemctl --user enable --now docker");
    }
    if system.platform == Platform::MacOs {
        return if system.has("colima") {
            Remedy::run("colima start")
        } else if system.has("orb") {
            Remedy::run("orb start")
        } else {
            Remedy::run("open -a Docker")
        };
    }
    if !system.has("dockerd") {
        return if system.is_wsl {
            Remedy::note(
                "start Docker Desktop on Windows, and switch on this distribution in its Settings, Resources, WSL integration",
            )
        } else {
            let install = install_docker(system);
            Remedy {
                note: install.note.or(Some(
                    "there is a `docker` client, and no engine on this machine".to_owned(),
                )),
                ..install
            }
        };
    }
    if !system.has_systemd && !system.has("service") {
        return Remedy::run(system.as_root("dockerd"));
    }
    Remedy::run(start_service(system))
}

fn start_service(system: &System) -> String {
    if system.has_systemd {
        system.as_root("systemctl enable --now docker")
    } else {
        system.as_root("service docker start")
    }
}

/// Lets the user use the engine's socket.
pub fn allow_socket(system: &System) -> Remedy {
    if system.platform == Platform::MacOs {
        return Remedy::run("open -a Docker")
            .and_note("or choose another engine with `docker context use`");
    }
    if system.docker_group_at_next_login {
        return Remedy::run("newgrp docker")
            .and_note("you are in the group `docker` from your next login on");
    }
    Remedy::run("sudo usermod -aG docker \"$USER\"")
        .and_run("newgrp docker")
        .and_note("members of the group `docker` can become root on this machine")
}

/// Takes back the choice of an engine that does not answer.
pub fn other_engine(endpoint: &Endpoint) -> Remedy {
    if endpoint.is_docker_host {
        Remedy::run("unset DOCKER_HOST").and_note("or start the engine that it names")
    } else {
        Remedy::run("docker context use default").and_note("or start the engine that it names")
    }
}

/// Installs or updates the Compose plugin.
pub fn install_compose(system: &System) -> Remedy {
    let remedy = match system.platform {
        Platform::Debian(version) if version.is_none_or(|version| version >= 13) => {
            system.as_root("apt install docker-compose")
        }
        Platform::Ubuntu => system.as_root("apt install docker-compose-v2"),
        Platform::Fedora => system.as_root("dnf install docker-compose"),
        Platform::Arch => system.as_root("pacman -S docker-compose"),
        Platform::Alpine => system.as_root("apk add docker-cli-compose"),
        Platform::Suse => system.as_root("zypper install docker-compose"),
        Platform::MacOs if system.has("brew") => {
            return Remedy::run("brew install docker-compose")
                .and_run("mkdir -p ~/.docker/cli-plugins")
                .and_run("ln -sfn \"$(brew --prefix)/opt/docker-compose/bin/docker-compose\" ~/.docker/cli-plugins/docker-compose");
        }
        _ => return download_compose(system),
    };
    Remedy::run(remedy)
}

/// Installs the newest Compose for this user alone, whatever the system's packages have.
pub fn download_compose(system: &System) -> Remedy {
    let os = match system.platform {
        Platform::MacOs => "darwin",
        _ => "linux",
    };
    Remedy::run("mkdir -p ~/.docker/cli-plugins")
        .and_run(format!("curl -fL https://github.com/docker/compose/releases/latest/download/docker-compose-{os}-$(uname -m) -o ~/.docker/cli-plugins/docker-compose"))
        .and_run("chmod +x ~/.docker/cli-plugins/docker-compose")
}

/// Makes a `docker-compose` of version 2 the plugin that `docker compose` runs.
pub fn link_compose() -> Remedy {
    Remedy::run("mkdir -p ~/.docker/cli-plugins")
        .and_run("ln -s \"$(command -v docker-compose)\" ~/.docker/cli-plugins/docker-compose")
}

/// Starts the server of a service that runs on this machine.
pub fn start_service_of(system: &System, service: &HostService) -> Remedy {
    server(system, service, "start").and_note(format!(
        "or go back to the container: `fitout use {} container`",
        service.name
    ))
}

/// Restarts it, after its configuration was changed.
pub fn restart_service_of(system: &System, service: &HostService) -> Remedy {
    server(system, service, "restart")
}

/// A preset that is not known has its own name for a unit.
fn server(system: &System, service: &HostService, verb: &str) -> Remedy {
    let preset = preset::find(&service.preset);
    let packages = match system.platform {
        Platform::Fedora | Platform::RedHat => Packages::RedHat,
        _ => Packages::Debian,
    };
    let unit = preset.map_or(service.preset.as_str(), |preset| preset.unit(packages));
    let formula = preset.map_or(service.preset.as_str(), |preset| preset.formula.as_str());
    Remedy::run(match system.platform {
        Platform::MacOs => format!("brew services {verb} {formula}"),
        _ if system.has_systemd => system.as_root(&format!("systemctl {verb} {unit}")),
        _ => system.as_root(&format!("service {unit} {verb}")),
    })
}

/// Lets the containers of a rootless engine reach this machine; since Docker 26.0 (moby, pull request
/// 47352).
pub fn allow_host_loopback() -> Remedy {
    let folder = "~/.config/systemd/user/docker.service.d";
    let setting = "Environment=DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false";
    Remedy::run(format!("mkdir -p {folder}"))
        .and_run(format!(
            "printf '[Service]\\n{setting}\\n' > {folder}/host-loopback.conf"
        ))
        .and_run("systemctl --user daemon-reload")
        .and_run("systemctl --user restart docker")
        .and_note("containers can then reach what listens on 127.0.0.1 of this machine too")
}

/// Lets containers of a subnet through to a port of this machine, or to all of them. Sources: the
/// manual pages ufw(8), firewall-cmd(1), nft(8) and iptables-extensions(8), and for WSL
/// docs.rancherdesktop.io, "FAQ".
pub fn let_containers_in(system: &System, subnet: &str, port: Option<u16>) -> Remedy {
    let port = port.map(|port| port.to_string());
    let port = port.as_deref();
    if system.platform == Platform::MacOs {
        return Remedy::run(
            "open x-apple.systempreferences:com.apple.preference.security?Firewall",
        )
        .and_note("allow incoming connections for the server's program");
    }
    if system.is_wsl {
        return Remedy::run(
            "powershell.exe New-NetFirewallRule -DisplayName WSL -Direction Inbound -InterfaceAlias \"'vEthernet (WSL)'\" -Action Allow",
        )
        .and_note("in a terminal of an administrator of Windows");
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
        .and_note("where your table is not `inet filter`: see `nft list ruleset`");
    }
    let to = port.map_or(String::new(), |port| format!(" -p tcp --dport {port}"));
    let remedy =
        Remedy::run(system.as_root(&format!("iptables -I INPUT -s {subnet}{to} -j ACCEPT")));
    if system.has("nft") {
        remedy.and_note("where a table of nftables drops it (`nft list ruleset`), allow it there")
    } else {
        remedy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(platform: Platform) -> System {
        System {
            platform,
            has_systemd: true,
            ..System::new("linux", "", "")
        }
    }

    fn with_engine(platform: Platform) -> System {
        System {
            programs: vec!["dockerd".to_owned(), "service".to_owned()],
            ..system(platform)
        }
    }

    fn lines(remedy: &Remedy) -> String {
        let mut lines = remedy.run.clone();
        lines.extend(remedy.note.iter().map(|note| format!("({note})")));
        lines.join("\n")
    }

    const PLATFORMS: [(&str, Platform); 9] = [
        ("Debian 12", Platform::Debian(Some(12))),
        ("Debian 13", Platform::Debian(Some(13))),
        ("Ubuntu", Platform::Ubuntu),
        ("Fedora", Platform::Fedora),
        ("RHEL", Platform::RedHat),
        ("Arch", Platform::Arch),
        ("Alpine", Platform::Alpine),
        ("macOS", Platform::MacOs),
        ("other", Platform::Other),
    ];

    #[test]
    fn every_system_has_its_own_commands() {
        let mut text = Vec::new();
        for (name, platform) in PLATFORMS {
            let system = system(platform);
            for (what, remedy) in [
                ("git", install_git(&system)),
                ("git-lfs", install_git_lfs(&system)),
                ("docker", install_docker(&system)),
                ("compose", install_compose(&system)),
            ] {
                text.push(format!("## {name}: {what}\n{}", lines(&remedy)));
            }
        }
        let text = text.join("\n");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_engine_is_started_the_way_it_was_installed() {
        let context = |name: &str| Endpoint {
            context: Some(name.to_owned()),
            ..Endpoint::default()
        };
        let rootless = Endpoint {
            address: "unix:///run/user/1000/docker.sock".to_owned(),
            ..Endpoint::default()
        };
        let debian = with_engine(Platform::Debian(Some(13)));
        let without_systemd = System {
            has_systemd: false,
            ..debian.clone()
        };
        let as_root = System {
            is_root: true,
            ..without_systemd.clone()
        };
        let wsl = System {
            is_wsl: true,
            ..system(Platform::Ubuntu)
        };
        let colima = System {
            programs: vec!["colima".to_owned()],
            ..system(Platform::MacOs)
        };
        let cases = [
            (
                &debian,
                Endpoint::default(),
                "sudo systemctl enable --now docker",
            ),
            (
                &without_systemd,
                Endpoint::default(),
                "sudo service docker start",
            ),
            (&as_root, Endpoint::default(), "service docker start"),
            (&debian, rootless, "systemctl --user enable --now docker"),
            (
                &debian,
                context("desktop-linux"),
                "systemctl --user start docker-desktop",
            ),
            (&debian, context("colima-work"), "colima start work"),
            (&colima, Endpoint::default(), "colima start"),
            (
                &system(Platform::MacOs),
                Endpoint::default(),
                "open -a Docker",
            ),
            (
                &wsl,
                Endpoint::default(),
                "(start Docker Desktop on Windows, and switch on this distribution in its Settings, Resources, WSL integration)",
            ),
            (
                &system(Platform::Ubuntu),
                Endpoint::default(),
                "sudo apt install docker.io docker-compose-v2\n(there is a `docker` client, and no engine on this machine)",
            ),
        ];
        for (system, endpoint, expected) in cases {
            assert_eq!(lines(&start_engine(system, &endpoint)), expected);
        }
    }

    #[test]
    fn a_member_of_the_group_needs_only_a_new_session() {
        let member = System {
            docker_group_at_next_login: true,
            ..system(Platform::Ubuntu)
        };
        assert_eq!(allow_socket(&member).run, ["newgrp docker"]);
        assert_eq!(
            allow_socket(&system(Platform::Ubuntu)).run,
            ["sudo usermod -aG docker \"$USER\"", "newgrp docker"]
        );
    }

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

    #[test]
    fn a_server_is_started_by_the_name_of_its_unit() {
        let service = |preset: &str| HostService {
            name: "db".to_owned(),
            preset: preset.to_owned(),
            address: String::new(),
            port: 1,
        };
        let start = |platform, preset: &str| {
            start_service_of(&system(platform), &service(preset))
                .run
                .join("\n")
        };
        let cases = [
            (
                Platform::Ubuntu,
                "postgres",
                "sudo systemctl start postgresql",
            ),
            (Platform::Ubuntu, "mysql", "sudo systemctl start mysql"),
            (Platform::Fedora, "mysql", "sudo systemctl start mysqld"),
            (
                Platform::Ubuntu,
                "redis",
                "sudo systemctl start redis-server",
            ),
            (Platform::MacOs, "redis", "brew services start redis"),
            (
                Platform::MacOs,
                "postgres",
                "brew services start postgresql",
            ),
            (
                Platform::MacOs,
                "mongo",
                "brew services start mongodb-community",
            ),
        ];
        for (platform, preset, expected) in cases {
            assert_eq!(start(platform, preset), expected);
        }
    }
}
