//! JSON exactly as published: camelCase, whole milliseconds, nothing null that the client wants.

mod dataset;
mod deployment;
mod job;
mod project;
mod webhook;

use serde::Serialize;

pub(super) use dataset::*;
pub(super) use deployment::*;
pub(super) use job::*;
pub(super) use project::*;
pub(super) use webhook::*;

/// Answer to every removal.
#[derive(Debug, Serialize)]
pub(super) struct Deleted {
    pub(super) id: String,
    pub(super) deleted: bool,
}
