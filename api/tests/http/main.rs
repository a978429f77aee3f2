//! The HTTP interface as a client sees it: the real service on loopback over a real engine, store and views,
//! with a runner played by the test.

#![allow(clippy::unwrap_used, reason = "tests")]

mod backfills;
mod batches;
mod client;
mod contract;
mod differences;
mod drains;
mod events;
mod explanations;
mod flow_lists;
mod hardening;
mod images;
mod layouts;
mod limits;
mod outputs;
mod page;
mod past;
mod pools;
mod records;
mod rescale;
mod runs;
mod saving;
mod saving_schedules;
mod schedules;
mod server;
mod sessions;
mod triggers;
mod turns;
mod undo;
mod what_if;
