//! JSON exactly as published. What is not set is there as `null`: users index the keys.

mod job;
mod project;
mod submit;

pub(super) use job::*;
pub(super) use project::*;
pub(super) use submit::*;
