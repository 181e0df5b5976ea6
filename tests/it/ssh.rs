//! Over a real sshd: the user's own configuration, keys and known hosts.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::context::{Ran, TestContext, free_port};
use crate::sync::{Daemon, assert_cloned_as_git_does, varied_remote, wait_for_port};
use crate::terminal::{Prompt, on_a_terminal};

/// A server on loopback that lets `user_key` in, and a configuration that calls it `forge`.
pub struct Sshd {
    port: u16,
    key: PathBuf,
    _daemon: Daemon,
}

impl Sshd {
    pub fn start(context: &TestContext) -> Self {
        let port = free_port();
        let (host_key, key) = (keygen(context, "host_key"), keygen(context, "user_key"));
        fs::copy(key.with_extension("pub"), context.path("authorized_keys")).unwrap();
        context.write(
            "sshd_config",
            &format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n\
                 AcceptEnv GIT_PROTOCOL\n",
                host_key.display(),
                context.path("authorized_keys").display()
            ),
        );
        fs::create_dir_all("/run/sshd").unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(context.path("sshd_config"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Daemon(child);
        wait_for_port(port);
        // OpenSSH takes the home from the system's list of users, so the configuration is named.
        let command = format!("ssh -F {}", context.path("ssh_config").display());
        context.git(".", &["config", "--global", "core.sshCommand", &command]);
        Sshd {
            port,
            key,
            _daemon: daemon,
        }
    }

    /// Writes the user's configuration: `more` stands in the part for `forge`.
    pub fn configure(&self, context: &TestContext, more: &str) {
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
        let known_hosts = context.path("known_hosts");
        context.write(
            "ssh_config",
            &format!(
                "Host forge\n{more}\nHost *\n HostName 127.0.0.1\n Port {}\n User {user}\n \
                 UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n IdentitiesOnly no\n",
                self.port,
                known_hosts.display(),
            ),
        );
    }

    pub fn identity(&self) -> String {
        format!(" IdentityFile {}", self.key.display())
    }

    /// Has the user know a key that is not the server's.
    pub fn know_another(&self, context: &TestContext) {
        keygen(context, "another_key");
        let public = context.read("another_key.pub");
        context.write(
            "known_hosts",
            &format!("[127.0.0.1]:{} {public}", self.port),
        );
    }

    fn know(&self, context: &TestContext) {
        let public = context.read("host_key.pub");
        context.write(
            "known_hosts",
            &format!("[127.0.0.1]:{} {public}", self.port),
        );
    }

    pub fn url(context: &TestContext) -> String {
        let url = format!("forge:{}", context.path("remotes/varied.git").display());
        context.manifest(&format!("[repos.varied]\nurl = \"{url}\"\n"));
        url
    }

    fn shown(&self, context: &TestContext, ran: &Ran) -> String {
        ran.shown()
            .replace(&self.port.to_string(), "[PORT]")
            .replace(&fingerprint(context), "[FINGERPRINT]")
    }
}

fn keygen(context: &TestContext, name: &str) -> PathBuf {
    let file = context.path(name);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success());
    file
}

