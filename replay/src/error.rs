//! Why a history could not be looked at. Damage is no error here: it is what an audit finds.

use fasti_core::codec::CodecError;
use fasti_core::store::StoreError;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is no event this version knows.
    #[error(transparent)]
    Codec(#[from] CodecError),
}
