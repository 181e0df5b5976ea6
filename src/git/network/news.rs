//! Determines what a fetch has to change in a clone, by comparing the server's refs with existing
//! ones.
//!
//! This happens in memory, so that a fetch without changes doesn't touch any ref files. The rules
//! are git's (git-fetch(1)): tags that point to fetched objects follow, existing tags are kept, and
//! refs that the server no longer has are pruned if configured. Doesn't change anything itself.

use std::collections::{BTreeMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::protocol::fetch::RefMap;
use gix::protocol::fetch::refmap::{Mapping, Source, SpecIndex};
use gix::protocol::handshake::Ref;
use gix::refs::FullName;
use gix::refspec::RefSpec;
use gix::remote::fetch::Tags;

use crate::sync::Blocked;

/// The refs of a clone, by their full names.
pub(super) type Refs = BTreeMap<BString, Here>;

/// The value of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// An object.
    Object(ObjectId),
    /// The name of another ref.
    Link(BString),
}

/// The configuration of a remote, other than its refspecs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether to prune refs that the server no longer has.
    pub prune: bool,
    /// Whether to prune tags too, including local ones.
    pub prune_tags: bool,
    /// Which tags to fetch.
    pub tags: Tags,
}

/// A ref to create or update.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub name: FullName,
    pub old: Option<ObjectId>,
    pub new: ObjectId,
    /// Its name on the server.
    pub source: BString,
}

/// The changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub updates: Vec<Update>,
    /// Refs to delete.
    pub stale: Vec<(FullName, ObjectId)>,
    /// Refs that can't be stored because of a ref that the server no longer has.
    pub blocked: Vec<Blocked>,
}

impl News {
    /// `map` contains the server's refs that match the refspecs; `has` returns whether an object
    /// exists.
    pub(super) fn find(
        map: &RefMap,
        here: &Refs,
        rules: Rules,
        has: impl Fn(ObjectId) -> bool,
    ) -> Self {
        let mut news = News::default();
        let mut taken: HashSet<&BStr> = HashSet::new();
        for mapping in &map.mappings {
            let (Some(name), Some(new)) = (&mapping.local, mapping.remote.as_id()) else {
                continue;
            };
            let specs = (&map.refspecs[..], &map.extra_refspecs[..]);
            let spec = mapping.spec_index.get(specs.0, specs.1);
            let is_forced = spec.is_some_and(RefSpec::allow_non_fast_forward);
            taken.insert(name.as_ref());
            news.add(
                here,
                name.as_ref(),
                mapping.remote.as_name(),
                new.into(),
                is_forced,
            );
        }
        if rules.tags == Tags::Included {
            for tag in &map.remote_refs {
                let (name, Some(id), peeled) = tag.unpack() else {
                    continue;
                };
                let is_new = name.starts_with(b"refs/tags/") && !here.contains_key(name);
                if is_new && !taken.contains(name) && has(peeled.unwrap_or(id).into()) {
                    news.add(here, name, Some(name), id.into(), false);
                }
            }
        }
        if rules.prune {
            news.stale = stale(here, &map.refspecs, rules.prune_tags, |name| {
                taken.contains(name)
            });
        }
        news.set_blocked_aside(here);
        news
    }

    /// Whether there are no changes.
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.stale.is_empty()
    }

    fn add(
        &mut self,
        here: &Refs,
        name: &BStr,
        source: Option<&BStr>,
        new: ObjectId,
        is_forced: bool,
    ) {
        // An invalid ref name could lead out of `.git`.
        let Ok(full) = FullName::try_from(name) else {
            return;
        };
        let old = match here.get(name) {
            None => None,
            Some(Here::Object(id)) => Some(*id),
            // Its target is not up to the server.
            Some(Here::Link(_)) => return,
        };
        let stays = name.starts_with(b"refs/tags/") && !is_forced;
        if old == Some(new) || old.is_some() && stays {
            return;
        }
        self.updates.push(Update {
            name: full,
            old,
            new,
            source: source.unwrap_or(name).to_owned(),
        });
    }

    /// A ref can't exist together with one whose name is a parent folder of its own.
    fn set_blocked_aside(&mut self, here: &Refs) {
        let going: HashSet<&BStr> = self.stale.iter().map(|(name, _)| name.as_bstr()).collect();
        let mut blocked = Vec::new();
        self.updates.retain(|update| {
            if update.old.is_some() {
                return true;
            }
            let by = in_the_way(here, update.name.as_bstr(), |name| going.contains(name));
            let is_free = by.is_none();
            blocked.extend(by.map(|by| Blocked {
                name: update.name.as_bstr().to_string(),
                by: by.to_string(),
            }));
            is_free
        });
        self.blocked = blocked;
    }
}

