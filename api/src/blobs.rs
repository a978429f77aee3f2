//! Contents that come in with a request, written where nobody else has to wait for the disk.

use bytes::Bytes;
use fasti_core::store::{BlobWriter, StoreError};

use crate::errors::{Code, Problem};

/// Writes a piece of contents, away from the threads that answer.
pub(crate) async fn write(mut writer: BlobWriter, piece: Bytes) -> Result<BlobWriter, Problem> {
    off_thread(move || writer.write(&piece).map(|()| writer)).await
}

/// Runs what may block on the disk.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let failed = |error: StoreError| {
        if matches!(error, StoreError::DiskFull { .. }) {
            Problem::new(Code::DiskFull, error.to_string()).retry_after(30)
        } else {
            Problem::internal(&error)
        }
    };
    done.map_err(|error| Problem::internal(&error))?
        .map_err(failed)
}
