//! Pools: named shares of capacity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A named share of capacity over all runners.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pool {
    /// Name that tasks use.
    pub(crate) name: String,
    /// Units there are: the smallest of its limits; null: as many as one likes.
    pub(crate) capacity: Option<u64>,
    /// Units that live attempts take.
    pub(crate) used: u64,
    /// Its limits, by the name of who set each: `limit` is the one that is set here.
    pub(crate) limits: BTreeMap<String, u64>,
}

/// Sets the limit of a pool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolBody {
    /// Units; null takes the limit away. With 0 nothing of the pool begins any more.
    pub(crate) limit: Option<u64>,
}
