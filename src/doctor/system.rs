//! The system, as far as remedies depend on it. Pure: derived from raw facts.

/// The system that a remedy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Determines the package manager and the service manager.
    pub platform: Platform,
    /// Linux on Windows.
    pub is_wsl: bool,
    /// Whether systemd runs this machine.
    pub has_systemd: bool,
    /// Whether the user is root.
    pub is_root: bool,
    /// Whether ufw is the firewall, and enabled.
    pub ufw_is_on: bool,
    /// Of [`System::PROGRAMS`], those that are installed.
    pub programs: Vec<String>,
    /// Whether the user is in the group `docker`, but the session started before that.
    pub docker_group_at_next_login: bool,
}

/// A family of systems with the same commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Debian of this major version; none for testing and unstable.
    Debian(Option<u32>),
    /// Ubuntu and its derivatives.
    Ubuntu,
    /// Fedora.
    Fedora,
    /// RHEL and its derivatives.
    RedHat,
    /// Arch and its derivatives.
    Arch,
    /// Alpine.
    Alpine,
    /// openSUSE and SLES.
    Suse,
    /// macOS.
    MacOs,
    /// Another Linux, or another system.
    Other,
}

impl System {
    /// The programs whose presence decides between remedies.
    pub const PROGRAMS: &[&str] = &[
        "brew",
        "colima",
        "dockerd",
        "firewall-cmd",
        "iptables",
        "nft",
        "orb",
        "podman",
        "rdctl",
        "service",
        "systemctl",
        "ufw",
    ];

    /// Reads the name of the system (`std::env::consts::OS`), `/etc/os-release` and
    /// `/proc/version`.
    pub fn new(os: &str, os_release: &str, kernel: &str) -> Self {
        System {
            platform: match os {
                "macos" => Platform::MacOs,
                "linux" => linux(os_release),
                _ => Platform::Other,
            },
            is_wsl: os == "linux" && kernel.to_lowercase().contains("microsoft"),
            has_systemd: false,
            is_root: false,
            ufw_is_on: false,
            programs: Vec::new(),
            docker_group_at_next_login: false,
        }
    }

    /// Returns the names of this system in `templates/remedies`, the most specific one first.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.is_wsl {
            names.push("wsl");
        }
        if self.platform == Platform::MacOs && self.has("brew") {
            names.push("macos-with-brew");
        }
        names.push(match self.platform {
            Platform::Debian(Some(version)) if version < 13 => "debian-before-13",
            Platform::Debian(_) => "debian",
            Platform::Ubuntu => "ubuntu",
            Platform::Fedora => "fedora",
            Platform::RedHat => "rhel",
            Platform::Arch => "arch",
            Platform::Alpine => "alpine",
            Platform::Suse => "suse",
            Platform::MacOs => "macos",
            Platform::Other => "other",
        });
        if self.platform != Platform::Other {
            names.push("other");
        }
        names
    }

    /// Whether a program of [`System::PROGRAMS`] is installed.
    pub fn has(&self, program: &str) -> bool {
        self.programs.iter().any(|installed| installed == program)
    }

    /// Returns a command that needs root.
    pub fn as_root(&self, command: &str) -> String {
        if self.is_root {
            command.to_owned()
        } else {
            format!("sudo {command}")
        }
    }
}

fn linux(os_release: &str) -> Platform {
    let field = |name: &str| -> &str {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']))
            .unwrap_or_default()
    };
    let version = field("VERSION_ID")
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    // The system's own name first, then those it is derived from, nearest first.
    std::iter::once(field("ID"))
        .chain(field("ID_LIKE").split_whitespace())
        .find_map(|id| match id {
            // Derivatives of Debian have their own version numbers.
            "debian" => Some(Platform::Debian(
                version.filter(|_| field("ID") == "debian"),
            )),
            "ubuntu" => Some(Platform::Ubuntu),
            "fedora" => Some(Platform::Fedora),
            "rhel" | "centos" | "rocky" | "almalinux" => Some(Platform::RedHat),
            "arch" | "manjaro" => Some(Platform::Arch),
            "alpine" => Some(Platform::Alpine),
            "suse" | "opensuse" | "opensuse-tumbleweed" | "opensuse-leap" | "sles" => {
                Some(Platform::Suse)
            }
            _ => None,
        })
        .unwrap_or(Platform::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_family_by_os_release() {
        let cases = [
            ("ID=debian\nVERSION_ID=\"12\"\n", Platform::Debian(Some(12))),
            (
                "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\n",
                Platform::Debian(None),
            ),
            (
                "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n",
                Platform::Ubuntu,
            ),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Platform::Ubuntu,
            ),
            (
                "ID=raspbian\nID_LIKE=debian\nVERSION_ID=\"12\"\n",
                Platform::Debian(None),
            ),
            ("ID=fedora\nVERSION_ID=42\n", Platform::Fedora),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Platform::RedHat,
            ),
            ("ID=arch\n", Platform::Arch),
            ("ID=endeavouros\nID_LIKE=\"arch\"\n", Platform::Arch),
            ("ID=alpine\nVERSION_ID=3.20.1\n", Platform::Alpine),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
                Platform::Suse,
            ),
            ("ID=nixos\n", Platform::Other),
            ("", Platform::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(System::new("linux", text, "").platform, expected, "{text}");
        }
        assert_eq!(System::new("macos", "", "").platform, Platform::MacOs);
    }

    #[test]
    fn knows_wsl_by_its_kernel() {
        let kernel = "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x) (gcc)";
        assert!(System::new("linux", "ID=ubuntu\n", kernel).is_wsl);
        assert!(!System::new("linux", "ID=ubuntu\n", "Linux version 6.1.0-18-amd64").is_wsl);
    }
}
