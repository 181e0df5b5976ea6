//! Runs the program that connects to a remote: the user's ssh, or git itself for a local
//! repository.
//!
//! gix could start it, but then its output would be read without a limit.

use std::ffi::OsString;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gix::bstr::{BString, ByteSlice};
use gix::error::message;
use gix::protocol::transport::client::blocking_io::ssh::ProgramKind;
use gix::protocol::transport::client::blocking_io::{RequestWriter, SetServiceResponse, Transport};
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use gix::protocol::transport::client::{self, MessageKind, TransportWithoutIO, WriteMode};
use gix::protocol::transport::{Protocol, Service};
use gix::url::{ArgumentSafety, Scheme};

use super::allowance::Limited;
use super::http::Session;
use super::line::url_and_version;

use crate::host::process::Traced as _;

/// What the server should run.
const UPLOAD_PACK: &str = "git-upload-pack";

/// Returns our own transport for a remote, instead of gix's; none for a protocol that needs no
/// program.
pub(super) fn transport(
    remote: &gix::Remote<'_>,
    session: &Session,
) -> gix::Result<Option<Box<dyn Transport + Send>>> {
    let (url, version) = url_and_version(remote)?;
    let mut command = match url.scheme {
        Scheme::Ssh => ssh(remote.repo(), &url, version)?,
        Scheme::File => upload_pack(&url, version)?,
        _ => return Ok(None),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.traced_spawn().map_err(|source| {
        let command = command.get_program().to_owned();
        gix::Error::from_error(client::Error::InvokeProgram { source, command })
    })?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(gix::Error::from_error(message!("a program without pipes")));
    };
    let trace_packets = false;
    let connection = Connection::new(
        Limited::new(stdout, session),
        stdin,
        version,
        url.path.clone(),
        None::<(&str, _)>,
        ConnectMode::Process,
        trace_packets,
    );
    Ok(Some(Box::new(Program {
        connection: connection.custom_url(Some(url.to_bstring())),
        child,
    })))
}

/// git with the user's configuration, but without `-c` settings, which are for the local side.
fn upload_pack(url: &gix::Url, version: Protocol) -> gix::Result<Command> {
    let mut command = Command::new("git");
    command.args(["upload-pack", "--"]);
    command.arg(gix::path::from_bstr(url.path.as_bstr())?.as_os_str());
    for name in ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
        command.env_remove(name);
    }
    speak(&mut command, version);
    command.stderr(Stdio::null());
    Ok(command)
}

/// The user's configured ssh ([`super::ssh::overrides`]), with the options of its variant (git's
/// `ssh.variant`).
fn ssh(repository: &gix::Repository, url: &gix::Url, version: Protocol) -> gix::Result<Command> {
    let options = repository.ssh_connect_options()?;
    let program = options.ssh_command();
    let (ArgumentSafety::Usable(host), path) = (url.host_as_argument(), path(url)?) else {
        return Err(refused("its host can't be passed to ssh"));
    };
    let kind = match options.kind {
        Some(kind) => kind,
        None => match ProgramKind::from(program) {
            ProgramKind::Simple if is_like_openssh(program, host) => ProgramKind::Ssh,
            kind => kind,
        },
    };
    let mut command = in_shell(program);
    match kind {
        ProgramKind::Ssh => {
            if version != Protocol::V1 {
                command.args(["-o", "SendEnv=GIT_PROTOCOL"]);
                speak(&mut command, version);
            }
            command.args(url.port.map(|port| format!("-p{port}")));
        }
        ProgramKind::Plink | ProgramKind::Putty | ProgramKind::TortoisePlink => {
            if kind == ProgramKind::TortoisePlink {
                command.arg("-batch");
            }
            if let Some(port) = url.port {
                command.args(["-P".to_owned(), port.to_string()]);
            }
        }
        ProgramKind::Simple if url.port.is_some() => {
            return Err(refused(
                "this ssh doesn't support a port: see git's `ssh.variant`",
            ));
        }
        ProgramKind::Simple => {}
    }
    if kind == ProgramKind::Ssh {
        command.arg("--");
    }
    command.arg(match url.user_as_argument() {
        ArgumentSafety::Usable(user) => format!("{user}@{host}"),
        ArgumentSafety::Absent => host.to_owned(),
        ArgumentSafety::Dangerous(_) => return Err(refused("its user can't be passed to ssh")),
    });
    command.args([UPLOAD_PACK.to_owned(), path]);
    // Its own messages are evaluated.
    command.env("LANG", "C").env("LC_ALL", "C");
    command.stderr(Stdio::null());
    Ok(command)
}

/// Returns the repository's path, quoted for a remote shell.
fn path(url: &gix::Url) -> gix::Result<String> {
    let path: BString = gix::url::expand_path::for_shell(url.path.clone());
    if path.trim_start().starts_with(b"-") {
        return Err(refused("its path begins with `-`"));
    }
    Ok(gix::quote::single(path.as_bstr())
        .to_str_lossy()
        .into_owned())
}

fn refused(why: &'static str) -> gix::Error {
    gix::Error::from_error(message(why))
}

/// Runs a command line of the user, followed by arguments.
fn in_shell(line: &std::ffi::OsStr) -> Command {
    let mut script: OsString = line.to_owned();
    script.push(" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("ssh");
    command
}

/// Requests a protocol version like git: version 1 is not requested.
fn speak(command: &mut Command, version: Protocol) {
    if version != Protocol::V1 {
        command.env("GIT_PROTOCOL", format!("version={}", version as usize));
    }
}

/// Whether a program with another name supports OpenSSH's options: detected as in git.
fn is_like_openssh(program: &std::ffi::OsStr, host: &str) -> bool {
    let mut command = in_shell(program);
    command.args(["-G", host]).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.traced_status().is_ok_and(|status| status.success())
}

/// A program that runs as long as the connection is used.
struct Program {
    connection: Connection<Limited<ChildStdout>, ChildStdin>,
    child: Child,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have exited by itself; otherwise nobody is listening any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TransportWithoutIO for Program {
    fn to_url(&self) -> std::borrow::Cow<'_, gix::bstr::BStr> {
        self.connection.to_url()
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        true
    }

    fn configure(&mut self, _: &dyn std::any::Any) -> gix::Result {
        Ok(())
    }
}

impl Transport for Program {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        self.connection.handshake(service, extra_parameters)
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        self.connection.request(write_mode, on_into_read, trace)
    }
}
