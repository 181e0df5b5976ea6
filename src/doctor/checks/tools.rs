//! Programs and limits of this machine: the group `tools`.

pub mod buildx;
pub mod compose;
pub mod disk;
pub mod docker;
pub mod engine;
pub mod git;
pub mod git_identity;
pub mod git_lfs;
pub mod inotify;
pub mod memory;
pub mod rootless;
pub mod version;
pub mod wsl;

/// One gibibyte.
const GIB: u64 = 1 << 30;

/// With one decimal, cut off rather than rounded up.
fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
}
