//! Runs fitout as a user would. One integration binary: a file a command.

#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod add;
mod as_git;
mod cache;
mod context;
mod copy;
mod data;
mod day_two;
mod db;
mod demo;
mod docker;
mod dockerfile_images;
mod dockerfiles;
mod doctor;
mod edit;
mod failure;
mod foreach;
mod fuzz;
mod generate;
mod healthcheck;
mod hooks;
mod host;
mod http_server;
mod init;
mod lfs;
mod lfs_server;
mod lint;
mod lock;
mod login;
mod manifest;
mod never_loses;
mod project;
mod proxy;
mod runtime;
mod shell;
mod ssh;
mod stack;
mod status;
mod surroundings;
mod sync;
mod terminal;
mod tidy;
mod trust;
mod up;
mod use_service;
