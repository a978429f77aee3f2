//! What was made of layouts lately: a version of a batch is laid out once, whoever looks at whichever of its runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fasti_core::domain::ids::Digest;

use crate::limits::CACHED_LAYOUTS_MAX;

/// A place for what is made of one definition, filled by whoever asks first; others wait for it.
type Place<T> = Arc<OnceLock<Arc<T>>>;

/// Layouts, or what is made of them, by the digest of their definition, those asked for last kept.
#[derive(Debug)]
pub struct Layouts<T> {
    kept: Mutex<VecDeque<(Digest, Place<T>)>>,
}

impl<T> Default for Layouts<T> {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }
}

impl<T> Layouts<T> {
    /// What is kept of a definition, or is made now. That can take a while: ask from a thread that may wait.
    pub fn of(&self, digest: Digest, make: impl FnOnce() -> T) -> Arc<T> {
        let place = self.place(digest);
        place.get_or_init(|| Arc::new(make())).clone()
    }

    /// What is kept of a definition.
    pub fn kept(&self, digest: Digest) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().find(|(other, _)| *other == digest)?;
        place.1.get().cloned()
    }

    /// Finds or makes the place; it is the newest from here on.
    fn place(&self, digest: Digest) -> Place<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(other, _)| *other == digest);
        let place = known.and_then(|at| kept.remove(at)).map(|(_, place)| place);
        let place = place.unwrap_or_default();
        kept.push_back((digest, place.clone()));
        if kept.len() > CACHED_LAYOUTS_MAX {
            kept.pop_front();
        }
        place
    }
}
