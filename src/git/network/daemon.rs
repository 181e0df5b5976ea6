//! `git://`: a plain connection, with a timeout for silent servers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use gix::bstr::BString;
use gix::error::{ResultExt, message};
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::git;

use super::allowance::Limited;
use super::http::{RemoteFailure, Session};
use super::line::url_and_version;
use crate::git::error::Cause;

/// The port of `git daemon`.
const PORT: u16 = 9418;
const CONNECT: Duration = Duration::from_secs(20);

static LINES: Mutex<Vec<Weak<TcpStream>>> = Mutex::new(Vec::new());

/// Returns our own transport for a remote, instead of gix's; none for another protocol.
pub(super) fn transport(
    remote: &gix::Remote<'_>,
    silence: Duration,
    session: &Session,
) -> gix::Result<Option<Box<dyn Transport + Send>>> {
    let (url, version) = url_and_version(remote)?;
    let (gix::url::Scheme::Git, Some(host)) = (&url.scheme, url.host()) else {
        return Ok(None);
    };
    let stream = connect(host, url.port.unwrap_or(PORT), silence)
        .inspect_err(|error| {
            if let Some(failure) = RemoteFailure::of(error) {
                session.fail(failure);
            }
        })
        .or_raise(|| message!("can't connect to {host}"))?;
    let line = Line {
        stream: Arc::new(stream),
        session: session.clone(),
    };
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.retain(|line| line.strong_count() > 0);
    lines.push(Arc::downgrade(&line.stream));
    let trace_packets = false;
    let connection = git::blocking_io::Connection::new(
        Limited::new(line.clone(), session),
        line,
        version,
        url.path.clone(),
        Some((host.to_owned(), url.port)),
        git::ConnectMode::Daemon,
        trace_packets,
    );
    let shown: BString = url.to_bstring();
    Ok(Some(Box::new(connection.custom_url(Some(shown)))))
}

fn connect(host: &str, port: u16, silence: Duration) -> io::Result<TcpStream> {
    let unknown = |why: String| io::Error::other(RemoteFailure::new(Cause::UnknownHost, why));
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs();
    let mut last = unknown("it has no address".to_owned());
    for address in addresses.map_err(|error| unknown(error.to_string()))? {
        match TcpStream::connect_timeout(&address, CONNECT.min(silence)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(silence))?;
                stream.set_write_timeout(Some(silence))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Ends all connections.
pub(super) fn hang_up() {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for stream in lines.iter().filter_map(Weak::upgrade) {
        // The other side may already have closed it.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[derive(Clone)]
struct Line {
    stream: Arc<TcpStream>,
    session: Session,
}

impl Line {
    /// A socket timeout is reported as `WouldBlock`.
    fn noting<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                self.session
                    .fail(RemoteFailure::new(Cause::Timeout, "silence"));
                io::Error::new(io::ErrorKind::TimedOut, "the server is silent: timed out")
            }
            _ => error,
        })
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.noting((&*self.stream).read(buffer))
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.noting((&*self.stream).write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.stream).flush()
    }
}