/// `SHA256:…` of the server's key.
fn fingerprint(context: &TestContext) -> String {
    let output = Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(context.path("host_key.pub"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
#[ignore = "needs sshd"]
fn a_clone_over_ssh_is_gits_clone() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    sshd.know(&context);
    assert_cloned_as_git_does(&context, &Sshd::url(&context));
}

#[test]
#[ignore = "needs sshd"]
fn an_unknown_host_is_an_error_with_its_fingerprint_and_the_command_that_accepts_it() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    Sshd::url(&context);
    let unknown = context.fitout(&["sync"]);
    insta::assert_snapshot!(sshd.shown(&context, &unknown), @r"
    exit: 1
    --- stdout
    repo    at  result  note
    varied      failed  the ssh key of forge is not known here: ssh-ed25519 [FINGERPRINT]; compare it with the one that its owner publishes
    --- stderr
    varied: failed: the ssh key of forge is not known here: ssh-ed25519 [FINGERPRINT]; compare it with the one that its owner publishes
    1 repo: 1 failed in [TIME]
    hint: varied: ssh -F [TMP]/ssh_config -o StrictHostKeyChecking=accept-new -T forge exit
    ");
    let command = unknown.stderr.lines().last().unwrap();
    let command = command.strip_prefix("hint: varied: ").unwrap();
    let command = command.replace(
        "[TMP]",
        context.path("").to_str().unwrap().trim_end_matches('/'),
    );
    let accepted = context
        .command("sh")
        .args(["-c", &command])
        .status()
        .unwrap();
    assert!(accepted.success(), "{command}");
    let known = context.fitout(&["sync"]);
    assert_eq!(known.code, Some(0), "{}", known.shown());
}

#[test]
#[ignore = "needs sshd"]
fn a_host_whose_key_has_changed_is_never_accepted() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    Sshd::url(&context);
    keygen(&context, "other_key");
    let other = context.read("other_key.pub");
    context.write("known_hosts", &format!("[127.0.0.1]:{} {other}", sshd.port));
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout
            .contains("the ssh key of forge is not the one in known_hosts"),
        "{}",
        ran.shown()
    );
    assert!(!ran.stderr.contains("accept-new"), "{}", ran.shown());
}

#[test]
#[ignore = "needs sshd"]
fn on_a_terminal_an_unknown_host_is_shown_and_asked_about() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    // Which protocol it is, the user's configuration decides.
    let key = format!("url.forge:{}/.insteadOf", context.path("remotes").display());
    context.git(".", &["config", "--global", &key, "https://forge.example/"]);
    context.manifest("[repos.varied]\nurl = \"https://forge.example/varied.git\"\n");
    let fingerprint = fingerprint(&context);
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &[(&fingerprint, "no")]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(!context.path("known_hosts").exists(), "{screen}");
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &[(&fingerprint, "yes")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("1 repo: 1 cloned"), "{screen}");
}

#[test]
#[ignore = "needs sshd"]
fn a_key_that_waits_for_its_passphrase_is_named_and_never_asked_for_by_a_worker() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(
        &context,
        &format!("{}\n IdentitiesOnly yes", sshd.identity()),
    );
    sshd.know(&context);
    Sshd::url(&context);
    let locked = Command::new("ssh-keygen")
        .args(["-q", "-p", "-N", "secret", "-f"])
        .arg(&sshd.key)
        .status()
        .unwrap();
    assert!(locked.success());
    let ran = context.fitout(&["sync"]);
    let reason = "forge accepts none of your ssh keys: [TMP]/user_key has a passphrase, and no agent \
                  holds it";
    assert!(ran.stdout.contains(reason), "{}", ran.shown());
    let hint = "hint: varied: eval \"$(ssh-agent)\" && ssh-add [TMP]/user_key\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.shown());
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &[]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(!screen.contains("Enter passphrase"), "{screen}");
}

#[test]
#[ignore = "needs sshd"]
fn a_jump_host_and_an_agent_are_used_as_ssh_is_set_up() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    sshd.configure(&context, " ProxyJump jump\n");
    sshd.know(&context);
    Sshd::url(&context);
    let socket = context.path("agent");
    let agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _agent = Daemon(agent);
    while !socket.exists() {
        std::thread::yield_now();
    }
    let with_agent = || {
        let mut command = context.fitout_command(&["sync"]);
        command.env("SSH_AUTH_SOCK", &socket);
        context.ran(&command.output().unwrap())
    };
    let empty = with_agent();
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(&sshd.key)
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    assert!(added.success());
    let full = with_agent();
    assert!(
        empty.stdout.contains("forge accepts none of your ssh keys"),
        "{}",
        empty.shown()
    );
    assert_eq!(full.code, Some(0), "{}", full.shown());
}
