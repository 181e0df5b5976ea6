//! `access.HOST.TRANSPORT`: the servers that repos are cloned from, each asked for its first repo.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Cause, GitError, Machine, Privacy};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line};
use crate::doctor::setting::Setting;
use crate::workspace::Repo;

/// A server serves a repo over the transport that it is cloned with.
#[derive(Clone)]
pub struct Access {
    /// `git.example`, with the port if the URL has one.
    host: String,
    /// `ssh`, `https`, …
    transport: String,
    /// The repo to request.
    repo: String,
    /// Its URL.
    url: String,
}

impl Access {
    /// Returns a check per server and transport, with its first repo. Local paths need none.
    pub fn each(repos: &[&Repo]) -> Vec<Self> {
        let mut servers: Vec<Access> = Vec::new();
        for repo in repos {
            let Some((transport, host)) = server(&repo.url) else {
                continue;
            };
            let is_known = |known: &Access| known.transport == transport && known.host == host;
            if !servers.iter().any(is_known) {
                servers.push(Access {
                    host: host.to_owned(),
                    transport: transport.to_owned(),
                    repo: repo.name.clone(),
                    url: repo.url.clone(),
                });
            }
        }
        servers
    }
}

/// A server's answer to the request for a repo.
pub enum Seen {
    /// It answers.
    Open,
    /// It responds, but to a login that others on the network can read.
    InTheClear,
    /// It does not.
    Closed {
        /// Why.
        why: Why,
        /// The same in words.
        reason: String,
        /// A command that shows or fixes it.
        command: Option<String>,
    },
}

/// Why a server doesn't serve a repo.
pub enum Why {
    /// It requires other keys or another login.
    Login,
    /// ssh does not know the host's key.
    HostKey,
    /// ssh knows another key of that host.
    HostKeyChanged,
    /// It has no such repo, or not for this user.
    NoAccess,
    /// It doesn't respond now: the network, a VPN, the server.
    Unreachable,
    /// Anything else.
    Other,
}

impl Check for Access {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "access.HOST.TRANSPORT",
        in_order: "the host serves its first repo in the manifest, requested as for a clone",
        otherwise: &[
            (
                Status::Fail,
                "no login, wrong login, no accepted ssh key, unknown or changed host key, no such repo, untrusted certificate",
            ),
            (
                Status::Warn,
                "it doesn't respond, or a login is sent over plain http",
            ),
        ],
        fixed_by: "`git ls-remote`, `git credential reject`, `ssh -T`, `ssh-keygen -R`",
    };

    fn about(&self) -> About {
        let Access {
            host, transport, ..
        } = self;
        About::new(
            format!("access.{host}.{transport}"),
            format!("{host} can be cloned from over {transport}"),
        )
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        Ok(match machine.ask_for_repo(&self.url) {
            Ok(Privacy::Kept) => Seen::Open,
            Ok(Privacy::InTheClear) => Seen::InTheClear,
            Err(error) => Seen::Closed {
                why: why(&error),
                reason: error.reason,
                command: error.command,
            },
        })
    }

    /// A server that doesn't respond is a warning: existing clones work without it.
    fn judge(&self, seen: Seen, _: &Setting) -> Outcome {
        let Access {
            host, transport, ..
        } = self;
        let (why, reason, command) = match seen {
            Seen::Open => return Outcome::pass(format!("{host} responds")),
            Seen::InTheClear => {
                let found = format!("{host} responds, but gets your login over plain http");
                let https = format!("set an https `url` for `{}` in workspace.toml", self.repo);
                return Outcome::warn(found, Remedy::note(https));
            }
            Seen::Closed {
                why,
                reason,
                command,
            } => (why, one_line(&reason), command),
        };
        let show = Remedy {
            run: command.into_iter().collect(),
            note: None,
        };
        let compare = format!("compare the fingerprint with the one published by {host}");
        let remedy = match why {
            Why::Unreachable => return Outcome::warn(reason, show),
            Why::Other => show,
            Why::HostKey => show.and_note(compare),
            Why::HostKeyChanged => forget_host(host).and_note(format!(
                "only if its owner confirms the new key; then {compare}"
            )),
            Why::Login if transport == "ssh" => {
                Remedy::run("ssh-add -l || ls ~/.ssh/*.pub || ssh-keygen -t ed25519")
                    .and_note(format!("then add the public key to your account at {host}"))
            }
            Why::Login => self.log_in(show),
            Why::NoAccess => {
                let note = "check its `url` in workspace.toml, and ask for access to it";
                let found = format!("{reason}: `{}`", self.repo);
                return Outcome::fail(found, show.and_note(note));
            }
        };
        Outcome::fail(reason, remedy)
    }
}

impl Access {
    /// The login stored by a credential helper is rejected first: git would use it again.
    fn log_in(&self, ask: Remedy) -> Remedy {
        let forget = Remedy::run(format!(
            "printf 'protocol={}\\nhost={}\\n\\n' | git credential reject",
            self.transport, self.host
        ));
        let remedy = ask.run.into_iter().fold(forget, Remedy::and_run);
        remedy.and_note(
            "the last one prompts for your user name and token; to make git store them: \
         git config --global credential.helper store",
        )
    }
}

