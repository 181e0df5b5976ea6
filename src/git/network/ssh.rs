//! The user's own ssh, told not to ask anything.
//!
//! gix starts what `GIT_SSH_COMMAND`, `core.sshCommand` or `GIT_SSH` name. fitout adds `BatchMode`,
//! so that an unknown host key or a passphrase is an error and not a prompt that dozens of workers
//! share, and sends stderr to a file: it says why a connection failed, and would otherwise be
//! printed through the progress bars.
//!
//! Whether a host is the right one is for a person to say: [`Host`] lets the user's ssh show them the
//! key and ask, and tells the key's fingerprint where nobody can be asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gix::bstr::{BString, ByteSlice};

use crate::git::url;
use crate::shell;

/// Where one connection's ssh writes its stderr, and the number of its process.
#[derive(Debug)]
pub(super) struct Log(tempfile::TempDir);

impl Log {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Log(tempfile::Builder::new()
            .prefix("fitout-ssh-")
            .tempdir()?))
    }

    /// What ssh and the server said, warnings left out.
    pub(super) fn lines(&self) -> Vec<String> {
        std::fs::read(self.stderr())
            .unwrap_or_default()
            .to_str_lossy()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("Warning:"))
            .map(str::to_owned)
            .collect()
    }

    /// There once ssh was started.
    pub(super) fn pid(&self) -> PathBuf {
        self.0.path().join("pid")
    }

    fn stderr(&self) -> PathBuf {
        self.0.path().join("stderr")
    }
}

/// Configuration that makes gix start the user's ssh in that way.
pub(super) fn overrides(config: &gix::config::File, log: &Log) -> Vec<BString> {
    let mut command = command(config);
    let is_openssh = is_openssh(&command);
    // Where a path can't be written down, ssh goes without.
    let word = |path: PathBuf| path.to_str().map(|path| shell::word(path).into_owned());
    if is_openssh && let Some(pid) = word(log.pid()) {
        // `env`, for a command that begins with assignments.
        command = format!("echo $$ > {pid}; exec env {command}");
    }
    if let Some(stderr) = word(log.stderr()) {
        command.push_str(" 2>>");
        command.push_str(&stderr);
    }
    let mut overrides: Vec<BString> = vec![format!("core.sshCommand={command}").into()];
    // Without it gix starts ssh one more time, only to find out which ssh it is.
    if is_openssh && config.string("ssh.variant").is_none() {
        overrides.push("ssh.variant=ssh".into());
    }
    overrides
}

/// The user's ssh command with `BatchMode`.
pub(in crate::git) fn command(config: &gix::config::File) -> String {
    let mut command = program(config);
    if is_openssh(&command) {
        command.push_str(" -o BatchMode=yes");
    }
    command
}

/// The user's ssh command. gix counts `GIT_SSH_COMMAND` as `core.sshCommand`. A wrapper of another
/// name is started as it is: it may not know OpenSSH's options.
fn program(config: &gix::config::File) -> String {
    config
        .string("core.sshCommand")
        .map(|command| command.to_str_lossy().into_owned())
        .or_else(|| {
            // A program, not a command line: it may have spaces in its path.
            std::env::var("GIT_SSH")
                .ok()
                .map(|program| shell::word(&program).into_owned())
        })
        .unwrap_or_else(|| "ssh".to_owned())
}

/// A host that is reached by OpenSSH.
#[derive(Debug)]
pub(super) struct Host {
    program: String,
    /// `-p 2222 git@host`
    destination: String,
}

impl Host {
    /// None for a URL of another protocol, and where the user's ssh is another program.
    pub(super) fn of(config: &gix::config::File, url: &str) -> Option<Self> {
        let host = Host {
            program: program(config),
            destination: url::ssh_destination(url),
        };
        // What would be an option is no host.
        let is_host = !url::host(url)?.starts_with('-');
        (url::is_ssh(url) && is_host && is_openssh(&host.program)).then_some(host)
    }

