//! Answers given to requests with an idempotency key, so that a repetition gets the same bytes again.
//!
//! The log remembers what a key did; this remembers how it was told, while the server runs and within bounds.
//! A repetition that is not here any more is told of the same thing as it is by then.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use warp::http::StatusCode;

/// Bytes of answers kept.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Answers larger than this are not kept.
const ANSWER_BYTES_MAX: usize = 256 << 10;

#[derive(Default)]
struct Kept {
    answers: HashMap<(String, String), (StatusCode, Bytes)>,
    order: VecDeque<(String, String)>,
    bytes: usize,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Replays {
    kept: Mutex<Kept>,
}

impl Replays {
    /// Keeps an answer under its key and the fingerprint of its request.
    pub(crate) fn keep(&self, key: &str, fingerprint: &str, status: StatusCode, body: &Bytes) {
        if body.len() > ANSWER_BYTES_MAX {
            return;
        }
        let name = (key.to_owned(), fingerprint.to_owned());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.answers.contains_key(&name) {
            return;
        }
        kept.bytes += body.len();
        kept.answers.insert(name.clone(), (status, body.clone()));
        kept.order.push_back(name);
        while kept.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            if let Some((_, body)) = kept.answers.remove(&oldest) {
                kept.bytes -= body.len();
            }
        }
    }

    /// The answer given before.
    pub(crate) fn find(&self, key: &str, fingerprint: &str) -> Option<(StatusCode, Bytes)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers
            .get(&(key.to_owned(), fingerprint.to_owned()))
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_answers_make_room() {
        let replays = Replays::default();
        let body = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX]);
        for number in 0..100 {
            replays.keep(&format!("k{number}"), "f", StatusCode::OK, &body);
        }
        assert!(replays.find("k0", "f").is_none());
        assert!(replays.find("k99", "f").is_some());
        assert!(replays.find("k99", "another request").is_none());
        let kept = replays.kept.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(kept.bytes <= KEPT_BYTES_MAX);
        assert_eq!(kept.answers.len(), kept.order.len());
    }
}
