//! Sealed segments: the log once more, as plain files that need no database to be read or proven. Archive,
//! source of a rebuild and form of export in one. Knows nothing of what events mean.
//!
//! `segments/<first>-<last>.seg` are the files ([`format`]), `segments/manifest` the signed anchors ([`anchor`]), which also
//! state the root of a [`tree`] by which single events can be proven to others.

mod anchor;
mod archive;
mod attest;
mod format;
mod frames;
mod offload;
mod rebuild;
mod records;
mod retain;
mod seal;
mod sealed;
mod tree;
mod witness;

pub(in crate::store) use archive::Archive;
#[cfg(test)]
pub(in crate::store) use format::{Builder, Segment};
pub(in crate::store) use frames::Frames;
pub(in crate::store) use records::Records;
pub(in crate::store) use witness::{Testimony, Witness, stretches};

pub use anchor::{Anchor, AnchorKind, anchors_of, read_secret, stream_secret};
pub use attest::{Attestor, FileSeal};
pub use format::SegmentInfo;
pub use offload::Offload;
pub use rebuild::{Rebuild, Rebuilt};
pub use retain::Retention;
pub use seal::{Anchors, SealOptions, Sealer, seal_now};
pub use sealed::{SealedContents, each_sealed};
pub use tree::{Tree, root_from, siblings};
pub use witness::Expectations;