/// Returns the mappings of a request: what to request, and what to tell the server about.
pub(super) fn wanted(map: &RefMap, news: &News, has: impl Fn(ObjectId) -> bool) -> Vec<Mapping> {
    let names: HashSet<&BStr> = news
        .updates
        .iter()
        .filter(|update| !has(update.new))
        .map(|update| update.source.as_ref())
        .collect();
    let is_asked_for = |mapping: &Mapping| match &mapping.remote {
        Source::ObjectId(id) => !has(*id),
        Source::Ref(_) => {
            let name = mapping.remote.as_name().unwrap_or_default();
            name.starts_with(b"refs/heads/") && mapping.local.is_some() || names.contains(name)
        }
    };
    let mut wanted: Vec<Mapping> = map
        .mappings
        .iter()
        .filter(|mapping| is_asked_for(mapping))
        .cloned()
        .collect();
    let mapped: HashSet<&BStr> = map
        .mappings
        .iter()
        .filter_map(|mapping| mapping.remote.as_name())
        .collect();
    // Auto-followed tags are in no refspec.
    let tags = map.remote_refs.iter().filter(|tag| {
        let name = tag.unpack().0;
        name.starts_with(b"refs/tags/") && names.contains(name) && !mapped.contains(name)
    });
    wanted.extend(tags.map(|tag: &Ref| Mapping {
        local: Some(tag.unpack().0.to_owned()),
        remote: Source::Ref(tag.clone()),
        spec_index: SpecIndex::ExplicitInRemote(0),
    }));
    let lacks = |mapping: &Mapping| mapping.remote.as_id().is_some_and(|id| !has(id.into()));
    if wanted.iter().any(lacks) {
        wanted
    } else {
        Vec::new()
    }
}

/// Returns the refs that these refspecs cover but no longer receive.
fn stale<'a>(
    here: &'a Refs,
    specs: &[RefSpec],
    prune_tags: bool,
    is_taken: impl Fn(&BStr) -> bool,
) -> Vec<(FullName, ObjectId)> {
    let all_tags = prune_tags.then(|| BString::from("refs/tags/*"));
    let targets: Vec<BString> = specs
        .iter()
        .filter_map(|spec| spec.to_ref().local().map(ToOwned::to_owned))
        .chain(all_tags)
        .collect();
    let is_ours = |name: &BStr| targets.iter().any(|target| matches(target.as_ref(), name));
    here.iter()
        .filter_map(|(name, here): (&'a BString, &Here)| match here {
            Here::Object(id) if is_ours(name.as_ref()) && !is_taken(name.as_ref()) => {
                Some((FullName::try_from(name.as_bstr()).ok()?, *id))
            }
            _ => None,
        })
        .collect()
}

/// Whether a name matches one side of a refspec.
pub(super) fn matches(pattern: &BStr, name: &BStr) -> bool {
    match pattern.split_once_str("*") {
        Some((front, back)) => {
            name.len() >= front.len() + back.len()
                && name.starts_with(front)
                && name.ends_with(back)
        }
        None => pattern == name,
    }
}

fn in_the_way(here: &Refs, name: &BStr, goes: impl Fn(&BStr) -> bool) -> Option<BString> {
    let above = name
        .find_iter("/")
        .map(|end| name[..end].as_bstr())
        .find(|above| here.contains_key(*above) && !goes(above));
    let below = || {
        let folder = BString::from([name.as_bytes(), b"/"].concat());
        let inside = here.range(folder.clone()..).map(|(name, _)| name.as_bstr());
        let mut inside = inside.take_while(|name| name.starts_with(&folder));
        inside.find(|name| !goes(name))
    };
    above.or_else(below).map(ToOwned::to_owned)
}
