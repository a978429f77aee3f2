//! Why a history could not be looked at. Damage is no error here: it is what an audit finds.

use fasti_core::codec::CodecError;
use fasti_core::domain::ids::Seq;
use fasti_core::feed::FeedError;
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
    /// The views say so.
    #[error(transparent)]
    Views(#[from] fasti_projector::ViewsError),
    /// There is nothing to export.
    #[error("there are no events from seq {first} on")]
    NoEvents {
        /// First position asked for.
        first: Seq,
    },
    /// A folder that is to be made has something in it.
    #[error("{} is not empty; name a folder that is not there yet", dir.display())]
    NotEmpty {
        /// The folder.
        dir: std::path::PathBuf,
    },
    /// A file is not the export it should be.
    #[error("the export cannot be used: {0}")]
    Export(String),
    /// The library that reads and writes Parquet says so.
    #[error("reading or writing Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The file system refuses.
    #[error("reading or writing the export: {0}")]
    Io(#[from] std::io::Error),
}

impl From<FeedError> for ReplayError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Store(error) => error.into(),
            FeedError::Codec(error) => error.into(),
            FeedError::Threads(error) => error.into(),
            exact @ FeedError::Exact { .. } => std::io::Error::other(exact.to_string()).into(),
        }
    }
}
