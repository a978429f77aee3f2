//! Which items are over a limit. Pure.

use fasti_domain::time::Timestamp;

const DAY_US: i64 = 86_400_000_000;

/// How long and how much is kept; without a limit, for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Days after the end of the last run that used it.
    pub keep_days: Option<u32>,
    /// Bytes of all together; what was not used for the longest time goes first.
    pub keep_bytes: Option<u64>,
}

/// Something that can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<K> {
    /// What it is.
    pub key: K,
    /// What it takes.
    pub bytes: u64,
    /// When it was used last; `None`: it is in use.
    pub used: Option<Timestamp>,
}

/// Items whose time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired<K> {
    /// They.
    pub items: Vec<Item<K>>,
    /// All of them were used before this instant, and nothing else was.
    pub used_before: Timestamp,
}

/// The items over the limits; `None` if there is none. What is in use counts, and stays.
#[must_use]
pub fn expired<K>(mut items: Vec<Item<K>>, limits: Limits, now: Timestamp) -> Option<Expired<K>> {
    let by_age = limits
        .keep_days
        .map(|days| Timestamp(now.0 - i64::from(days) * DAY_US));
    let mut over = match limits.keep_bytes {
        None => 0,
        Some(keep) => {
            let all: u64 = items.iter().map(|item| item.bytes).sum();
            all.saturating_sub(keep)
        }
    };
    items.retain(|item| item.used.is_some());
    items.sort_by_key(|item| item.used);
    let mut used_before = by_age;
    for item in &items {
        if over == 0 {
            break;
        }
        over = over.saturating_sub(item.bytes);
        used_before = used_before.max(item.used.map(|used| Timestamp(used.0 + 1)));
    }
    let used_before = used_before?;
    items.retain(|item| item.used.is_some_and(|used| used < used_before));
    (!items.is_empty()).then_some(Expired { items, used_before })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn items() -> Vec<Item<u8>> {
        let item = |key, bytes, used: Option<i64>| Item {
            key,
            bytes,
            used: used.map(Timestamp),
        };
        vec![
            item(1, 10, Some(3 * DAY_US)),
            item(2, 20, None),
            item(3, 30, Some(DAY_US)),
            item(4, 40, Some(2 * DAY_US)),
        ]
    }

    fn keys(limits: Limits, now_days: i64) -> Vec<u8> {
        let found = expired(items(), limits, Timestamp(now_days * DAY_US));
        let found = found.map(|it| it.items).unwrap_or_default();
        found.into_iter().map(|item| item.key).collect()
    }

    #[test]
    fn what_is_old_goes_and_what_is_in_use_stays() {
        let days = |days| Limits {
            keep_days: Some(days),
            keep_bytes: None,
        };
        assert_eq!(keys(Limits::default(), 999), [0; 0]);
        assert_eq!(keys(days(1), 3), [3]);
        assert_eq!(keys(days(1), 4), [3, 4]);
        assert_eq!(keys(days(0), 999), [3, 4, 1]);
    }

    #[test]
    fn what_is_too_much_goes_oldest_first_until_it_fits() {
        let bytes = |bytes| Limits {
            keep_days: None,
            keep_bytes: Some(bytes),
        };
        assert_eq!(keys(bytes(100), 4), [0; 0]);
        assert_eq!(keys(bytes(99), 4), [3]);
        assert_eq!(keys(bytes(69), 4), [3, 4]);
        assert_eq!(keys(bytes(0), 4), [3, 4, 1], "but not what is in use");
    }

    #[test]
    fn the_horizon_is_behind_all_that_goes() {
        let limits = Limits {
            keep_days: None,
            keep_bytes: Some(99),
        };
        let found = expired(items(), limits, Timestamp(0)).unwrap();
        assert_eq!(found.used_before, Timestamp(DAY_US + 1));
    }
}
