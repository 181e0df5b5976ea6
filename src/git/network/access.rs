//! Contacting a server before the work: doctor's probe, and login prompts.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::protocol::transport::Service;
use gix::remote::Direction;

use super::logins::{Ask, Keeper, Question};
use super::way_out::WayOut;
use super::{advertisement, failure, http, line, ssh};
use crate::git::error::{Cause, GitError};

/// The number of retries after a wrong login.
const QUESTIONS: u32 = 3;

/// Whether others could read the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// They were encrypted, or there were none.
    Kept,
    /// A login went over plain http.
    InTheClear,
}

/// Asks a remote for its refs, in the same way as a clone. For doctor's access checks.
pub fn probe(url: &str, interrupt: &AtomicBool) -> Result<Privacy, GitError> {
    let ssh_log = ssh::Log::new()?;
    let session = http::Session::without_assumptions();
    let ask = || -> gix::Result {
        let (repository, _folder) = scratch(&ssh_log)?;
        let remote = repository
            .remote_at(url)?
            .with_refspecs(Some(BStr::new("HEAD")), Direction::Fetch)?;
        let silence = http::silence(repository.config_snapshot().plumbing(), url);
        line::connection(&remote, &session, silence)?.ref_map(
            gix::progress::Discard,
            gix::remote::ref_map::Options::default(),
        )?;
        Ok(())
    };
    ask().map(|()| session.privacy()).map_err(|error| {
        if interrupt.load(Ordering::Relaxed) {
            return GitError::interrupted();
        }
        WayOut::default().to_host(failure(&error, Some(&ssh_log), &session, url), url)
    })
}

/// Returns the host of an ssh URL, after `url.<base>.insteadOf`.
pub fn ssh_host(url: &str) -> Option<ssh::Host> {
    let ssh_log = ssh::Log::new().ok()?;
    let (repository, _folder) = scratch(&ssh_log).ok()?;
    let remote = repository.remote_at(url).ok()?;
    let real = remote.url(Direction::Fetch)?.to_bstring();
    let config = gix::config(None, &gix::open::Options::default()).ok()?;
    ssh::Host::of(&config, &real.to_str_lossy())
}

/// What is known about a server before looking for a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: the work has not started.
    Nothing,
    /// It has refused this repository, but possibly not others.
    Refusal,
}

/// Finds the login for the server of `url`, and prompts the user if nothing else has one. Prompts
/// again if the server rejects it. Over HTTP only; clones and fetches use the result.
///
/// This needs no additional round trip: the request for the server's capabilities is one that the
/// first clone or fetch would have made, and its answer is reused.
pub fn log_in(
    url: &str,
    known: Known,
    interrupt: &AtomicBool,
    ask: Ask<'_>,
) -> Result<(), GitError> {
    let mut tries = 1;
    let declined = Cell::new(false);
    let mut ask = |question: &Question| {
        let answer = ask(question);
        declined.set(answer.is_none());
        answer
    };
    loop {
        let session = match known {
            Known::Nothing => http::Session::default(),
            Known::Refusal => http::Session::without_assumptions(),
        };
        match try_to_log_in(url, &session, &mut ask) {
            _ if interrupt.load(Ordering::Relaxed) => return Err(GitError::interrupted()),
            Err(error)
                if error.cause == Cause::LoginRefused && !declined.get() && tries < QUESTIONS =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}

fn try_to_log_in(url: &str, session: &http::Session, ask: Ask<'_>) -> Result<(), GitError> {
    let ssh_log = ssh::Log::new()?;
    let mut handshake = || -> gix::Result {
        let (repository, _folder) = scratch(&ssh_log)?;
        let remote = repository.remote_at(url)?;
        line::check_address(&remote, session)?;
        let Some(transport) = http::transport(&remote, session)? else {
            return Ok(());
        };
        let mut keeper = Keeper::new(repository.clone(), session.clone());
        gix::protocol::handshake(
            advertisement::Sound(transport),
            Service::UploadPack,
            |action| keeper.answer(action, Some(&mut *ask)),
            Vec::new(),
            &mut gix::progress::Discard,
        )?;
        Ok(())
    };
    handshake().map_err(|error: gix::Error| failure(&error, Some(&ssh_log), session, url))
}

/// Creates an empty repository, through which gix reads git's configuration.
fn scratch(ssh_log: &ssh::Log) -> gix::Result<(gix::Repository, tempfile::TempDir)> {
    let folder = tempfile::tempdir().map_err(gix::Error::from_error)?;
    let options = gix::open::Options::default();
    let config = gix::config(Some(folder.path()), &options)?;
    let mut overrides: Vec<BString> = vec!["gitoxide.credentials.terminalPrompt=false".into()];
    overrides.extend(ssh::overrides(&config, ssh_log));
    let repository = gix::ThreadSafeRepository::init_opts(
        folder.path(),
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        options.config_overrides(overrides),
    )?
    .to_thread_local();
    Ok((repository, folder))
}