    /// Whether ssh would connect without a question about the host's key, as far as the
    /// configuration and the files of known hosts tell. Asks no server.
    pub(super) fn is_known(&self) -> bool {
        let Ok(output) = self.ssh(&["-G"]).output() else {
            return true;
        };
        let settings = String::from_utf8_lossy(&output.stdout);
        let setting = |name: &str| {
            settings
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let is_asked = matches!(
            setting("stricthostkeychecking"),
            None | Some("ask" | "true" | "yes")
        );
        if !output.status.success() || !is_asked || setting("knownhostscommand").is_some() {
            return true;
        }
        let host = setting("hostname").unwrap_or_default();
        let name = match (setting("hostkeyalias"), setting("port")) {
            (Some(alias), _) => alias.to_owned(),
            (None, None | Some("22")) => host.to_owned(),
            (None, Some(port)) => format!("[{host}]:{port}"),
        };
        ["userknownhostsfile", "globalknownhostsfile"]
            .into_iter()
            .filter_map(setting)
            .flat_map(str::split_whitespace)
            .any(|file| is_in(file, &name))
    }

    /// A key for this host that has a passphrase, and that no agent holds: nobody asks for it.
    pub(super) fn locked_key(&self) -> Option<PathBuf> {
        let output = self.ssh(&["-G"]).output().ok()?;
        let settings = String::from_utf8_lossy(&output.stdout);
        let files = settings
            .lines()
            .filter_map(|line| line.strip_prefix("identityfile "))
            .map(expanded);
        files
            .filter(|file| file.exists())
            .find(|file| has_passphrase(file) && !is_in_agent(file))
    }

    /// Lets the user's ssh show the host's key, ask about it on the terminal, and write it down.
    pub(super) fn introduce(&self) -> bool {
        let status = self
            .ssh(&["-T", "-o", "StrictHostKeyChecking=ask"])
            .arg("exit")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        status.is_ok() && self.is_known()
    }

    /// The key that the host shows: `ssh-ed25519 SHA256:…`. Where a jump host's key is not known, it
    /// is that one's.
    pub(super) fn key(&self) -> Option<String> {
        let output = self
            .ssh(&["-v", "-T", "-o", "BatchMode=yes"])
            .args(["-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"])
            .arg("exit")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        said.lines()
            .filter_map(|line| line.strip_prefix("debug1: Server host key: "))
            .next_back()
            .map(|key| key.trim().to_owned())
    }

    /// A command that writes the host's key down without a question.
    pub(super) fn accepting(&self) -> String {
        format!(
            "{} -o StrictHostKeyChecking=accept-new -T {} exit",
            self.program, self.destination
        )
    }

    fn ssh(&self, options: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{} \"$@\"", self.program), "ssh"])
            .args(options)
            .args(self.destination.split(' '))
            .env("LC_ALL", "C");
        command
    }
}

fn expanded(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), dirs::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(file).to_path_buf(),
    }
}

fn has_passphrase(key: &Path) -> bool {
    let mut command = Command::new("ssh-keygen");
    command.args(["-y", "-P", "", "-f"]).arg(key);
    let output = command.env("LC_ALL", "C").stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stderr).contains("incorrect passphrase")
    })
}

/// Whether the agent signs with a key, which is known by its public half.
fn is_in_agent(key: &Path) -> bool {
    let mut public = key.as_os_str().to_owned();
    public.push(".pub");
    let mut command = Command::new("ssh-add");
    command.arg("-T").arg(public).stdin(Stdio::null());
    let output = command.output();
    output.is_ok_and(|output| output.status.success())
}

fn is_in(file: &str, host: &str) -> bool {
    let mut command = Command::new("ssh-keygen");
    command.args(["-F", host, "-f"]).arg(expanded(file));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // Without the program to look it up, ssh has to say it.
    command.status().map_or(true, |status| status.success())
}

/// Whether the first word that is no assignment is a program called `ssh`.
fn is_openssh(command: &str) -> bool {
    shlex::split(command)
        .unwrap_or_default()
        .iter()
        .find(|word| !word.contains('='))
        .and_then(|word| Path::new(word).file_stem())
        .is_some_and(|stem| stem.eq_ignore_ascii_case("ssh"))
}

#[cfg(test)]
mod tests {
    use super::is_openssh;

    #[test]
    fn only_openssh_gets_its_own_options() {
        for command in [
            "ssh",
            "/usr/bin/ssh -i key",
            "'/opt/my tools/ssh'",
            "/opt/my\\ tools/ssh -v",
            "LANG=C ssh -v",
        ] {
            assert!(is_openssh(command), "{command}");
        }
        for command in ["plink.exe", "my-ssh-wrapper -x", "'not closed ssh", ""] {
            assert!(!is_openssh(command), "{command}");
        }
    }
}
