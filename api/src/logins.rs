//! How often somebody may try to begin a session: whoever guesses tokens is slowed down, by the address that the
//! tries come from, and nobody else is.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use fasti_core::domain::time::Timestamp;

/// Wrong tokens that an address may show within [`WINDOW_US`].
pub(crate) const FAILURES_MAX: usize = 10;

/// How long a wrong token counts, in microseconds.
const WINDOW_US: i64 = 60 * 1_000_000;

/// Addresses remembered. Beyond them, the one whose last failure is longest ago is forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// The address that a request came from; travels with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    /// Of a connection. One customer of a network has many IPv6 addresses, which differ behind the first 64 bits.
    pub(crate) fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            address => Self(address),
        }
    }
}

/// Failures of late, by address.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    failures: Mutex<HashMap<Peer, VecDeque<Timestamp>>>,
}

impl Logins {
    /// Whether an address may try now; else, in how many seconds.
    ///
    /// # Errors
    /// There were too many failures; the seconds after which there are fewer.
    pub(crate) fn check(&self, peer: Peer, now: Timestamp) -> Result<(), u64> {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get_mut(&peer) else {
            return Ok(());
        };
        own.retain(|at| counts(*at, now));
        let Some(first) = own.front().filter(|_| own.len() >= FAILURES_MAX) else {
            return Ok(());
        };
        let left_us = first.0 + WINDOW_US - now.0;
        Err(u64::try_from(left_us.div_euclid(1_000_000) + 1).unwrap_or(1))
    }

    /// Remembers a wrong token.
    pub(crate) fn failed(&self, peer: Peer, now: Timestamp) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES_MAX && !all.contains_key(&peer) {
            all.retain(|_, own| own.back().is_some_and(|at| counts(*at, now)));
        }
        if all.len() >= ADDRESSES_MAX && !all.contains_key(&peer) {
            let oldest = all
                .iter()
                .min_by_key(|(peer, own)| (own.back().copied(), **peer));
            let oldest = oldest.map(|(peer, _)| *peer);
            oldest.map(|peer| all.remove(&peer));
        }
        let own = all.entry(peer).or_default();
        own.push_back(now);
        if own.len() > FAILURES_MAX {
            own.pop_front();
        }
    }

    /// Forgets the failures of an address that has shown the right token.
    pub(crate) fn succeeded(&self, peer: Peer) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&peer);
    }
}

/// Whether a failure counts; one of the future, after the clock was set back, does not.
fn counts(at: Timestamp, now: Timestamp) -> bool {
    (0..WINDOW_US).contains(&(now.0 - at.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn peer(text: &str) -> Peer {
        Peer::new(text.parse().unwrap())
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 + seconds * 1_000_000)
    }

    #[test]
    fn failures_are_counted_by_address_and_for_a_minute() {
        let logins = Logins::default();
        let (one, other) = (peer("10.0.0.1"), peer("10.0.0.2"));
        for at in 0..10 {
            assert_eq!(logins.check(one, later(at)), Ok(()));
            logins.failed(one, later(at));
        }
        assert_eq!(logins.check(one, later(10)), Err(51));
        assert_eq!(logins.check(other, later(10)), Ok(()));
        assert!(logins.check(one, later(59)).is_err());
        assert_eq!(
            logins.check(one, later(60)),
            Ok(()),
            "the first one is forgotten"
        );
        logins.failed(one, later(60));
        assert!(logins.check(one, later(60)).is_err());
        logins.succeeded(one);
        assert_eq!(logins.check(one, later(60)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let logins = Logins::default();
        for _ in 0..10 {
            logins.failed(peer("::1"), later(3_600));
        }
        assert_eq!(logins.check(peer("::1"), NOW), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }

    #[test]
    fn few_addresses_are_remembered() {
        let logins = Logins::default();
        for at in 0..5_000_u32 {
            logins.failed(
                Peer::new(IpAddr::V4(at.into())),
                later(i64::from(at) / 1_000),
            );
        }
        let all = logins.failures.lock().unwrap();
        assert_eq!(all.len(), ADDRESSES_MAX);
        assert!(all.contains_key(&Peer::new(IpAddr::V4(4_999.into()))));
        assert!(!all.contains_key(&Peer::new(IpAddr::V4(0.into()))));
    }
}
