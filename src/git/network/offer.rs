//! What a server offers, and what a clone requests.

use std::num::NonZeroU32;

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::protocol::fetch::Shallow;
use gix::protocol::handshake::Ref;
use gix::{ObjectId, Repository};

use super::missing;
use crate::git::local::{FirstHead, RemoteRef};
use crate::manifest::report::closest;
use crate::workspace::Checkout;

/// Parses refspecs; a pattern must have a target.
pub(super) const EVERYTHING: [&str; 3] = [
    "HEAD",
    "refs/heads/*:refs/heads/*",
    "refs/tags/*:refs/tags/*",
];

/// What a server offers, as far as it is relevant for a clone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// Branches and tags.
    pub refs: Vec<RemoteRef>,
    head: Option<OfferedHead>,
}

#[derive(Debug, PartialEq, Eq)]
enum OfferedHead {
    /// The full name of a branch or another ref, and its commit.
    Ref(BString, ObjectId),
    /// The short name of a branch without commits.
    Unborn(BString),
    /// A commit; or a branch, if an old server doesn't report which.
    Commit(ObjectId),
}

impl Offer {
    /// Creates an offer from its refs.
    pub(super) fn of(refs: &[Ref]) -> Self {
        let mut offer = Offer::default();
        for reference in refs {
            let (name, id, peeled) = reference.unpack();
            if name == "HEAD" {
                offer.head = match reference {
                    Ref::Symbolic { target, object, .. } => {
                        Some(OfferedHead::Ref(target.clone(), *object))
                    }
                    Ref::Unborn { target, .. } => is_name(target.as_ref())
                        .then(|| target.strip_prefix(b"refs/heads/"))
                        .flatten()
                        .map(|branch| OfferedHead::Unborn(branch.into())),
                    Ref::Direct { object, .. } | Ref::Peeled { object, .. } => {
                        Some(OfferedHead::Commit(*object))
                    }
                };
            }
            let is_taken = name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
            if let Some(id) = id.filter(|_| is_taken)
                && is_name(name)
            {
                offer.refs.push(RemoteRef {
                    name: name.to_owned(),
                    id: id.to_owned(),
                    peeled: peeled.map(ToOwned::to_owned),
                });
            }
        }
        offer
    }

    /// Returns the short name of the remote's default branch. If an old server only reports the
    /// commit, the branch is found by that; `preferred` is the default branch name of new
    /// repositories.
    pub(super) fn default_branch(&self, preferred: &str) -> Option<BString> {
        match self.head.as_ref()? {
            OfferedHead::Ref(name, _) => {
                let branch = name.strip_prefix(b"refs/heads/")?;
                self.find(name).map(|_| branch.into())
            }
            OfferedHead::Unborn(_) => None,
            OfferedHead::Commit(id) => {
                let mut at_commit: Vec<&[u8]> = self
                    .refs
                    .iter()
                    .filter(|reference| reference.id == *id)
                    .filter_map(|reference| reference.name.strip_prefix(b"refs/heads/"))
                    .collect();
                at_commit.sort_by_key(|branch| {
                    let is = |name: &str| *branch == name.as_bytes();
                    (!is(preferred), !is("master"), branch.to_vec())
                });
                at_commit.first().map(|&branch| branch.into())
            }
        }
    }

    /// Returns what to check out; none if the server doesn't have it.
    pub(super) fn first_head(&self, checkout: &Checkout, preferred: &str) -> Option<FirstHead> {
        match checkout {
            Checkout::Branch(name) => {
                let found = self.find(format!("refs/heads/{name}").as_bytes())?;
                Some(FirstHead::Branch(name.as_str().into(), Some(found.id)))
            }
            Checkout::Tag(name) => {
                let found = self.find(format!("refs/tags/{name}").as_bytes())?;
                Some(FirstHead::Detached(found.peeled.unwrap_or(found.id)))
            }
            Checkout::RemoteDefault | Checkout::Rev(_) => Some(self.own_head(preferred)),
        }
    }

