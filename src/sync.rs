//! Plans what `sync` does to each repo: observed states in, steps with reasons out.
//!
//! Pure. [`state`] is what was found on disk, [`plan`] decides and [`note`] says why, for submodules [`submodules`](mod@submodules), [`report`] says what came of it.
//! Nothing here looks at the disk, at git or at the terminal; `crate::git` observes and executes.

pub mod note;
pub mod plan;
pub mod report;
pub mod state;
pub mod submodules;
pub mod synced;

pub use note::{Goal, Note, rescue};
pub use plan::{
    Action, Allowed, HALF_MOVED, Step, after_fetch, first_step, offered, seen, unfollowed,
};
pub use report::{Outcome, RepoReport};
pub use state::{
    Basis, Blocked, Changes, CloneState, Head, Link, MovedTag, Place, Remote, RepoState, Seen,
    Target, short,
};
pub use submodules::{Found, Submodule, not_asked_for, submodules};
pub use synced::{Synced, Unnamed};
