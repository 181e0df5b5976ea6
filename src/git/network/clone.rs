//! The requests of a clone or a fetch, and the handling of the answers.
//!
//! Based on gix's plumbing instead of `gix::clone`, for three reasons: it writes refs as is
//! necessary in a shared repository; it supports packs that omit existing objects, so it keeps,
//! writes, reads and hashes each pack a second time; and with a `depth`, it requests the refs
//! twice. gix's fetch is not used either: it looks up, locks and writes every ref of the server,
//! even unchanged ones.

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gix::Repository;
use gix::bstr::ByteSlice;
use gix::error::{ResultExt, message};
use gix::negotiate::{Graph, Negotiator};
use gix::odb::pack;
use gix::odb::store::RefreshMode;
use gix::protocol::fetch::negotiate::{self, Action, Round, one_round};
use gix::protocol::fetch::refmap::init::Context;
use gix::protocol::fetch::{Arguments, Negotiate, RefMap, Response, Shallow, Tags};
use gix::protocol::handshake::Ref;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::{Handshake, SendFlushOnDrop};
use gix::refspec::RefSpec;
use gix::refspec::parse::Operation;
use gix::remote::fetch::negotiate::Algorithm;

use super::http::Session;
use super::line;
use super::logins::Keeper;
use super::offer::Offer;
use crate::git::meter::{Watch, threads_for};

/// A server that has listed its refs.
pub(super) struct Conversation {
    transport: SendFlushOnDrop<Box<dyn Transport + Send>>,
    handshake: Handshake,
    session: Session,
    refs: Vec<Ref>,
}

impl Conversation {
    /// Connects, and requests the refs on the left side of these refspecs.
    pub(super) fn begin(
        remote: &gix::Remote<'_>,
        specs: &[RefSpec],
        session: &Session,
        silence: Duration,
        mut progress: &mut Watch,
    ) -> gix::Result<Self> {
        session.allowance().renew();
        let transport = line::transport(remote, session, silence)?;
        let mut transport = SendFlushOnDrop::new(transport, false);
        let mut keeper = Keeper::new(remote.repo().clone(), session.clone());
        let mut handshake = gix::protocol::handshake(
            &mut transport.inner,
            Service::UploadPack,
            |action| keeper.answer(action, None),
            Vec::new(),
            &mut progress,
        )?;
        let context = context(specs);
        let asked = handshake.prepare_lsrefs_or_extract_refmap(agent(), true, context)?;
        let map = asked.fetch_blocking(&mut progress, &mut transport.inner, false)?;
        Ok(Conversation {
            session: session.clone(),
            transport,
            handshake,
            refs: map.remote_refs,
        })
    }

    /// The server's refs.
    pub(super) fn offer(&self) -> Offer {
        Offer::of(&self.refs)
    }

    /// Returns its refs, as received.
    pub(super) fn refs(&self) -> &[Ref] {
        &self.refs
    }

    /// Returns the refs that match these refspecs, with their targets.
    pub(super) fn map(&self, specs: &[RefSpec], implied: &[RefSpec]) -> gix::Result<RefMap> {
        let context = Context {
            extra_refspecs: implied.to_vec(),
            ..context(specs)
        };
        RefMap::from_refs(self.refs.clone(), &self.handshake.capabilities, context)
    }

    /// Fetches the objects that the refs of the map point to into a repository.
    pub(super) fn receive(
        mut self,
        repository: &Repository,
        request: &Request<'_>,
        progress: Watch,
        interrupt: &AtomicBool,
    ) -> gix::Result<Option<Pack>> {
        let map = request.map;
        if map.object_hash != repository.object_hash() {
            return Err(gix::Error::from_error(message!(
                "unknown object format: {}",
                map.object_hash
            )));
        }
        let has_objects = request.has_objects;
        // The pack folder doesn't have to be read again to find that an object is missing.
        let mut here = repository.clone();
        here.objects.refresh = RefreshMode::Never;
        here.objects.unset_object_cache();
        let commits = || here.commit_graph_if_enabled().ok().flatten();
        let commits = has_objects.then(commits).flatten();
        let mut graph = here.revision_graph(commits.as_ref());
        let mut negotiation = Negotiation {
            repository: &here,
            graph: &mut graph,
            map,
            shallow: request.shallow,
            negotiator: algorithm(repository).into_negotiator(),
            has_objects,
        };
        // A pack for a clone with objects may omit those.
        let bases = has_objects.then(|| repository.objects.clone());
        let folder = repository.objects.store_ref().path().join("pack");
        let mut pack = None;
        gix::protocol::fetch(
            &mut negotiation,
            |reader, progress, interrupt| {
                self.session.allowance().lift();
                let objects = objects(reader).map_err(gix::Error::from_error)?;
                let written = pack::Bundle::write_to_directory(
                    reader,
                    Some(&folder),
                    progress,
                    interrupt,
                    bases,
                    repository.object_hash(),
                    pack::bundle::write::Options {
                        thread_limit: Some(threads_for(objects)),
                        ..Default::default()
                    },
                )
                .or_raise(|| message("Failed to write the received pack"))?;
                pack = Some(Pack {
                    data: written.data_path,
                    keep: written.keep_path,
                });
                Ok(true)
            },
            progress,
            interrupt,
            gix::protocol::fetch::Context {
                handshake: &mut self.handshake,
                transport: &mut self.transport.inner,
                user_agent: agent(),
                trace_packetlines: false,
            },
            gix::protocol::fetch::Options {
                shallow_file: repository.shallow_file()?,
                shallow: request.shallow,
                tags: request.tags,
                reject_shallow_remote: repository
                    .config_snapshot()
                    .boolean("clone.rejectShallow")
                    .unwrap_or(false),
            },
        )?;
        Ok(pack)
    }
}

