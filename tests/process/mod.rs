//! The real binary, from outside: what must hold when it is killed, stopped, lied to and kept busy.
//!
//! Where to look next: `kills.rs` (nothing acknowledged is lost), `restart.rs` (a restart changes nothing),
//! `slips.rs` (what nobody can have meant), `tasks.rs` and `python_tasks.rs` (what a task is and how it ends), `reuse.rs` (processes that serve many calls), `cancelling.rs`, `surviving.rs` (tasks
//! outlive the server), `bad_input.rs`, `starting.rs` (what is refused at the start, how it stops),
//! `damage.rs`, `power/` (what a power cut leaves), `evolution.rs` (logs of later versions), `evidence.rs` (files that prove a run), `rehearsal.rs` (history decided again), `forks.rs` (forks and sandboxes), `clearing.rs` (what is over its limits), `restoring.rs` (a restore that dies),
//! `wide.rs` (100,000 task runs), `streams.rs` (events as they happen), `schedules.rs` (every slot once), `commands.rs` (the
//! command line), `draining.rs`, `undo.rs` and `what_if.rs` (commands taken back, history played again), `demo.rs`.

mod bad_input;
mod bundle;
mod cancelling;
mod clearing;
mod commands;
mod crash_points;
mod damage;
mod damaged_copies;
mod demo;
mod disk_full;
mod draining;
mod evidence;
mod evolution;
mod forks;
mod kills;
mod power;
mod python_tasks;
mod rehearsal;
mod restart;
mod restoring;
mod reuse;
mod schedules;
mod slips;
mod starting;
mod streams;
mod surviving;
mod tasks;
mod undo;
mod what_if;
mod wide;
