//! The user's own ssh, told not to ask anything.
//!
//! gix starts what `GIT_SSH_COMMAND`, `core.sshCommand` or `GIT_SSH` name. fitout adds BatchMode,
//! so that an unknown host key or a passphrase is an error and not a prompt that dozens of workers
//! share, and sends stderr to a file: it says why a connection failed, and would otherwise be
//! printed through the progress bars.

use std::path::Path;

use gix::bstr::{BString, ByteSlice};

/// Where one connection's ssh writes its stderr.
#[derive(Debug)]
pub(super) struct Log(tempfile::NamedTempFile);

impl Log {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Log(tempfile::Builder::new()
            .prefix("fitout-ssh-")
            .tempfile()?))
    }

    /// What ssh and the server said, warnings left out.
    pub(super) fn lines(&self) -> Vec<String> {
        std::fs::read(self.0.path())
            .unwrap_or_default()
            .to_str_lossy()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("Warning:"))
            .map(str::to_owned)
            .collect()
    }
}

/// Configuration that makes gix start the user's ssh in that way.
pub(super) fn overrides(config: &gix::config::File, log: &Log) -> Vec<BString> {
    let mut command = command(config);
    let is_openssh = is_openssh(&command);
    if let Some(log) = log.0.path().to_str() {
        command.push_str(" 2>>");
        command.push_str(&quoted(log));
    }
    let mut overrides: Vec<BString> = vec![format!("core.sshCommand={command}").into()];
    // Without it gix starts ssh one more time, only to find out which ssh it is.
    if is_openssh && config.string("ssh.variant").is_none() {
        overrides.push("ssh.variant=ssh".into());
    }
    overrides
}

/// The user's ssh command with BatchMode. gix counts `GIT_SSH_COMMAND` as `core.sshCommand`. A
/// wrapper of another name is started as it is: it may not know OpenSSH's options.
pub(in crate::git) fn command(config: &gix::config::File) -> String {
    let mut command = config
        .string("core.sshCommand")
        .map(|command| command.to_str_lossy().into_owned())
        .or_else(|| {
            // A program, not a command line: it may have spaces in its path.
            std::env::var("GIT_SSH")
                .ok()
                .map(|program| quoted(&program))
        })
        .unwrap_or_else(|| "ssh".to_owned());
    if is_openssh(&command) {
        command.push_str(" -o BatchMode=yes");
    }
    command
}

/// Whether the first word that is no assignment is a program called `ssh`.
fn is_openssh(command: &str) -> bool {
    command
        .split_whitespace()
        .find(|word| !word.contains('='))
        .and_then(|word| Path::new(word.trim_matches(['\'', '"'])).file_stem())
        .is_some_and(|stem| stem.eq_ignore_ascii_case("ssh"))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::is_openssh;

    #[test]
    fn only_openssh_gets_its_own_options() {
        for command in [
            "ssh",
            "/usr/bin/ssh -i key",
            "'/opt/x/ssh'",
            "LANG=C ssh -v",
        ] {
            assert!(is_openssh(command), "{command}");
        }
        for command in ["plink.exe", "my-ssh-wrapper -x", ""] {
            assert!(!is_openssh(command), "{command}");
        }
    }
}
