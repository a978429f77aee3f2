//! Audit and replay of the Fasti log: reads, folds, compares. Performs no effects: nothing here can submit,
//! start or publish.
//!
//! [`explain`] answers why something ran or did not, [`verify`] whether a history is whole and untouched,
//! [`evidence`] proves a run to others, [`undo`] what it would mean to take something back, [`at`] what the state was at any position.
//! Both work on a folder of a stopped server ([`source::Source`]); the command line and the API use them.

pub mod at;
pub mod diff;
mod error;
pub mod evidence;
pub mod explain;
pub mod export;
pub mod rebuild;
pub mod rehearse;
pub mod sandbox;
pub mod source;
pub mod undo;
pub mod verify;
pub mod what_if;

pub use error::ReplayError;
