//! The operations of fitout, one file each: without clap types, and without printing results.
//!
//! An operation takes what it needs as values and returns what came of it; the [`Ui`](crate::ui::Ui) of its
//! [`Context`] is for progress, for questions and for what the user should know meanwhile. With doctor's
//! machine, this is the only layer that knows both the pure core and the world. It knows no command.

pub(crate) mod add;
pub(crate) mod client;
pub(crate) mod copies;
pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod dockerfiles;
pub(crate) mod edit;
pub(crate) mod examine;
pub(crate) mod fix;
pub(crate) mod foreach;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod lint;
pub(crate) mod lock;
pub(crate) mod login;
pub(crate) mod open;
pub(crate) mod parallel;
pub(crate) mod project;
pub(crate) mod remove;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod switch;
pub(crate) mod sync;
pub(crate) mod test;

pub(crate) use open::{Context, Opened};
