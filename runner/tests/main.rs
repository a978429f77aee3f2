//! The runner as a process: real programs, real signals, a server played by the test.
//!
//! One binary: [`be_a_runner_when_asked`](server::be_a_runner_when_asked) turns a copy of it into a runner.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cleanup;
mod commands;
mod connection;
mod containers;
mod python;
mod server;
mod stops;
