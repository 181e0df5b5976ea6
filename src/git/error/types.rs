//! Classifies errors by their type.

use std::error::Error;
use std::io;

use gix::protocol::transport::client;
use gix::protocol::transport::packetline;

use super::Cause;
use crate::git::filter;
use crate::git::network::RemoteFailure;
use crate::git::url;

/// Returns the message of an `ERR` packet, which a server sends instead of an answer
/// (gitprotocol-common(5)).
pub(super) fn refusal(error: &gix::Error) -> Option<String> {
    let mut parts = error.iter_errors();
    parts.find_map(|part| {
        let packet = found::<packetline::read::Error>(part)?;
        Some(packet.message.to_string())
    })
}

/// Classifies an error without such a packet.
pub(super) fn of(error: &gix::Error, url: &str) -> Option<Cause> {
    if is_missing(url) {
        return Some(Cause::NotFound);
    }
    // gix gives each step a name, but no type.
    let is_handshake = error
        .iter_errors()
        .any(|part| part.to_string() == "Transport handshake failed");
    let found = error.iter_errors().find_map(of_part);
    match found {
        // ssh or git itself succeeded, but the program on the other side exited without a message.
        Some(Cause::Connection) if is_handshake && (url::is_ssh(url) || url::is_local(url)) => {
            Some(Cause::NotFound)
        }
        Some(Cause::Damaged) if is_handshake => Some(Cause::NotGit),
        Some(cause) => Some(cause),
        None if error.is_unauthenticated() => Some(Cause::Login),
        None if error.is_corrupted() && is_handshake => Some(Cause::NotGit),
        None if error.is_corrupted() => Some(Cause::Damaged),
        None => None,
    }
}

/// The beginnings of gix's own messages that have no type; untrusted names and messages come after
/// them.
const SENTENCES: &[(&str, Cause)] = &[
    (
        "A hash sized 64 hexadecimal characters is invalid",
        Cause::ObjectFormat,
    ),
    (
        "Failed to decode the first four hex bytes indicating the line length: ",
        Cause::Damaged,
    ),
    ("Didn't find 'application/x-git-", Cause::NotGit),
    (filter::FAILED, Cause::Filter),
];

fn of_part(part: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(failure) = found::<RemoteFailure>(part) {
        return Some(failure.cause);
    }
    if let Some(error) = part.downcast_ref::<client::Error>() {
        return match error {
            client::Error::InvokeProgram { source, .. }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(Cause::MissingProgram)
            }
            client::Error::UnsupportedProtocolVersion(_)
            | client::Error::Capabilities { .. }
            | client::Error::LineDecode { .. }
            | client::Error::ExpectedLine(_)
            | client::Error::ExpectedDataLine => Some(Cause::NotGit),
            _ => None,
        };
    }
    if let Some(error) = part.downcast_ref::<io::Error>() {
        return RemoteFailure::of(error).map(|failure| failure.cause);
    }
    let said = part.to_string();
    let start = SENTENCES.iter().find(|(start, _)| said.starts_with(start));
    start.map(|(_, cause)| *cause)
}

/// Returns an error of this type, directly or inside a socket error.
fn found<'a, T: Error + 'static>(part: &'a (dyn Error + 'static)) -> Option<&'a T> {
    part.downcast_ref::<T>().or_else(|| {
        let inner = part.downcast_ref::<io::Error>()?.get_ref()?;
        inner.downcast_ref::<T>()
    })
}

/// Whether a local URL doesn't lead to a repository. For `x`, git also finds `x.git`.
pub(super) fn is_missing(url: &str) -> bool {
    let Some(path) = url::local_path(url).filter(|path| !path.as_os_str().is_empty()) else {
        return false;
    };
    let mut with_end = path.as_os_str().to_owned();
    with_end.push(".git");
    let is_there = |path: &std::path::Path| match git2::Repository::open(path) {
        Ok(_) => true,
        // An unreadable one, or one of another user, counts as a repository.
        Err(error) => error.code() != git2::ErrorCode::NotFound,
    };
    !is_there(path) && !is_there(with_end.as_ref())
}
