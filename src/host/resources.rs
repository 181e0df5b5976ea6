//! Disk and memory of this machine.

use std::fs;
use std::path::Path;

/// Bytes that this user can still write to the disk that holds `folder`.
pub fn free_disk(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Memory of this machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What is built in.
    pub total: u64,
    /// What programs can still get without swapping.
    pub available: u64,
}

/// Reads `/proc/meminfo`; nothing where there is none.
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
