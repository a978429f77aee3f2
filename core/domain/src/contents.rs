//! What lies beside the log and is removed when its time is up: kinds of it, and which bundles may go.

use serde::{Deserialize, Serialize};

use crate::event::{BundleRemoved, Event};
use crate::ids::Digest;
use crate::state::State;
use crate::time::Timestamp;

/// A kind of contents.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// What Python functions returned.
    Results,
    /// What attempts wrote to stdout and stderr.
    Output,
    /// What nothing in the log names: left by somebody who died before it was on record.
    Unnamed,
}

/// Contents beside the log were removed because their time was up, or there were too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ContentsRemoved {
    /// Which.
    pub kind: ContentKind,
    /// Those that runs finished before this instant were the last to use; of unnamed ones, those written before.
    pub used_before: Timestamp,
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Puts on record that contents are about to be removed.
pub(crate) fn remove(removed: &ContentsRemoved) -> Vec<Event> {
    vec![removed.clone().into()]
}

/// Those of the bundles that are registered and that neither an image, a document nor a definition in use names.
pub(crate) fn remove_bundles(state: &State, digests: &[Digest]) -> Vec<Event> {
    let by_document = state.document_blobs();
    let is_named = |digest: Digest| {
        let by_image = |image: &crate::image::Image| image.bundle == Some(digest);
        state.images.values().any(by_image)
            || by_document.contains(&digest)
            || state
                .definitions
                .values()
                .any(|used| used.graph.definition().bundle == Some(digest))
    };
    let mut seen = std::collections::BTreeSet::new();
    digests
        .iter()
        .filter(|digest| state.bundles.contains_key(digest) && !is_named(**digest))
        .filter(|digest| seen.insert(**digest))
        .map(|digest| BundleRemoved { digest: *digest }.into())
        .collect()
}
