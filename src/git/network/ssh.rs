//! The user's own ssh, without prompts.
//!
//! Starts the command in `GIT_SSH_COMMAND`, `core.sshCommand` or `GIT_SSH` ([`super::program`]).
//! fitout adds `BatchMode`, so that an unknown host key or a passphrase is an error and not a
//! prompt that dozens of workers share, and redirects stderr to a file: it explains why a
//! connection failed, and would otherwise be printed over the progress bars.
//!
//! Only the user can confirm a host: [`Host`] makes the user's ssh show the key and prompt, and
//! returns the key's fingerprint if there is no terminal. `ssh-add` prompts for passphrases, before
//! the workers start ([`agent`]).

mod agent;

pub use agent::Holder;
pub(super) use agent::holder;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gix::bstr::{BString, ByteSlice};

use crate::git::error::SshSaid;
use crate::git::url;
use crate::host::process::Traced as _;
use crate::shell;
use crate::workspace::address;

/// Returns the environment of the user's ssh, including when another program starts it. `BatchMode`
/// is not passed on to the ssh for a jump host, but variables are. Prompts go to a program that
/// doesn't answer (OpenSSH 8.4 or newer). If this run has an agent, it is used.
pub(super) fn variables() -> Vec<(String, String)> {
    let never_asks = [("SSH_ASKPASS", "false"), ("SSH_ASKPASS_REQUIRE", "force")];
    let never_asks = never_asks.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let agent = agent::socket().map(|socket| ("SSH_AUTH_SOCK".to_owned(), socket));
    never_asks.into_iter().chain(agent).collect()
}

/// The files with the stderr and the process id of a connection's ssh.
#[derive(Debug)]
pub(in crate::git) struct Log(tempfile::TempDir);

impl Log {
    pub(in crate::git) fn new() -> std::io::Result<Self> {
        Ok(Log(tempfile::Builder::new()
            .prefix("fitout-ssh-")
            .tempdir()?))
    }

    /// Messages of ssh and the server, without warnings.
    pub(in crate::git) fn said(&self) -> SshSaid {
        let lines = |bytes: Vec<u8>| -> Vec<String> {
            let text = bytes.to_str_lossy();
            let lines = text.lines().map(str::trim);
            lines
                .filter(|line| !line.is_empty() && !line.starts_with("Warning:"))
                .map(str::to_owned)
                .collect()
        };
        SshSaid {
            own: std::fs::read(self.own()).ok().map(lines),
            others: lines(std::fs::read(self.stderr()).unwrap_or_default()),
        }
    }

    /// Exists once an OpenSSH was started.
    fn own(&self) -> PathBuf {
        self.0.path().join("log")
    }

    /// Exists once ssh was started.
    pub(super) fn pid(&self) -> PathBuf {
        self.0.path().join("pid")
    }

    fn stderr(&self) -> PathBuf {
        self.0.path().join("stderr")
    }
}

/// Returns configuration that runs the user's ssh in this way.
pub(super) fn overrides(config: &gix::config::File, log: &Log) -> Vec<BString> {
    let mut command = command(config, log);
    let is_openssh = is_openssh(&command);
    if is_openssh && let Some(pid) = word(&log.pid()) {
        let assignments = shell::assignments(&variables());
        // `env`, because the command may also begin with assignments.
        command = format!("echo $$ > {pid}; exec env {assignments} {command}");
    }
    let mut overrides: Vec<BString> = vec![format!("core.sshCommand={command}").into()];
    // Without this, ssh is started once more, only to detect its variant.
    if is_openssh && config.string("ssh.variant").is_none() {
        overrides.push("ssh.variant=ssh".into());
    }
    overrides
}

/// Returns the user's ssh command with `BatchMode`, with its own messages in one file and the
/// server's in another.
pub(in crate::git) fn command(config: &gix::config::File, log: &Log) -> String {
    let mut command = program(config);
    if is_openssh(&command) {
        command.push_str(" -o BatchMode=yes");
        if let Some(own) = word(&log.own()) {
            command.push_str(" -E ");
            command.push_str(&own);
        }
    }
    if let Some(stderr) = word(&log.stderr()) {
        command.push_str(" 2>>");
        command.push_str(&stderr);
    }
    command
}

/// Returns none if the path can't be expressed: ssh then runs without it.
fn word(path: &Path) -> Option<String> {
    path.to_str().map(|path| shell::word(path).into_owned())
}

/// Returns the user's ssh command. gix treats `GIT_SSH_COMMAND` as `core.sshCommand`. A wrapper
/// with another name is run unchanged: it may not support OpenSSH's options.
fn program(config: &gix::config::File) -> String {
    config
        .string("core.sshCommand")
        .map(|command| command.to_str_lossy().into_owned())
        .or_else(|| {
            // A program, not a command line: its path may contain spaces.
            std::env::var("GIT_SSH")
                .ok()
                .map(|program| shell::word(&program).into_owned())
        })
        .unwrap_or_else(|| "ssh".to_owned())
}

/// A host that is reached through OpenSSH.
#[derive(Debug)]
pub struct Host {
    program: String,
    /// `-p 2222 -- git@host`
    destination: Vec<String>,
    settings: OnceCell<Option<Settings>>,
}

impl Host {
    /// Returns none for a URL with another protocol, or if the user's ssh is another program.
    pub(super) fn of(config: &gix::config::File, url: &str) -> Option<Self> {
        let host = Host {
            program: program(config),
            destination: url::ssh_destination(url),
            settings: OnceCell::new(),
        };
        let is_safe = address::check_real(url).is_ok();
        (is_safe && url::is_ssh(url) && is_openssh(&host.program)).then_some(host)
    }

