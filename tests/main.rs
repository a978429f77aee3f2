//! The tests of the whole: one binary, so that it links once.
//!
//! `tidy` holds the conventions of the tree; `process` and `nats` try the real binary, with what `support`
//! gives them. A new folder of tests is declared here; `tidy` fails on a file
//! that nobody declares.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests start processes, read the clock and may panic"
)]

mod nats;
mod process;
mod sim;
mod support;
mod tidy;
