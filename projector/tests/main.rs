//! The views as a whole, fed with events that the real domain decided. Asking for things is not the views'
//! affair, so these tests are outside of the crate.

#![allow(clippy::unwrap_used, reason = "tests")]

mod asking;
mod following;
mod history;
mod layouts;
mod lifecycle;
mod list_work;
mod lists;
mod past;
mod rebuild;
mod repeating;
mod slots;
mod stages;
mod world;
