//! The dialects spoken over HTTP, each with its own wire types, errors and paging.

pub(crate) mod native;
pub(crate) mod scale_v6;
