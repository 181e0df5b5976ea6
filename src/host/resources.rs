//! Disk, memory and cores of this machine.

use std::fs;
use std::path::Path;

/// Returns the number of cores that this process can use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the number of bytes that this user can still write to the disk of `folder`.
pub fn free_disk(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Memory of this machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The total.
    pub total: u64,
    /// The memory available without swapping.
    pub available: u64,
}

/// Reads `/proc/meminfo`; returns none if it doesn't exist.
pub fn memory() -> Option<Memory> {
    parse_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    Some(Memory {
        total: field("MemTotal:")?,
        available: field("MemAvailable:")?,
    })
}

/// The kernel's limits on watching files, for one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inotify {
    /// `max_user_watches`.
    pub watches: u64,
    /// `max_user_instances`.
    pub instances: u64,
}

/// Reads `/proc/sys/fs/inotify`; returns none if it doesn't exist.
pub fn inotify() -> Option<Inotify> {
    let limit = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?;
        text.trim().parse().ok()
    };
    Some(Inotify {
        watches: limit("max_user_watches")?,
        instances: limit("max_user_instances")?,
    })
}

/// Whether `folder` is on a 9P file system: in WSL, a Windows drive.
#[cfg(target_os = "linux")]
pub fn is_over_9p(folder: &Path) -> bool {
    // linux/magic.h, V9FS_MAGIC.
    const V9FS: i64 = 0x0102_1997;
    rustix::fs::statfs(folder).is_ok_and(|disk| disk.f_type == V9FS)
}

/// Always false on other systems.
#[cfg(not(target_os = "linux"))]
pub fn is_over_9p(_folder: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_memory_table() {
        let text = "MemTotal:       16303444 kB\nMemFree:  1 kB\nMemAvailable:    8000000 kB\n";
        assert_eq!(
            parse_meminfo(text),
            Some(Memory {
                total: 16_303_444 * 1024,
                available: 8_000_000 * 1024
            })
        );
        assert_eq!(parse_meminfo("nothing"), None);
    }
}
