//! Bodies written piece by piece by a task of their own. The client's pace is the writer's pace; a client that
//! stops reading, or a server that stops, ends the task.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use warp::Reply as _;
use warp::reply::Response;

/// Pieces on their way to one client.
const PIECES_MAX: usize = 4;

/// How long a client may leave a piece lying before its connection is closed.
const STALLED: Duration = Duration::from_secs(60);

/// The client is gone, or is to go.
pub(crate) struct Gone;

/// The writing end of a body.
pub(crate) struct Sender {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    shutdown: CancellationToken,
}

impl Sender {
    /// Hands on a piece.
    ///
    /// # Errors
    /// [`Gone`]: write nothing more.
    pub(crate) async fn send(&self, piece: Bytes) -> Result<(), Gone> {
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Gone),
            sent = self.pieces.send_timeout(Ok(piece), STALLED) => sent.map_err(|_| Gone),
        }
    }

    /// Breaks the body off, so that the client does not take it for whole.
    pub(crate) async fn fail(&self, why: String) {
        tracing::error!(%why, "a body breaks off");
        let error = std::io::Error::other(why);
        // A client that is gone needs no telling.
        let _ = self.pieces.send_timeout(Err(error), STALLED).await;
    }

    /// Resolves when there is nobody to write to any more.
    pub(crate) async fn gone(&self) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = self.pieces.closed() => {}
        }
    }
}

/// A response whose body `write` writes.
pub(crate) fn streamed<F, W>(shutdown: &CancellationToken, write: W) -> Response
where
    W: FnOnce(Sender) -> F,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    let sender = Sender {
        pieces,
        shutdown: shutdown.clone(),
    };
    let writing = write(sender);
    tokio::spawn(async move {
        if writing.await.is_err() {
            tracing::debug!("a body was not read to its end");
        }
    });
    warp::reply::stream(ReceiverStream::new(received)).into_response()
}
