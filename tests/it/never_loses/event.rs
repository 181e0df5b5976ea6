//! What can happen before a sync, as data: for cases that are made up, and for those that are written down.

use proptest::prelude::*;

/// Tracked from the start, or new to both sides; `*.log` is ignored, and committed by some.
pub const FILES: [&str; 11] = [
    "a.txt",
    "dir/b.txt",
    "c.txt",
    "new.txt",
    "dir/new.txt",
    "a.log",
    "new/deep.txt",
    "dir/b.log",
    "deep/er/d.txt",
    "deep/er/new.txt",
    "deep/er/e.log",
];

/// Paths that may become something of another kind. `lib` is a submodule where there are some.
pub const PLACES: [&str; 8] = [
    "dir",
    "deep",
    "deep/er",
    "dir/b.txt",
    "link",
    "new",
    "lib",
    "a.txt",
];

/// What a path may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    /// With `inner.txt` in it, and `inner.log`, which is ignored.
    Folder,
    /// To nothing.
    Link,
    /// To a folder that is there.
    LinkToFolder,
    Submodule,
    Nothing,
}

impl Kind {
    const ALL: [Kind; 6] = [
        Kind::File,
        Kind::Folder,
        Kind::Link,
        Kind::LinkToFolder,
        Kind::Submodule,
        Kind::Nothing,
    ];
}

/// What is at the repo's path before anything happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Clone,
    /// A clone with a `post-merge` hook, which fitout leaves to the user's git to move.
    Hooked,
    /// A clone with a `post-checkout` hook.
    HookedCheckout,
    /// A clone with hooks that run at other moments.
    OtherHooks,
    /// Without the files below `deep`.
    Sparse,
    /// Text files go through a filter of the user's.
    Filtered,
    /// One file is UTF-16 in the work tree, and UTF-8 in the repository.
    Encoded,
    /// Text files have CRLF in the work tree.
    Crlf,
    /// Its remote is called `upstream`.
    Upstream,
    /// With one commit of history.
    Shallow,
    /// A clone with two submodules: `lib` is there, `dep` has no files yet.
    Submodules,
    /// A clone whose submodule `lib` has a submodule `inner`.
    Nested,
    /// A clone that has another work tree, on `topic`.
    HasWorkTree,
    /// A work tree on `main` of a clone elsewhere, which is on `topic`.
    IsWorkTree,
    /// A clone of another URL, which has the same history.
    OtherUrl,
    /// A repository without a remote.
    NoRemote,
    /// A folder with files in it. The last one.
    Folder,
}

impl Ground {
    pub const COUNT: usize = Ground::Folder as usize + 1;

    /// Whether files of the work tree are made from those of the commit, so that only git can compare them.
    pub fn converts(self) -> bool {
        matches!(self, Ground::Filtered | Ground::Encoded | Ground::Crlf)
    }

    pub fn has_submodules(self) -> bool {
        matches!(self, Ground::Submodules | Ground::Nested)
    }
}

