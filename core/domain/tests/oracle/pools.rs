//! Pools: never more is granted than there is, and nothing waits for what is free.

use std::collections::BTreeMap;

use fasti_domain::event::{AttemptLeased, PoolLimited};

use super::Oracle;
use super::run::Stand;

/// Limits by pool and by who set them.
#[derive(Default)]
pub(super) struct PoolModels(BTreeMap<String, BTreeMap<String, u64>>);

impl PoolModels {
    pub(super) fn limited(&mut self, event: &PoolLimited) {
        let limits = self.0.entry(event.pool.clone()).or_default();
        for (name, units) in &event.limits {
            match units {
                Some(units) => drop(limits.insert(name.clone(), *units)),
                None => assert!(limits.remove(name).is_some(), "no limit is taken away"),
            }
        }
    }

    fn capacity(&self, pool: &str) -> Option<u64> {
        self.0.get(pool)?.values().min().copied()
    }
}

impl Oracle {
    /// Units of a pool of all nodes that stand so.
    fn shares(&self, pool: &str, stands: impl Fn(&Stand) -> bool) -> Vec<u64> {
        let nodes = self.runs.values().flat_map(|run| {
            let nodes = run.nodes.iter().filter(|node| stands(&node.stand));
            nodes.filter_map(|node| run.pool_of(node))
        });
        nodes
            .filter(|used| *used.pool == *pool)
            .map(|used| u64::from(used.units))
            .collect()
    }

    fn used(&self, pool: &str) -> u64 {
        let is_live = |stand: &Stand| matches!(stand, Stand::Leased(_) | Stand::Running(_));
        self.shares(pool, is_live).iter().sum()
    }

    /// After leases were granted.
    pub(super) fn check_pools(&self, event: &AttemptLeased) {
        let run = &self.runs[&event.run];
        let pools = run.nodes.iter().filter_map(|node| run.pool_of(node));
        let pools: std::collections::BTreeSet<&str> = pools.map(|used| &*used.pool).collect();
        for pool in pools {
            let used = self.used(pool);
            assert!(
                self.pools.capacity(pool).is_none_or(|most| used <= most),
                "{used} of `{pool}` are granted"
            );
        }
    }

    /// Task runs that a pool keeps waiting although a runner has room.
    pub(super) fn held_back(&self) -> u64 {
        let mut count = 0;
        for pool in self.pools.0.keys() {
            let Some(capacity) = self.pools.capacity(pool) else {
                continue;
            };
            let waiting = self.shares(pool, |stand| *stand == Stand::Queued);
            count += waiting.len() as u64;
            let free = capacity.saturating_sub(self.used(pool));
            let fitting: Vec<u64> = waiting.into_iter().filter(|it| *it <= capacity).collect();
            // The first that waits does not fit, or it would not wait.
            assert!(
                fitting.is_empty() || fitting.iter().any(|units| *units > free),
                "{fitting:?} wait although {free} of `{pool}` are free"
            );
        }
        count
    }
}
