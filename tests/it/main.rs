//! Runs the `fitout` binary as a user would. One integration binary: a file a command.

mod context;
mod http_server;
mod sync;