    /// Returns the error for a missing branch, tag or commit, with a suggestion.
    pub(super) fn lacking(&self, checkout: &Checkout, preferred: &str) -> String {
        let near = |name: &str, prefix: &[u8]| {
            let names = self
                .refs
                .iter()
                .filter_map(|it| it.name.strip_prefix(prefix));
            let names = names.filter_map(|name| name.to_str().ok());
            closest(name, names).map(|near| format!("did you mean `{near}`?"))
        };
        let default = || {
            let branch = self.default_branch(preferred)?;
            Some(format!("its default branch is `{branch}`"))
        };
        let instead = match checkout {
            Checkout::Branch(name) => near(name, b"refs/heads/").or_else(default),
            Checkout::Tag(name) => near(name, b"refs/tags/"),
            Checkout::RemoteDefault | Checkout::Rev(_) => None,
        };
        [missing(checkout), instead]
            .into_iter()
            .flatten()
            .collect::<Vec<String>>()
            .join("; ")
    }

    fn own_head(&self, preferred: &str) -> FirstHead {
        let on_branch = |branch: BString| {
            let name = [b"refs/heads/", branch.as_slice()].concat();
            let tip = self.find(&name).map(|found| found.id);
            FirstHead::Branch(branch, tip)
        };
        match (self.default_branch(preferred), &self.head) {
            (Some(branch), _) => on_branch(branch),
            (None, Some(OfferedHead::Ref(_, id) | OfferedHead::Commit(id))) => {
                FirstHead::Detached(*id)
            }
            (None, Some(OfferedHead::Unborn(branch))) => on_branch(branch.clone()),
            // It has no commits, or an old server doesn't report the branch.
            (None, None) => on_branch(preferred.into()),
        }
    }

    /// Whether the remote is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.refs.is_empty()
            && !matches!(
                self.head,
                Some(OfferedHead::Ref(..) | OfferedHead::Commit(_))
            )
    }

    fn find(&self, name: &[u8]) -> Option<&RemoteRef> {
        self.refs.iter().find(|reference| reference.name == name)
    }
}

/// What a clone requests from a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What the clone will fetch later.
    pub refspec: String,
    /// The refspecs.
    pub refs: Vec<BString>,
    /// The depth of the history.
    pub shallow: Shallow,
}

impl Wanted {
    /// Determines what to request. With a `depth`, only one branch or tag, as in git.
    pub(super) fn of(
        checkout: &Checkout,
        head: &FirstHead,
        depth: Option<NonZeroU32>,
        remote: &str,
    ) -> Self {
        let everything = || Wanted {
            refspec: format!("+refs/heads/*:refs/remotes/{remote}/*"),
            refs: EVERYTHING.map(BString::from).into(),
            shallow: Shallow::NoChange,
        };
        let one = |source: String, target: String| {
            depth.map(|depth| Wanted {
                refspec: format!("+{source}:{target}"),
                refs: vec![source.into()],
                shallow: Shallow::DepthAtRemote(depth),
            })
        };
        match (checkout, head) {
            // A commit is found through its history, so `depth` doesn't apply.
            (Checkout::Rev(_), _) => None,
            (Checkout::Tag(name), _) => {
                one(format!("refs/tags/{name}"), format!("refs/tags/{name}"))
            }
            (_, FirstHead::Branch(name, Some(_))) => one(
                format!("refs/heads/{name}"),
                format!("refs/remotes/{remote}/{name}"),
            ),
            (_, _) => None,
        }
        .unwrap_or_else(everything)
    }

    /// Returns the refs of the remote that a clone now has.
    pub(super) fn taken(&self, refs: Vec<RemoteRef>, repository: &Repository) -> Vec<RemoteRef> {
        if self.shallow == Shallow::NoChange {
            return refs;
        }
        let is_taken = |reference: &RemoteRef| {
            self.refs.contains(&reference.name)
                || reference.name.starts_with(b"refs/tags/") && repository.has_object(reference.id)
        };
        refs.into_iter().filter(is_taken).collect()
    }
}