fn why(error: &GitError) -> Why {
    match error.cause {
        Cause::Login | Cause::LoginRefused => Why::Login,
        Cause::HostKey => Why::HostKey,
        Cause::HostKeyChanged => Why::HostKeyChanged,
        Cause::NotFound | Cause::Forbidden | Cause::Refusal => Why::NoAccess,
        Cause::UnknownHost
        | Cause::Refused
        | Cause::Timeout
        | Cause::Unreachable
        | Cause::Connection
        | Cause::Busy => Why::Unreachable,
        _ => Why::Other,
    }
}

fn forget_host(host: &str) -> Remedy {
    Remedy::run(match host.rsplit_once(':') {
        Some((name, port)) => format!("ssh-keygen -R '[{name}]:{port}'"),
        None => format!("ssh-keygen -R {host}"),
    })
}

/// Returns the transport of a URL, and the host with its port; none for a path.
fn server(url: &str) -> Option<(&str, &str)> {
    let (transport, authority) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((scheme, rest)) => (
            scheme.strip_prefix("git+").unwrap_or(scheme),
            rest.split('/').next()?,
        ),
        // As git decides: `host:path` has its colon before any slash.
        None => {
            let (host, _) = url
                .split_once(':')
                .filter(|(host, _)| !host.contains('/'))?;
            ("ssh", host)
        }
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some((transport, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{examples_of, parse};

    #[test]
    fn a_server_is_asked_once_a_transport() {
        let repo = |number: usize, url: &str| format!("[repos.r{number}]\nurl = \"{url}\"\n");
        let urls = [
            "git@git.example:acme/a.git",
            "ssh://git@git.example/acme/b.git",
            "https://user:token@git.example:8443/c",
            "https://git.example/d",
            "../e.git",
            "file:///f",
        ];
        let manifest: String = urls
            .iter()
            .enumerate()
            .map(|(number, url)| repo(number, url))
            .collect();
        let workspace = parse(&manifest);
        let checks = Access::each(&workspace.repos.iter().collect::<Vec<_>>());
        let ids: Vec<String> = checks.iter().map(|check| check.about().id).collect();
        assert_eq!(
            ids,
            [
                "access.git.example.ssh",
                "access.git.example:8443.https",
                "access.git.example.https"
            ]
        );
    }

    #[test]
    fn each_reason_has_its_own_remedy() {
        let server = |transport: &str| Access {
            host: "git.example:8443".to_owned(),
            transport: transport.to_owned(),
            repo: "api".to_owned(),
            url: String::new(),
        };
        let closed = |transport: &str, why, reason: &str, command: Option<&str>| {
            let seen = Seen::Closed {
                why,
                reason: reason.to_owned(),
                command: command.map(str::to_owned),
            };
            (server(transport), seen)
        };
        let (ls, ssh) = (Some("git ls-remote URL"), Some("ssh -T git@git.example"));
        let seen = [
            (server("https"), Seen::Open),
            closed("https", Why::Login, "it rejects the login", ls),
            closed("ssh", Why::Login, "it accepts none of your ssh keys", ssh),
            (server("http"), Seen::InTheClear),
            closed("ssh", Why::HostKey, "its ssh key is not known here", ssh),
            closed(
                "ssh",
                Why::HostKeyChanged,
                "its ssh key is another one",
                ssh,
            ),
            closed("https", Why::NoAccess, "it has no such repository", ls),
            closed("https", Why::Unreachable, "it does not answer in time", ls),
            closed("https", Why::Other, "its certificate is not trusted", ls),
        ];
        insta::assert_snapshot!(examples_of(seen), @r"
        pass     access.git.example:8443.https  git.example:8443 responds
        fail     access.git.example:8443.https  it rejects the login
                 $ printf 'protocol=https\nhost=git.example:8443\n\n' | git credential reject
                 $ git ls-remote URL
                 the last one prompts for your user name and token; to make git store them: git config --global credential.helper store
        fail     access.git.example:8443.ssh  it accepts none of your ssh keys
                 $ ssh-add -l || ls ~/.ssh/*.pub || ssh-keygen -t ed25519
                 then add the public key to your account at git.example:8443
        warn     access.git.example:8443.http  git.example:8443 responds, but gets your login over plain http
                 set an https `url` for `api` in workspace.toml
        fail     access.git.example:8443.ssh  its ssh key is not known here
                 $ ssh -T git@git.example
                 compare the fingerprint with the one published by git.example:8443
        fail     access.git.example:8443.ssh  its ssh key is another one
                 $ ssh-keygen -R '[git.example]:8443'
                 only if its owner confirms the new key; then compare the fingerprint with the one published by git.example:8443
        fail     access.git.example:8443.https  it has no such repository: `api`
                 $ git ls-remote URL
                 check its `url` in workspace.toml, and ask for access to it
        warn     access.git.example:8443.https  it does not answer in time
                 $ git ls-remote URL
        fail     access.git.example:8443.https  its certificate is not trusted
                 $ git ls-remote URL
        ");
    }
}
