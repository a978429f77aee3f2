//! The contents that events name: results and bundles. They lie beside the log under their digests; whoever
//! seals, checks or clears them asks here which ones a record is about.

use fasti_domain::event::Event;
use fasti_domain::ids::Digest;

use crate::record::StoredRecord;

/// Digests of the contents that the event names.
#[must_use]
pub fn contents(event: &Event) -> Vec<Digest> {
    if let Event::AttemptFinished(finished) = event {
        let results = finished.ends.iter().filter_map(|end| end.result.as_ref());
        return results.map(|result| result.sha256).collect();
    }
    if let Event::BundleRegistered(registered) = event {
        return vec![registered.digest];
    }
    Vec::new()
}

/// As [`contents`], of a record; none if it cannot be read as an event.
#[must_use]
pub fn contents_of(stored: &StoredRecord) -> Vec<Digest> {
    // Most events name none: those are not decoded.
    if !matches!(
        stored.record.name.as_str(),
        "attempt.finished" | "bundle.registered"
    ) {
        return Vec::new();
    }
    super::decode(stored).map_or_else(|_| Vec::new(), |entry| contents(&entry.recorded.event))
}
