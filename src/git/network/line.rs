//! The connection to a remote: the repository that gix reads its configuration from, the transport,
//! and the messages of the user's ssh.

use std::path::Path;
use std::time::Duration;

use gix::Repository;
use gix::bstr::{BString, ByteSlice};
use gix::error::message;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::remote::{Connection, Direction};
use gix::url::Scheme;

use super::logins::Keeper;
use super::{RemoteFailure, advertisement, daemon, http, program, ssh};
use crate::git::error::Cause;
use crate::workspace::address;

/// A repository that is ready to reach one remote.
pub(super) struct Line {
    /// With the user's configuration and fitout's additions.
    pub repository: Repository,
    /// If the user's ssh is used.
    pub ssh_log: Option<ssh::Log>,
    /// The identity for reflogs: name, email and time.
    pub who: BString,
}

impl Line {
    /// Opens the repository at `path` for the remote that `find` returns.
    pub(super) fn open(
        path: &Path,
        find: impl FnOnce(&Repository) -> gix::Result<gix::Remote<'_>>,
    ) -> gix::Result<Self> {
        Line::with(path, Vec::new(), find)
    }

    /// Like [`Self::open`], with additional `settings` of the user.
    pub(super) fn with(
        path: &Path,
        mut settings: Vec<BString>,
        find: impl FnOnce(&Repository) -> gix::Result<gix::Remote<'_>>,
    ) -> gix::Result<Self> {
        settings.extend(
            [
                "gitoxide.credentials.terminalPrompt=false",
                "gitoxide.credentials.helperStderr=false",
            ]
            .map(BString::from),
        );
        let options = gix::open::Options::default().config_overrides(settings);
        let repository = gix::open_opts(path, options)?;
        // Where gix refuses what is set for it, git may not.
        let is_ssh = find(&repository).is_ok_and(|remote| {
            let url = remote.url(Direction::Fetch);
            url.is_some_and(|url| url.scheme == Scheme::Ssh)
        });
        let mut line = Line {
            repository,
            ssh_log: None,
            who: BString::default(),
        };
        if is_ssh {
            let log = ssh::Log::new().map_err(gix::Error::from_error)?;
            line.configure(|config| ssh::overrides(config, &log))?;
            line.ssh_log = Some(log);
        }
        // One that can't be written is for git to put in order, as all odd values are.
        let _ = line
            .repository
            .committer_or_set_generic_fallback()?
            .write_to(&mut *line.who);
        Ok(line)
    }

    /// Adds settings to the configuration, in memory only.
    pub(super) fn configure(
        &mut self,
        overrides: impl FnOnce(&gix::config::File) -> Vec<BString>,
    ) -> gix::Result<()> {
        let overrides = overrides(self.repository.config_snapshot().plumbing());
        if overrides.is_empty() {
            return Ok(());
        }
        let mut config = self.repository.config_snapshot_mut();
        config.append_config(overrides, gix::config::Source::Api)?;
        config.commit()?;
        Ok(())
    }
}

/// Returns the URL of a remote, and the protocol version to use. A path is not changed: for `web`,
/// git itself also looks for `web.git`, where gix would find nothing.
pub(super) fn url_and_version(remote: &gix::Remote<'_>) -> gix::Result<(gix::Url, Protocol)> {
    match remote.url(Direction::Fetch) {
        Some(url) if url.scheme == Scheme::File => {
            let config = remote.repo().config_snapshot();
            let version = match config.integer("protocol.version") {
                Some(0) => Protocol::V0,
                Some(1) => Protocol::V1,
                _ => Protocol::V2,
            };
            Ok((url.clone(), version))
        }
        _ => remote.sanitized_url_and_version(Direction::Fetch),
    }
}

/// Returns a connection that asks the user's credential helpers, without prompting.
pub(super) fn connection<'a, 'repo>(
    remote: &'a gix::Remote<'repo>,
    session: &http::Session,
    silence: Duration,
) -> gix::Result<Connection<'a, 'static, 'repo, Box<dyn Transport + Send>>> {
    let transport = transport(remote, session, silence)?;
    let mut keeper = Keeper::new(remote.repo().clone(), session.clone());
    Ok(remote
        .to_connection_with_transport(transport)
        .with_credentials(move |action| keeper.answer(action, None)))
}

/// Checks that the URL of a remote, after `insteadOf`, is allowed. Must be called before
/// connecting.
pub(super) fn check_address(remote: &gix::Remote<'_>, session: &http::Session) -> gix::Result<()> {
    let Some(url) = remote.url(Direction::Fetch) else {
        return Ok(());
    };
    let url = url.to_bstring();
    let url = url.to_str_lossy();
    address::check_real(&url).map_err(|invalid| {
        let what = format!("its address {}", invalid.problem);
        let error = gix::Error::from_error(message!("{url:?}: {what}"));
        session.fail(RemoteFailure::new(Cause::Address, what));
        error
    })
}

/// Creates a transport to a remote.
pub(super) fn transport(
    remote: &gix::Remote<'_>,
    session: &http::Session,
    silence: Duration,
) -> gix::Result<Box<dyn Transport + Send>> {
    check_address(remote, session)?;
    let mut found = http::transport(remote, session)?;
    if found.is_none() {
        found = daemon::transport(remote, silence, session)?;
    }
    if found.is_none() {
        found = program::transport(remote, session)?;
    }
    let unknown = || gix::Error::from_error(message("no transport for its URL"));
    Ok(Box::new(advertisement::Sound(found.ok_or_else(unknown)?)))
}
