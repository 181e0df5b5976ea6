//! Makes a server's advertisement safe for gix.
//!
//! In protocol 0 and 1, a server includes its symbolic references in its capabilities, then lists
//! all references. git ignores symbolic references that are not listed (as from a server with
//! `transfer.hideRefs = HEAD`); gix-protocol 0.68 considers them a bug, and panics. So the list is
//! read first, and such names are removed.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufRead, Read};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::{
    ReadlineBufRead, RequestWriter, SetServiceResponse, Transport,
};
use gix::protocol::transport::client::capabilities::Capability;
use gix::protocol::transport::client::{
    self, Capabilities, MessageKind, TransportWithoutIO, WriteMode,
};
use gix::protocol::transport::packetline::PacketLineRef;

/// A transport that removes from the advertisement what gix can't handle.
pub(super) struct Sound<T>(pub T);

impl<T: Transport> TransportWithoutIO for Sound<T> {
    fn set_identity(&mut self, identity: gix::sec::identity::Account) -> Result<(), client::Error> {
        self.0.set_identity(identity)
    }

    fn to_url(&self) -> Cow<'_, BStr> {
        self.0.to_url()
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        self.0.connection_persists_across_multiple_requests()
    }

    fn configure(&mut self, config: &dyn Any) -> gix::Result {
        self.0.configure(config)
    }
}

impl<T: Transport> Transport for Sound<T> {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        let said = self.0.handshake(service, extra_parameters)?;
        let Some(mut refs) = said.refs else {
            return Ok(said);
        };
        let listed = Listed::read(&mut *refs);
        let capabilities = without_unlisted(&said.capabilities, &listed)?;
        Ok(SetServiceResponse {
            capabilities,
            refs: Some(Box::new(listed)),
            ..said
        })
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        self.0.request(write_mode, on_into_read, trace)
    }
}

/// The maximum number of symbolic references to look for: git only sends `HEAD`.
const MOST: usize = 64;

/// Returns the capabilities with each listed symbolic reference once, and without unlisted ones.
fn without_unlisted(
    capabilities: &Capabilities,
    listed: &Listed,
) -> Result<Capabilities, client::Error> {
    let named: HashSet<&BStr> = capabilities
        .iter()
        .filter_map(|it| symbolic(&it))
        .take(MOST)
        .collect();
    let mut open: HashSet<&BStr> = listed.names().filter(|name| named.contains(name)).collect();
    let mut kept = vec![0];
    for capability in capabilities.iter() {
        if symbolic(&capability).is_some_and(|name| !open.remove(name)) {
            continue;
        }
        kept.extend_from_slice(capability.name());
        if let Some(value) = capability.value() {
            kept.push(b'=');
            kept.extend_from_slice(value);
        }
        kept.push(b' ');
    }
    // gix requires one.
    if kept.len() == 1 {
        kept.push(b' ');
    }
    let kept = Capabilities::from_bytes(&kept);
    let (kept, _) = kept.map_err(|error| client::Error::Io(io::Error::other(error)))?;
    Ok(kept)
}

/// Returns the name of `symref=NAME:TARGET`. gix itself reports one without a target.
fn symbolic<'a>(capability: &Capability<'a>) -> Option<&'a BStr> {
    let value = (capability.name() == "symref").then(|| capability.value())??;
    value.split_once_str(":").map(|(name, _)| name.as_bstr())
}

/// A list of references, as received.
struct Listed {
    lines: std::vec::IntoIter<BString>,
    line: BString,
    /// The error that ended it, if any.
    error: Option<io::Result<gix::Error>>,
}

impl Listed {
    fn read(from: &mut dyn ReadlineBufRead) -> Self {
        let mut lines = Vec::new();
        let error = loop {
            match from.readline() {
                Some(Ok(Ok(line))) => match line.as_bstr() {
                    Some(line) => lines.push(line.to_owned()),
                    None => break None,
                },
                Some(Ok(Err(error))) => break Some(Ok(error)),
                Some(Err(error)) => break Some(Err(error)),
                None => break None,
            }
        };
        Listed {
            lines: lines.into_iter(),
            line: BString::default(),
            error,
        }
    }

    /// The references with an object.
    fn names(&self) -> impl Iterator<Item = &BStr> {
        self.lines.as_slice().iter().filter_map(|line| {
            let (id, name) = line.trim_end().split_once_str(" ")?;
            ObjectId::from_hex(id).ok().map(|_| name.as_bstr())
        })
    }
}

impl ReadlineBufRead for Listed {
    fn readline(&mut self) -> Option<io::Result<gix::Result<PacketLineRef<'_>>>> {
        if let Some(line) = self.lines.next() {
            self.line = line;
            return Some(Ok(Ok(PacketLineRef::Data(&self.line))));
        }
        self.error.take().map(|error| error.map(Err))
    }

    fn readline_str(&mut self, line: &mut String) -> io::Result<usize> {
        let next = self.lines.next().unwrap_or_default();
        let text = next.to_str().map_err(io::Error::other)?;
        line.push_str(text);
        Ok(text.len())
    }
}

impl Read for Listed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl BufRead for Listed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn consume(&mut self, _: usize) {}
}
