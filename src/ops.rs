//! What fitout does, one file per operation: without clap types, and without the printing of results.
//!
//! An operation takes what it needs as values and returns what came of it; the [`Ui`](crate::ui::Ui) of its
//! [`Context`] is for progress, for questions and for what the user should know meanwhile. With doctor's
//! probes, this is the only layer that knows both the pure core and the world. It knows no command.

pub mod generate;
pub mod lock;
pub mod login;
pub mod open;
pub mod project;
pub mod sync;

pub(crate) use open::{Context, Opened};
