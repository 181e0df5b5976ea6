//! Over a real sshd: the user's own configuration, keys and known hosts.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::context::{Ran, TestContext, free_port, until};
use crate::sync::{Daemon, assert_cloned_as_git_does, varied_remote, wait_for_port};
use crate::terminal::{Prompt, on_a_terminal, talk};

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

    pub fn know(&self, context: &TestContext) {
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
    varied      failed  the ssh host key of forge is not known here: ssh-ed25519 [FINGERPRINT]; compare it with the one that its owner publishes
    --- stderr
    varied: failed: the ssh host key of forge is not known here: ssh-ed25519 [FINGERPRINT]; compare it with the one that its owner publishes
    1 repo: 1 failed in [TIME]
    hint: varied: ssh -F [TMP]/ssh_config -o StrictHostKeyChecking=accept-new -T -- forge exit
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
            .contains("the ssh host key of forge is not the one in known_hosts"),
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
fn an_unknown_host_and_a_locked_key_are_one_question_each() {
    let context = TestContext::new();
    let _sshd = with_a_locked_key(&context);
    fs::remove_file(context.path("known_hosts")).unwrap();
    let dialogue = [("(yes/no/[fingerprint])", "yes"), ("Enter pass", "secret")];
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &dialogue);
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("Enter passphrase").count(), 1, "{screen}");
    assert!(!screen.contains("Permission denied"), "{screen}");
}

/// A workspace of two repos of `forge`, which accepts one key, and that key has a passphrase.
fn with_a_locked_key(context: &TestContext) -> Sshd {
    varied_remote(context);
    let sshd = Sshd::start(context);
    sshd.configure(
        context,
        &format!("{}\n IdentitiesOnly yes", sshd.identity()),
    );
    sshd.know(context);
    let remote = context.path("remotes/varied.git");
    let url = format!("url = \"forge:{}\"", remote.display());
    context.manifest(&format!("[repos.one]\n{url}\n[repos.two]\n{url}\n"));
    let locked = Command::new("ssh-keygen")
        .args(["-q", "-p", "-N", "secret", "-f"])
        .arg(&sshd.key)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(locked.success());
    sshd
}

/// `ssh-agent`, with a socket of that name.
fn agent(context: &TestContext, name: &str) -> (Daemon, PathBuf) {
    let socket = context.path(name);
    let agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the agent listens", || socket.exists());
    (Daemon(agent), socket)
}

#[test]
#[ignore = "needs sshd"]
fn without_a_terminal_a_key_that_has_a_passphrase_is_named() {
    let context = TestContext::new();
    let _sshd = with_a_locked_key(&context);
    let ran = context.fitout(&["sync"]);
    let reason = "forge accepts none of your ssh keys: [TMP]/user_key has a passphrase, and no agent \
                  holds it";
    assert!(ran.stdout.contains(reason), "{}", ran.shown());
    let hint = "hint: one, two: eval \"$(ssh-agent)\" && ssh-add [TMP]/user_key\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.shown());
}

#[test]
#[ignore = "needs sshd"]
fn a_passphrase_is_asked_for_once_and_its_key_is_gone_with_the_run() {
    let context = TestContext::new();
    let sshd = with_a_locked_key(&context);
    context.write("tmp/.keep", "");
    let mut sync = context.fitout_command(&["sync"]);
    // Where the socket of an agent is made.
    sync.env("TMPDIR", context.path("tmp"));
    let passphrases = [("Enter passphrase", "wrong"), ("Bad passphrase", "secret")];
    let (code, screen) = talk(&sync, Prompt::Ssh, &passphrases);
    assert_eq!(code, Some(0), "{screen}");
    let why = format!(
        "forge requires an ssh key, and {} has a passphrase; fitout will hold it until it exits",
        sshd.key.display()
    );
    assert!(screen.contains(&why), "{screen}");
    assert_eq!(screen.matches("Enter passphrase").count(), 1, "{screen}");
    assert!(screen.contains("2 repos: 2 cloned"), "{screen}");

    // The agent looks every ten seconds whether it is still wanted.
    until("the agent of the run ends", || {
        fs::read_dir(context.path("tmp")).unwrap().count() == 1
    });
}

