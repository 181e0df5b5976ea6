//! Dockerfiles: parsing and linting.
//!
//! In reading order: [`name`] tells a Dockerfile and its purpose by its name, [`parse`] turns text into instructions with spans, [`stages`] says how the
//! stages build on each other, [`shell`] and [`install`] what a `RUN` does, [`ignore_file`] what a
//! `.dockerignore` leaves out. [`rules`] look at a [`file::File`] and give [`finding`]s;
//! [`comments`] silence them; [`report`] and [`sarif`] show them; [`linters`] reads what other
//! linters say. Pure: nothing here looks at the disk or runs a program.

pub mod breadth;
pub mod comments;
pub mod file;
pub mod finding;
pub mod fix;
pub mod ignore_file;
pub mod install;
pub mod lint;
pub mod linters;
pub mod name;
pub mod parse;
pub mod report;
pub mod rules;
pub mod sarif;
pub mod shell;
pub mod stages;
pub mod variables;