    /// Returns the user's effective configuration for this host. Contacts no server.
    fn settings(&self) -> Option<&Settings> {
        let ask = || {
            let output = self.ssh(&["-G"]).traced_output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success().then_some(Settings(text))
        };
        self.settings.get_or_init(ask).as_ref()
    }

    /// Whether ssh would connect without prompting for the host key, according to the configuration
    /// and the `known_hosts` files. Contacts no server.
    pub fn is_known(&self) -> bool {
        let Some(settings) = self.settings() else {
            return true;
        };
        let setting = |name| settings.all(name).next();
        let is_asked = matches!(
            setting("stricthostkeychecking"),
            None | Some("ask" | "true" | "yes")
        );
        if !is_asked || setting("knownhostscommand").is_some() {
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

    /// Returns the keys for this host, and its jump hosts, that have a passphrase and are not in an
    /// agent.
    pub(super) fn locked_keys(&self) -> Vec<PathBuf> {
        let Some(settings) = self.settings() else {
            return Vec::new();
        };
        let jumps = settings.all("proxyjump").flat_map(|jumps| jumps.split(','));
        let jumps: Vec<Host> = jumps.map(|jump| self.jump(jump)).collect();
        let on_the_way = jumps.iter().filter_map(Host::settings);
        let mut files = Vec::new();
        for settings in on_the_way.chain([settings]) {
            for file in settings.all("identityfile").map(expanded) {
                if file.exists() && !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        agent::locked(files)
    }

    /// A jump host: `[user@]host[:port]`, or a URL.
    fn jump(&self, jump: &str) -> Host {
        let address = jump.strip_prefix("ssh://").unwrap_or(jump);
        Host {
            program: self.program.clone(),
            destination: vec!["--".to_owned(), format!("ssh://{address}")],
            settings: OnceCell::new(),
        }
    }

    /// Lets the user unlock a key that has a passphrase, if the host accepts nothing else. On a
    /// terminal only; `announce` is called with the key, and who will hold it. Returns whether the
    /// host accepts the user's keys.
    pub fn unlock(&self, announce: &dyn Fn(&Path, Holder)) -> bool {
        let keys = self.locked_keys();
        let unlock = |key: &PathBuf| {
            let holder = agent::holder();
            announce(key, holder);
            agent::unlock(key, holder) && !self.refuses_all_keys()
        };
        keys.is_empty() || !self.refuses_all_keys() || keys.iter().any(unlock)
    }

    /// Whether the host rejects all keys that don't need a passphrase.
    fn refuses_all_keys(&self) -> bool {
        const FAILED: i32 = 255;
        self.knock(&[]).is_some_and(|output| {
            let said = String::from_utf8_lossy(&output.stderr);
            output.status.code() == Some(FAILED) && said.contains("Permission denied")
        })
    }

    /// Lets the user's ssh show the host key, prompt on the terminal, and store it. Returns whether
    /// the host is known now.
    pub fn introduce(&self) -> bool {
        // Quiet: a denied login is expected here.
        let options = [
            "-q",
            "-T",
            "-o",
            "StrictHostKeyChecking=ask",
            "-o",
            "PreferredAuthentications=none",
        ];
        let status = self
            .asking(&options)
            .arg("exit")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .traced_status();
        status.is_ok() && self.is_known()
    }

    /// Returns the host's key: `ssh-ed25519 SHA256:…`. If a jump host's key is unknown, that one is
    /// returned.
    pub(super) fn key(&self) -> Option<String> {
        let output = self.knock(&["-v", "-o", "StrictHostKeyChecking=yes"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        said.lines()
            .filter_map(|line| line.strip_prefix("debug1: Server host key: "))
            .next_back()
            .map(|key| key.trim().to_owned())
    }

    /// Returns a command that stores the host key without prompting.
    pub(super) fn accepting(&self) -> String {
        format!(
            "{} -o StrictHostKeyChecking=accept-new -T {} exit",
            self.program,
            shell::words(&self.destination)
        )
    }

    /// Returns the output of a connection that doesn't prompt or run anything.
    fn knock(&self, options: &[&str]) -> Option<Output> {
        let silent = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
        let mut command = self.ssh(&[&silent[..], options].concat());
        command
            .arg("exit")
            .stdin(Stdio::null())
            .traced_output()
            .ok()
    }

    fn ssh(&self, options: &[&str]) -> Command {
        let mut command = self.asking(options);
        command.envs(variables());
        command
    }

    /// Runs ssh on the terminal, for prompts. The arguments are the command for the host.
    fn asking(&self, options: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{} \"$@\"", self.program), "ssh"])
            .args(options)
            .args(&self.destination)
            .env("LC_ALL", "C");
        command
    }
}

/// The output of `ssh -G`: a name and a value per line.
#[derive(Debug)]
struct Settings(String);

impl Settings {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.lines().filter_map(|line| line.split_once(' '));
        values
            .filter(move |(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

fn expanded(file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), dirs::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(file).to_path_buf(),
    }
}

fn is_in(file: &str, host: &str) -> bool {
    let mut command = Command::new("ssh-keygen");
    command.args(["-F", host, "-f"]).arg(expanded(file));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // Without the program to look it up, ssh has to report it.
    command
        .traced_status()
        .map_or(true, |status| status.success())
}

/// Whether the first word that is not an assignment is a program named `ssh`.
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
