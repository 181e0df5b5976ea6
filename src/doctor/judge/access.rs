//! Verdicts on the servers that repos come from.

use super::one_line;
use crate::doctor::check::{Outcome, Remedy, Server};
use crate::doctor::finding::{AccessSeen, Closed};

/// A server that does not answer is a warning: what is cloned works without it.
pub(super) fn access(seen: AccessSeen, server: &Server) -> Outcome {
    let Server {
        host, transport, ..
    } = server;
    let (why, reason, command) = match seen {
        AccessSeen::Open => return Outcome::pass(format!("{host} answers")),
        AccessSeen::InTheClear => {
            let found = format!("{host} answers, and gets your login over plain http");
            let https = format!("set an https `url` for `{}` in workspace.toml", server.repo);
            return Outcome::warn(found, Remedy::note(https));
        }
        AccessSeen::Closed {
            why,
            reason,
            command,
        } => (why, one_line(&reason), command),
    };
    let show = Remedy {
        run: command.into_iter().collect(),
        note: None,
    };
    let compare = format!("compare the fingerprint with the one that {host} publishes");
    let remedy = match why {
        Closed::Unreachable => return Outcome::warn(reason, show),
        Closed::Other => show,
        Closed::HostKey => show.and_note(compare),
        Closed::HostKeyChanged => forget_host(host).and_note(format!(
            "only when its owner says that the key is new; then {compare}"
        )),
        Closed::Login if transport == "ssh" => {
            Remedy::run("ssh-add -l || ls ~/.ssh/*.pub || ssh-keygen -t ed25519")
                .and_note(format!("then add the public key to your account at {host}"))
        }
        Closed::Login => log_in(show, server),
        Closed::NoAccess => {
            let note = "check its `url` in workspace.toml, and ask for access to it";
            let found = format!("{reason}: `{}`", server.repo);
            return Outcome::fail(found, show.and_note(note));
        }
    };
    Outcome::fail(reason, remedy)
}

fn forget_host(host: &str) -> Remedy {
    Remedy::run(match host.rsplit_once(':') {
        Some((name, port)) => format!("ssh-keygen -R '[{name}]:{port}'"),
        None => format!("ssh-keygen -R {host}"),
    })
}

/// What a credential helper keeps is thrown away first: git would use it again.
fn log_in(ask: Remedy, server: &Server) -> Remedy {
    let forget = Remedy::run(format!(
        "printf 'protocol={}\\nhost={}\\n\\n' | git credential reject",
        server.transport, server.host
    ));
    let remedy = ask.run.into_iter().fold(forget, Remedy::and_run);
    remedy.and_note(
        "the last asks for your name and token; to have git keep them: \
         git config --global credential.helper store",
    )
}
