//! What system this is, as raw facts: what it means is for `doctor::system` to say.

use std::fs;
use std::path::{Path, PathBuf};

use super::user::{self, Membership};

/// What can be read of this system without asking anyone.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `linux`, `macos`, …: the system that this binary is built for.
    pub os: &'static str,
    /// The text of `/etc/os-release`, empty where there is none.
    pub os_release: String,
    /// The kernel's own words (`/proc/version`), which name WSL.
    pub kernel: String,
    /// systemd runs this machine.
    pub systemd: bool,
    /// Of the programs asked for, those on PATH or in the folders for administrators.
    pub programs: Vec<String>,
    /// The text of `/etc/ufw/ufw.conf`, empty where there is none.
    pub ufw: String,
    /// No `sudo` needed.
    pub is_root: bool,
    /// How the user stands to the group that may use Docker's socket.
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

/// Where a program is: on PATH, or in a folder for administrators that a user's PATH may leave out.
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
