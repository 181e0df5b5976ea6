//! Not written yet.

pub mod create;
