//! What can go wrong with a query or the following of the log.

use fasti_core::feed::FeedError;
use fasti_core::store::StoreError;

/// The views cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The table of old runs cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the table of old runs is not what it should be.
    #[error(
        "reading the {what} of an old run from the views: {source}; stop the scheduler and delete the folder `views`, it is rebuilt from the log"
    )]
    Row {
        /// Which kind of row.
        what: &'static str,
        /// What is wrong with it.
        source: rmp_serde::decode::Error,
    },
    /// Something an old run refers to is missing.
    #[error(
        "the {what} is missing in the views; stop the scheduler and delete the folder `views`, it is rebuilt from the log"
    )]
    Missing {
        /// What.
        what: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
}
