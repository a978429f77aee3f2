//! The rules of the domain from outside: transcripts of what happens (`scenarios`) and properties that hold
//! whatever happens (`laws`).
//!
//! Everything goes through `handle`, by way of `world`, which lets `oracle` look over every event. The oracle
//! knows the rules in a second, naive form and takes nothing from the state but what it compares.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests may panic, and look at the few events they speak of"
)]

mod batches;
mod calendar;
mod laws;
mod oracle;
mod scenarios;
mod world;