/// Something that happened before the sync.
#[derive(Clone, Debug)]
pub enum Event {
    /// In the submodule or the other work tree, where there is one.
    Beside(Box<Event>),
    Write(usize, u8),
    Remove(usize),
    Stage(usize),
    /// Marked as to be added, without its content.
    Intend(usize),
    Link(usize),
    /// A path is made something of another kind, and what was there is gone.
    Become(usize, Kind),
    /// A repository of the user's own, which git does not track.
    Nest(usize),
    /// Told git not to look at it, then changed it.
    Hide(usize, u8),
    Commit(u8),
    /// The last commit is replaced.
    Amend(u8),
    /// Written anew, as it was.
    Touch(usize),
    Collect,
    PackRefs,
    /// A program of the user's holds a lock of the repository.
    Hold(&'static str),
    Fetch,
    /// Told git not to look at submodules.
    IgnoreSubmodules,
    Stash,
    Branch(&'static str),
    Detach(u8),
    /// A commit that only a detached HEAD holds.
    CommitDetached(u8),
    Orphan,
    /// A merge, rebase, cherry-pick, revert or bisect that stopped.
    Stop(&'static str),
    /// Both sides write a file, each its own.
    BothWrite(usize),
    TheyCommit(usize, u8),
    TheyRemove(usize),
    /// A file becomes a folder.
    TheyNest(usize),
    TheyBecome(usize, Kind),
    TheyForce(u8),
    TheyDelete(&'static str),
    TheyRename,
    TheyTag,
    /// The submodule `lib` has a new commit, and the repo follows it.
    TheyBump(u8),
    /// The repo no longer has the submodule `lib`.
    TheyDropSubmodule,
}

pub fn events() -> impl Strategy<Value = Vec<Event>> {
    let beside = event().prop_map(|event| Event::Beside(Box::new(event)));
    prop::collection::vec(prop_oneof![5 => event(), 1 => beside], 1..9)
}

/// Files of which the existence says that something else is changing the repository.
pub const LOCKS: [&str; 5] = [
    "index.lock",
    "HEAD.lock",
    "refs/heads/main.lock",
    "packed-refs.lock",
    "config.lock",
];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![4 => mine(), 2 => theirs()]
}

/// Something that the user does, or a program of theirs.
pub fn mine() -> impl Strategy<Value = Event> {
    let file = 0..FILES.len();
    let place = 0..PLACES.len();
    prop_oneof![
        4 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::Write(file, text)),
        1 => file.clone().prop_map(Event::Remove),
        2 => file.clone().prop_map(Event::Stage),
        1 => file.clone().prop_map(Event::Intend),
        1 => file.clone().prop_map(Event::Link),
        1 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::Hide(file, text)),
        1 => (place.clone(), kind()).prop_map(|(place, kind)| Event::Become(place, kind)),
        1 => place.prop_map(Event::Nest),
        1 => file.prop_map(Event::Touch),
        3 => any::<u8>().prop_map(Event::Commit),
        1 => any::<u8>().prop_map(Event::Amend),
        1 => Just(Event::Collect),
        1 => Just(Event::PackRefs),
        1 => prop::sample::select(LOCKS.to_vec()).prop_map(Event::Hold),
        1 => Just(Event::Fetch),
        1 => Just(Event::IgnoreSubmodules),
        1 => Just(Event::Stash),
        2 => prop::sample::select(vec!["main", "topic", "own"]).prop_map(Event::Branch),
        1 => (0..3_u8).prop_map(Event::Detach),
        2 => any::<u8>().prop_map(Event::CommitDetached),
        1 => Just(Event::Orphan),
        1 => prop::sample::select(vec!["merge", "rebase", "cherry-pick", "revert", "bisect"])
            .prop_map(Event::Stop),
    ]
}

/// Something that reaches the remote.
fn theirs() -> impl Strategy<Value = Event> {
    let file = 0..FILES.len();
    let place = 0..PLACES.len();
    prop_oneof![
        4 => file.clone().prop_map(Event::BothWrite),
        5 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::TheyCommit(file, text)),
        1 => file.clone().prop_map(Event::TheyRemove),
        1 => file.prop_map(Event::TheyNest),
        5 => (place, kind()).prop_map(|(place, kind)| Event::TheyBecome(place, kind)),
        1 => any::<u8>().prop_map(Event::TheyForce),
        1 => prop::sample::select(vec!["main", "topic"]).prop_map(Event::TheyDelete),
        1 => Just(Event::TheyRename),
        1 => Just(Event::TheyTag),
        2 => any::<u8>().prop_map(Event::TheyBump),
        1 => Just(Event::TheyDropSubmodule),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

pub fn ground() -> impl Strategy<Value = Ground> {
    prop_oneof![
        8 => Just(Ground::Clone),
        1 => Just(Ground::Hooked),
        1 => Just(Ground::HookedCheckout),
        1 => Just(Ground::OtherHooks),
        1 => Just(Ground::Sparse),
        1 => Just(Ground::Filtered),
        1 => Just(Ground::Encoded),
        1 => Just(Ground::Crlf),
        1 => Just(Ground::Upstream),
        2 => Just(Ground::Shallow),
        3 => Just(Ground::Submodules),
        1 => Just(Ground::Nested),
        1 => Just(Ground::HasWorkTree),
        1 => Just(Ground::IsWorkTree),
        1 => Just(Ground::OtherUrl),
        1 => Just(Ground::NoRemote),
        1 => Just(Ground::Folder),
    ]
}

/// What the manifest, or the lock file, wants checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Default,
    Branch(&'static str),
    Tag,
    FirstCommit,
    LockedToFirst,
    LockedToNewest,
}

/// What the manifest wants, and how sync is called.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub wanted: Wanted,
    pub backend: &'static str,
    pub switch: bool,
    pub set_url: bool,
}

impl Wish {
    /// `fitout sync`, with a manifest that says nothing more of the repo.
    pub const PLAIN: Wish = Wish {
        wanted: Wanted::Default,
        backend: "built-in",
        switch: false,
        set_url: false,
    };

    /// The library's part of a sync reads no lock file: a commit of the manifest's stands for it.
    pub fn without_a_lock_file(self) -> Wish {
        let wanted = match self.wanted {
            Wanted::LockedToFirst | Wanted::LockedToNewest => Wanted::FirstCommit,
            wanted => wanted,
        };
        Wish { wanted, ..self }
    }

    /// Whether HEAD may come to lead elsewhere than it did.
    pub fn may_move_head(self) -> bool {
        self.switch || !matches!(self.wanted, Wanted::Default | Wanted::Branch(_))
    }
}

pub fn wish() -> impl Strategy<Value = Wish> {
    let wanted = prop_oneof![
        3 => Just(Wanted::Default),
        1 => Just(Wanted::Branch("main")),
        1 => Just(Wanted::Branch("topic")),
        1 => Just(Wanted::Tag),
        1 => Just(Wanted::FirstCommit),
        1 => Just(Wanted::LockedToFirst),
        1 => Just(Wanted::LockedToNewest),
    ];
    let backend = prop::sample::select(vec!["built-in", "built-in", "built-in", "cli"]);
    (wanted, backend, any::<bool>(), any::<bool>()).prop_map(
        |(wanted, backend, switch, set_url)| Wish {
            wanted,
            backend,
            switch,
            set_url,
        },
    )
}
