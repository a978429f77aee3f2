//! Pools: their limits, and what live attempts take of them.

use std::collections::BTreeMap;

use fasti_core::domain::event::{PoolLimited, Recorded};
use fasti_core::domain::ids::TaskRunId;
use serde::{Deserialize, Serialize};

use super::{Model, user_of};
use crate::rows::PoolLimitView;

/// A pool that has limits, or of which something is taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PoolRow {
    pub(crate) limits: BTreeMap<String, PoolLimitView>,
    /// Units of live attempts, by their task runs.
    pub(crate) held: BTreeMap<TaskRunId, u32>,
}

impl PoolRow {
    /// The smallest limit.
    pub(crate) fn capacity(&self) -> Option<u64> {
        self.limits.values().map(|limit| limit.units).min()
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.limits.is_empty() && self.held.is_empty()
    }

    pub(crate) fn used(&self) -> u64 {
        self.held.values().copied().map(u64::from).sum()
    }
}

impl Model {
    pub(super) fn pool_limited(&mut self, event: &PoolLimited, recorded: &Recorded) {
        let pool = self.pools.entry(event.pool.as_str().into()).or_default();
        let (at, by) = (recorded.at, user_of(&recorded.actor));
        for (name, units) in &event.limits {
            let Some(units) = *units else {
                pool.limits.remove(name);
                continue;
            };
            let limit = pool.limits.entry(name.clone());
            let limit = limit.or_insert_with(|| PoolLimitView {
                units,
                created_at: at,
                created_by: by.clone(),
                updated_at: at,
                updated_by: by.clone(),
            });
            limit.units = units;
            limit.updated_at = at;
            limit.updated_by.clone_from(&by);
        }
        if pool.is_blank() {
            self.pools.remove(event.pool.as_str());
        }
    }
}
