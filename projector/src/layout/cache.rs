//! Layouts computed lately: a version of a batch is laid out once, whoever looks at whichever of its runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::Digest;

use super::{Layout, layout};
use crate::limits::CACHED_LAYOUTS_MAX;

/// A place for one layout, filled by whoever asks first; others wait for it.
type Place = Arc<OnceLock<Arc<Layout>>>;

/// Layouts by the digest of their definition, those asked for last kept.
#[derive(Debug, Default)]
pub struct Layouts {
    kept: Mutex<VecDeque<(Digest, Place)>>,
}

impl Layouts {
    /// The layout of a definition. Computes for up to some seconds the first time: ask from a thread that may wait.
    pub fn of(&self, digest: Digest, graph: &Graph) -> Arc<Layout> {
        let place = self.place(digest);
        place.get_or_init(|| Arc::new(layout(graph))).clone()
    }

    /// Finds or makes the place; it is the newest from here on.
    fn place(&self, digest: Digest) -> Place {
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
