//! Raw facts about this system, which `doctor::system` interprets.

use std::fs;
use std::path::{Path, PathBuf};

use super::user::{self, Membership};

/// Facts about this system.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `linux`, `macos`, …: the target system of this binary.
    pub os: &'static str,
    /// The text of `/etc/os-release`, empty if it doesn't exist.
    pub os_release: String,
    /// The kernel's version string (`/proc/version`), which mentions WSL.
    pub kernel: String,
    /// Whether systemd runs this machine.
    pub systemd: bool,
    /// The requested programs that are on PATH or in the folders for administrators.
    pub programs: Vec<String>,
    /// The text of `/etc/ufw/ufw.conf`, empty if it doesn't exist.
    pub ufw: String,
    /// Whether the user is root.
    pub is_root: bool,
    /// The user's membership in the group that can use Docker's socket.
    pub docker_group: Membership,
}

/// Reads the facts, looking for the given programs.
pub fn facts(programs: &[&str]) -> Facts {
    Facts {
        os: std::env::consts::OS,
        os_release: ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .unwrap_or_default(),
        kernel: fs::read_to_string("/proc/version").unwrap_or_default(),
        systemd: Path::new("/run/systemd/system").is_dir(),
        programs: programs
            .iter()
            .filter(|program| find_program(program).is_some())
            .map(ToString::to_string)
            .collect(),
        ufw: fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default(),
        is_root: user::is_root(),
        docker_group: user::membership("docker"),
    }
}

/// Finds a program on PATH, or in a folder for administrators that a user's PATH may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| {
            rustix::fs::access(candidate, rustix::fs::Access::EXEC_OK).is_ok()
                && candidate.is_file()
        })
}
