//! Pools: named shares of capacity over all runners. A task says how much of which pool each of its attempts takes;
//! attempts are leased as long as there is room. What is taken is derived from the leases, like slots in use.
//!
//! A pool is as wide as the smallest of its limits; without any it is as wide as can be, and needs not be made.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::definition::PoolUse;
use crate::event::Event;
use crate::ids::RunId;
use crate::limits::{POOL_LIMITS_MAX, POOLS_MAX};
use crate::rejection::Rejection;
use crate::state::State;
use crate::task_options::check_pool_name;

/// A pool that has limits, or of which something is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its limits, by the name of who set each; the smallest holds.
    pub(crate) limits: BTreeMap<String, u64>,
    /// What live attempts take.
    pub(crate) held: BTreeMap<(RunId, u32), u32>,
}

/// Limits of a pool were set or taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolLimited {
    /// Name of the pool.
    pub pool: String,
    /// Units by the name of who limits it; `None`: no longer.
    pub limits: BTreeMap<String, Option<u64>>,
}

impl Pool {
    fn free(&self) -> Option<(u64, u64)> {
        let capacity = self.limits.values().min().copied()?;
        let used: u64 = self.held.values().copied().map(u64::from).sum();
        Some((capacity, capacity.saturating_sub(used)))
    }

    fn is_blank(&self) -> bool {
        self.limits.is_empty() && self.held.is_empty()
    }
}

impl State {
    /// Units of a limit of a pool; `None` when there is none of this name.
    pub(crate) fn pool_limit(&self, pool: &str, limit: &str) -> Option<u64> {
        self.pools.get(pool)?.limits.get(limit).copied()
    }
}

/// Sets limits of a pool, or takes them away (`None`). All or nothing.
pub(crate) fn limit(
    state: &State,
    who: &Principal,
    pool: &str,
    limits: &BTreeMap<String, Option<u64>>,
) -> Result<Vec<Event>, Rejection> {
    if !who.is_admin {
        return Err(Rejection::NotAdministrator {
            action: "change the limits of a pool",
        });
    }
    check_pool_name("pool", pool)?;
    for name in limits.keys() {
        check_pool_name("limits", name)?;
    }
    let known = state.pools.get(pool);
    let before = |name: &str| known.and_then(|pool| pool.limits.get(name)).copied();
    let changes: BTreeMap<String, Option<u64>> = limits
        .iter()
        .filter(|(name, limit)| before(name) != **limit)
        .map(|(name, limit)| (name.clone(), *limit))
        .collect();
    let added = changes
        .iter()
        .filter(|(name, limit)| limit.is_some() && before(name).is_none())
        .count();
    if known.map_or(0, |pool| pool.limits.len()) + added > POOL_LIMITS_MAX {
        return Err(Rejection::Limit {
            message: format!("a pool has at most {POOL_LIMITS_MAX} limits; take some away first"),
        });
    }
    if known.is_none() && added > 0 && state.pools.len() >= POOLS_MAX {
        return Err(Rejection::Limit {
            message: format!("there are {POOLS_MAX} pools already"),
        });
    }
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![
        PoolLimited {
            pool: pool.to_owned(),
            limits: changes,
        }
        .into(),
    ])
}

pub(crate) fn evolve_limited(state: &mut State, event: &PoolLimited) {
    let name: Arc<str> = event.pool.as_str().into();
    let pool = state.pools.entry(name.clone()).or_default();
    for (limit, units) in &event.limits {
        match units {
            Some(units) => drop(pool.limits.insert(limit.clone(), *units)),
            None => drop(pool.limits.remove(limit)),
        }
    }
    if pool.is_blank() {
        state.pools.remove(&name);
    }
}

/// A live attempt takes its share.
pub(crate) fn take(pools: &mut BTreeMap<Arc<str>, Pool>, used: &PoolUse, run: RunId, index: u32) {
    let pool = pools.entry(used.pool.clone()).or_default();
    pool.held.insert((run, index), used.units);
}

/// It gives its share back.
pub(crate) fn give_back(
    pools: &mut BTreeMap<Arc<str>, Pool>,
    used: &PoolUse,
    run: RunId,
    index: u32,
) {
    if let Some(pool) = pools.get_mut(&used.pool) {
        pool.held.remove(&(run, index));
        if pool.is_blank() {
            pools.remove(&used.pool);
        }
    }
}

/// What is free while leases are handed out.
pub(crate) struct Budget<'a> {
    pools: &'a BTreeMap<Arc<str>, Pool>,
    /// Capacity and what is free of it, of pools asked for; `None`: as much as one likes.
    free: BTreeMap<Arc<str>, Option<(u64, u64)>>,
}

/// Whether a share is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It was free and is taken.
    Taken,
    /// Not now. Those behind wait too, or a wide share would never become free.
    Later,
    /// It is wider than the whole pool: it waits for a higher limit and keeps nobody up.
    TooWide,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(pools: &'a BTreeMap<Arc<str>, Pool>) -> Self {
        Self {
            pools,
            free: BTreeMap::new(),
        }
    }

    /// Takes a share, if it is free.
    pub(crate) fn take(&mut self, used: &PoolUse) -> Room {
        let free = self.free.entry(used.pool.clone()).or_insert_with(|| {
            let pool = self.pools.get(&used.pool);
            pool.and_then(Pool::free)
        });
        let Some((capacity, free)) = free else {
            return Room::Taken;
        };
        let units = u64::from(used.units);
        if units > *capacity {
            return Room::TooWide;
        }
        match free.checked_sub(units) {
            Some(left) => {
                *free = left;
                Room::Taken
            }
            None => Room::Later,
        }
    }
}