/// What to request from a server.
pub(super) struct Request<'a> {
    /// The wanted refs.
    pub map: &'a RefMap,
    /// The depth of the history.
    pub shallow: &'a Shallow,
    /// Whether tags of sent objects are included automatically.
    pub tags: Tags,
    /// Whether there are existing objects that don't have to be sent.
    pub has_objects: bool,
}

/// The objects that a server sent.
pub(super) struct Pack {
    /// None if there are no objects.
    pub data: Option<PathBuf>,
    /// Prevents garbage collection until there are refs; must be removed then.
    pub keep: Option<PathBuf>,
}

/// `fetch.negotiationAlgorithm`.
fn algorithm(repository: &Repository) -> Algorithm {
    let named = repository
        .config_snapshot()
        .string("fetch.negotiationAlgorithm");
    match named.as_ref().map(|name| name.as_slice()) {
        Some(b"noop") => Algorithm::Noop,
        Some(b"skipping") => Algorithm::Skipping,
        _ => Algorithm::Consecutive,
    }
}

/// Returns the number of objects in a pack that is about to be read: gitformat-pack(5), "header".
fn objects(pack: &mut dyn BufRead) -> io::Result<usize> {
    let header = pack.fill_buf()?;
    let count = header.get(8..12).and_then(|count| count.try_into().ok());
    Ok(count.map_or(0, u32::from_be_bytes) as usize)
}

/// fitout's user agent.
fn agent() -> (&'static str, Option<String>) {
    const AGENT: &str = concat!("git/fitout-", env!("CARGO_PKG_VERSION"));
    ("agent", Some(AGENT.to_owned()))
}

fn context(specs: &[RefSpec]) -> Context {
    Context {
        fetch_refspecs: specs.to_vec(),
        extra_refspecs: Vec::new(),
    }
}

/// Parses refspecs; a pattern must have a target.
pub(super) fn refspecs(texts: &[impl AsRef<[u8]>]) -> gix::Result<Vec<RefSpec>> {
    let specs = texts.iter().map(|text| {
        let spec = gix::refspec::parse(text.as_ref().as_bstr(), Operation::Fetch)?;
        Ok(spec.to_owned())
    });
    specs.collect()
}

/// The default negotiation of objects that the server doesn't have to send.
struct Negotiation<'a, 'find, 'commits> {
    repository: &'a Repository,
    graph: &'a mut Graph<'find, 'commits>,
    map: &'a RefMap,
    shallow: &'a Shallow,
    negotiator: Box<dyn Negotiator>,
    has_objects: bool,
}

impl Negotiate for Negotiation<'_, '_, '_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        if !self.has_objects {
            // There is nothing to negotiate.
            return Ok(Action::MustNegotiate {
                remote_ref_target_known: vec![false; self.map.mappings.len()],
            });
        }
        let no_alternates = std::iter::empty::<(gix::refs::file::Store, gix::OdbHandle)>();
        negotiate::mark_complete_and_common_ref(
            &self.repository.objects,
            &self.repository.refs,
            || Ok(no_alternates),
            &mut *self.negotiator,
            self.graph,
            self.map,
            self.shallow,
            |_| false,
        )
    }

    fn add_wants(&mut self, arguments: &mut Arguments, known: &[bool]) -> bool {
        let objects = &self.repository.objects;
        negotiate::add_wants(objects, arguments, self.map, known, self.shallow, |_| false)
    }

    fn one_round(
        &mut self,
        state: &mut one_round::State,
        arguments: &mut Arguments,
        previous: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        negotiate::one_round(
            &mut *self.negotiator,
            self.graph,
            state,
            arguments,
            previous,
        )
    }
}
