//! A disk that forgets: file system calls of a real server are recorded, and a power cut at any of them is
//! worked out from what had been synced by then.
//!
//! `recorder.c` is loaded into the server (`shim.rs` builds it and sets it up), `trace.rs` reads what it wrote,
//! `model.rs` knows what survives. Nothing here knows what a test wants to prove.

pub(crate) mod model;
pub(crate) mod shim;
pub(crate) mod trace;