#[test]
#[ignore = "needs sshd"]
fn a_key_goes_to_the_agent_that_the_user_runs() {
    let context = TestContext::new();
    let _sshd = with_a_locked_key(&context);
    let (_agent, socket) = agent(&context, "agent");
    let mut sync = context.fitout_command(&["sync"]);
    sync.env("SSH_AUTH_SOCK", &socket);
    let (code, screen) = talk(&sync, Prompt::Ssh, &[("Enter passphrase", "secret")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("your ssh-agent will hold it"), "{screen}");
    // So nobody asks again.
    let ran = context.ran(&sync.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
}

#[test]
#[ignore = "needs sshd"]
fn the_cli_backend_uses_the_unlocked_key_too() {
    let context = TestContext::new();
    let _sshd = with_a_locked_key(&context);
    context.write("ws/workspace.local.toml", "[git]\nbackend = \"cli\"\n");
    let sync = context.fitout_command(&["sync"]);
    let (code, screen) = talk(&sync, Prompt::Ssh, &[("Enter passphrase", "secret")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("2 repos: 2 cloned"), "{screen}");
}

#[test]
#[ignore = "needs sshd"]
fn who_gives_no_passphrase_is_not_asked_again() {
    let context = TestContext::new();
    let _sshd = with_a_locked_key(&context);
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &[("Enter pass", "")]);
    assert_eq!(code, Some(1), "{screen}");
    assert_eq!(screen.matches("Enter passphrase").count(), 1, "{screen}");
    assert!(screen.contains("&& ssh-add "), "{screen}");
}

#[test]
#[ignore = "needs sshd"]
fn a_passphrase_that_is_not_needed_is_not_asked_for() {
    let context = TestContext::new();
    let sshd = with_a_locked_key(&context);
    let open = keygen(&context, "open_key");
    fs::copy(open.with_extension("pub"), context.path("authorized_keys")).unwrap();
    let identities = format!("{}\n IdentityFile {}", sshd.identity(), open.display());
    sshd.configure(&context, &format!("{identities}\n IdentitiesOnly yes"));
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ssh, &[]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("passphrase"), "{screen}");
}

#[test]
#[ignore = "needs sshd"]
fn the_passphrase_of_a_key_for_a_jump_host_is_asked_for_as_well() {
    let context = TestContext::new();
    let sshd = with_a_locked_key(&context);
    let open = keygen(&context, "open_key");
    let mut authorized = fs::read_to_string(context.path("authorized_keys")).unwrap();
    authorized += &fs::read_to_string(open.with_extension("pub")).unwrap();
    context.write("authorized_keys", &authorized);
    let (open, locked) = (open.display(), sshd.identity());
    let hosts = format!(" IdentityFile {open}\n ProxyJump jump\nHost jump\n{locked}");
    sshd.configure(&context, &hosts);
    let dialogue = |answer| [("Enter passphrase", answer)];
    let sync = |answer| on_a_terminal(&context, &["sync"], Prompt::Ssh, &dialogue(answer));
    let (code, screen) = sync("");
    assert_eq!(code, Some(1), "{screen}");
    assert_eq!(screen.matches("Enter passphrase").count(), 1, "{screen}");
    let (code, screen) = sync("secret");
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("Enter passphrase").count(), 1, "{screen}");
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
    let (_agent, socket) = agent(&context, "agent");
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

#[test]
#[ignore = "needs sshd"]
fn a_repository_that_a_host_does_not_have_is_missing_whatever_it_is_called() {
    let context = TestContext::new();
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    sshd.know(&context);
    let names = [
        "edge-proxy",
        "permission-denied",
        "connection-refused",
        "host%20key%20verification%20failed.",
        "x%20could%20not%20resolve%20host",
    ];
    for backend in ["built-in", "cli"] {
        let personal = format!("[git]\nbackend = \"{backend}\"\n");
        context.write("ws/workspace.local.toml", &personal);
        for name in names {
            context.manifest(&format!("[repos.x]\nurl = \"ssh://forge/{name}\"\n"));
            let ran = context.fitout(&["sync"]);
            let reason = "forge has no such repository, or you don't have access to it";
            assert!(ran.stdout.contains(reason), "{backend}: {}", ran.shown());
        }
    }
}

#[test]
#[ignore = "needs sshd"]
fn what_a_server_says_over_ssh_decides_nothing() {
    let context = TestContext::new();
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    sshd.know(&context);
    // The server runs this in the place of git: a forge's own program.
    let says = "command=\"printf 'Host key verification failed.\\ngit@x: Permission denied (publickey).\\n\
                ssh: connect to host x port 22: Connection refused\\n' >&2; exit 1\" ";
    let key = context.read("authorized_keys");
    context.write("authorized_keys", &format!("{says}{key}"));
    for backend in ["built-in", "cli"] {
        let personal = format!("[git]\nbackend = \"{backend}\"\n");
        context.write("ws/workspace.local.toml", &personal);
        context.manifest("[repos.x]\nurl = \"forge:acme/x\"\n");
        let ran = context.fitout(&["sync"]);
        let reason = "forge has no such repository, or you don't have access to it";
        assert!(ran.stdout.contains(reason), "{backend}: {}", ran.shown());
    }
}
