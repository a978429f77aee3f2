//! Tests of core against the world outside, one program so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests start servers and may panic"
)]

mod nats;
mod planted;