/// An invalid ref name could lead out of `.git`; git ignores it too.
fn is_name(text: &BStr) -> bool {
    gix::refs::FullName::try_from(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> ObjectId {
        ObjectId::from_hex(digit.to_string().repeat(40).as_bytes()).unwrap()
    }

    fn direct(name: &str, digit: char) -> Ref {
        Ref::Direct {
            full_ref_name: name.into(),
            object: id(digit),
        }
    }

    fn head(target: &str, digit: char) -> Ref {
        Ref::Symbolic {
            full_ref_name: "HEAD".into(),
            target: target.into(),
            tag: None,
            object: id(digit),
        }
    }

    fn branch(name: &str, tip: Option<char>) -> FirstHead {
        FirstHead::Branch(name.into(), tip.map(id))
    }

    #[test]
    fn names_that_would_lead_out_of_the_repository_are_left_out() {
        let names = [
            "refs/heads/../../config",
            "refs/heads//x",
            "refs/tags/.git/hooks/x",
            "refs/heads/a.lock",
            "refs/pull/1/head",
            "refs/heads/main",
        ];
        let unborn = Ref::Unborn {
            full_ref_name: "HEAD".into(),
            target: "refs/heads/../../../x".into(),
        };
        let mut refs: Vec<Ref> = names.iter().map(|name| direct(name, '1')).collect();
        refs.push(unborn);
        let offer = Offer::of(&refs);
        let taken: Vec<String> = offer.refs.iter().map(|it| it.name.to_string()).collect();
        assert_eq!(taken, ["refs/heads/main"]);
        let head = offer.first_head(&Checkout::RemoteDefault, "trunk").unwrap();
        assert_eq!(head, branch("trunk", None));
    }

    #[test]
    fn a_head_without_a_branch_is_the_preferred_one_at_its_commit_or_the_first() {
        let refs = [
            direct("HEAD", '1'),
            direct("refs/heads/b", '1'),
            direct("refs/heads/a", '1'),
            direct("refs/heads/main", '2'),
            direct("refs/tags/v1", '1'),
        ];
        let head = |refs: &[Ref], preferred: &str| {
            let offer = Offer::of(refs);
            offer
                .first_head(&Checkout::RemoteDefault, preferred)
                .unwrap()
        };
        assert_eq!(head(&refs, "b"), branch("b", Some('1')));
        assert_eq!(head(&refs, "main"), branch("a", Some('1')));
        let lone = [direct("HEAD", '3'), direct("refs/heads/main", '2')];
        assert_eq!(head(&lone, "main"), FirstHead::Detached(id('3')));
        assert_eq!(head(&lone[1..], "main"), branch("main", Some('2')));
        assert_eq!(head(&[], "main"), branch("main", None));
    }

    #[test]
    fn a_tag_is_checked_out_at_what_it_leads_to_and_what_is_missing_is_none() {
        let tag = Ref::Peeled {
            full_ref_name: "refs/tags/v1".into(),
            tag: id('1'),
            object: id('2'),
        };
        let offer = Offer::of(&[tag]);
        let head = |checkout| offer.first_head(&checkout, "main");
        let at_tag = head(Checkout::Tag("v1".to_owned()));
        assert_eq!(at_tag, Some(FirstHead::Detached(id('2'))));
        assert_eq!(head(Checkout::Tag("v2".to_owned())), None);
        assert_eq!(head(Checkout::Branch("v1".to_owned())), None);
    }

    #[test]
    fn of_what_is_missing_the_nearest_is_named_or_the_default_branch() {
        let offer = Offer::of(&[
            head("refs/heads/main", '1'),
            direct("refs/heads/main", '1'),
            direct("refs/heads/develop", '2'),
            direct("refs/tags/v1.2.0", '1'),
        ]);
        let lacking = |checkout| offer.lacking(&checkout, "main");
        let branch = |name: &str| lacking(Checkout::Branch(name.to_owned()));
        let tag = |name: &str| lacking(Checkout::Tag(name.to_owned()));
        assert_eq!(
            branch("develpo"),
            "the remote has no branch `develpo`; did you mean `develop`?"
        );
        assert_eq!(
            branch("master"),
            "the remote has no branch `master`; its default branch is `main`"
        );
        assert_eq!(
            tag("v1.20"),
            "the remote has no tag `v1.20`; did you mean `v1.2.0`?"
        );
        assert_eq!(tag("next"), "the remote has no tag `next`");
    }

    #[test]
    fn with_a_depth_one_branch_is_taken_and_of_a_commit_the_whole_history() {
        let offer = Offer::of(&[head("refs/heads/main", '1'), direct("refs/heads/main", '1')]);
        let wanted = |checkout: Checkout| {
            let head = offer.first_head(&checkout, "main").unwrap();
            let wanted = Wanted::of(&checkout, &head, NonZeroU32::new(1), "origin");
            (wanted.refspec, wanted.shallow != Shallow::NoChange)
        };
        let one = "+refs/heads/main:refs/remotes/origin/main".to_owned();
        assert_eq!(wanted(Checkout::RemoteDefault), (one, true));
        let all = "+refs/heads/*:refs/remotes/origin/*".to_owned();
        assert_eq!(wanted(Checkout::Rev("1".repeat(40))), (all, false));
    }
}
