//! What a fetch is to change in a clone: the server's refs beside those that are here.
//!
//! Found in memory, so that a fetch without news touches no file for a ref. The rules are git's
//! (git-fetch(1)): tags that lead to what is here follow by themselves, a tag that is here stays, and
//! what the server no longer has goes where the user has configured that. Changes nothing itself.

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

/// What a ref of a clone holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// An object.
    Object(ObjectId),
    /// The name of another ref.
    Link(BString),
}

/// What is configured for a remote, beside its refspecs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether refs go that the server no longer has.
    pub prune: bool,
    /// Whether tags do too, also those that were made here.
    pub prune_tags: bool,
    /// Which tags come.
    pub tags: Tags,
}

/// A ref that is to be made, or to be moved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub name: FullName,
    pub old: Option<ObjectId>,
    pub new: ObjectId,
    /// What the server calls it.
    pub source: BString,
}

/// What is to change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub updates: Vec<Update>,
    /// Refs that go.
    pub stale: Vec<(FullName, ObjectId)>,
    /// What can't come, because of a ref that the server no longer has.
    pub blocked: Vec<Blocked>,
}

impl News {
    /// `map` is what the refspecs take of the server's refs; `has` says whether an object is here.
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

    /// Whether nothing is to change.
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
        // What is no ref's name could lead out of `.git`.
        let Ok(full) = FullName::try_from(name) else {
            return;
        };
        let old = match here.get(name) {
            None => None,
            Some(Here::Object(id)) => Some(*id),
            // Where it leads is not the server's to say.
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

    /// A ref can't be beside one whose name is a folder of its own.
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

/// What has to be asked for, and what the server may be told of: the mappings of a request.
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
    // Tags that follow are in no refspec.
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

/// The refs that these refspecs would have written, and have not.
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

/// Whether a name is one of those that a side of a refspec stands for.
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
