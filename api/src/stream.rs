//! Bodies written piece by piece by a task of their own. The client's pace is the writer's pace; a client that
//! stops reading, or a server that stops, ends the task. A body that ends before its writer is done is broken
//! off, so that nobody takes a part for the whole.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio_util::sync::CancellationToken;
use warp::Reply as _;
use warp::reply::Response;

use crate::call::Call;

/// Pieces on their way to one client.
const PIECES_MAX: usize = 4;

/// What a body is, and so how long its reader may take and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Goes on for ever: it has no end that could be taken for the whole, and a reader takes it up again by
    /// position. One that leaves a piece lying for a minute is let go.
    Endless,
    /// Has an end, and is broken off if it is not reached. Readers may leave a piece lying for 15 minutes:
    /// they cost a few pieces of memory and nothing else.
    Whole,
}

impl Kind {
    /// How long a client may leave a piece lying before its connection is closed.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Endless => Duration::from_secs(60),
            Self::Whole => Duration::from_secs(15 * 60),
        }
    }
}

/// The client is gone, or is to go.
pub(crate) struct Gone;

/// The writing end of a body.
pub(crate) struct Sender {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    patience: Duration,
    shutdown: CancellationToken,
    hangup: CancellationToken,
    is_broken: Arc<AtomicBool>,
}

impl Sender {
    /// Hands on a piece.
    ///
    /// # Errors
    /// [`Gone`]: write nothing more.
    pub(crate) async fn send(&self, piece: Bytes) -> Result<(), Gone> {
        tokio::select! {
            () = self.shutdown.cancelled() => Err(Gone),
            sent = self.pieces.send_timeout(Ok(piece), self.patience) => match sent {
                Ok(()) => Ok(()),
                Err(SendTimeoutError::Closed(_)) => Err(Gone),
                Err(SendTimeoutError::Timeout(_)) => {
                    tracing::info!(after_s = self.patience.as_secs(), "a reader has stopped reading; its connection is closed");
                    self.is_broken.store(true, Ordering::Release);
                    self.hangup.cancel();
                    Err(Gone)
                }
            },
        }
    }

    /// Breaks the body off, so that the client does not take it for whole.
    pub(crate) async fn fail(&self, why: String) {
        tracing::error!(%why, "a body breaks off");
        self.is_broken.store(true, Ordering::Release);
        let error = std::io::Error::other(why);
        // A client that is gone needs no telling.
        let _ = self.pieces.send_timeout(Err(error), self.patience).await;
    }

    /// Resolves when there is nobody to write to any more.
    pub(crate) async fn gone(&self) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = self.pieces.closed() => {}
        }
    }
}

/// The reading end: ends well only if the writer has said that all was written.
struct Pieces {
    received: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    is_whole: Arc<AtomicBool>,
    is_over: bool,
}

impl Stream for Pieces {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match self.received.poll_recv(context) {
            Poll::Ready(None) => {
                self.is_over = true;
                let broken = || Err(std::io::Error::other("the body ends before its time"));
                let is_whole = self.is_whole.load(Ordering::Acquire);
                Poll::Ready((!is_whole).then(broken))
            }
            piece @ (Poll::Ready(Some(_)) | Poll::Pending) => piece,
        }
    }
}

/// A response whose body `write` writes.
pub(crate) fn streamed<F, W>(call: &Call, kind: Kind, write: W) -> Response
where
    W: FnOnce(Sender) -> F,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let parts = (call.app.shutdown.clone(), call.hangup.clone());
    let pieces = pieces(parts, kind, kind.patience(), write);
    warp::reply::stream(pieces).into_response()
}

fn pieces<F, W>(
    (shutdown, hangup): (CancellationToken, CancellationToken),
    kind: Kind,
    patience: Duration,
    write: W,
) -> Pieces
where
    W: FnOnce(Sender) -> F,
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (pieces, received) = mpsc::channel(PIECES_MAX);
    let (is_whole, is_broken) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let writing = write(Sender {
        pieces: pieces.clone(),
        patience,
        shutdown,
        hangup,
        is_broken: is_broken.clone(),
    });
    let said = is_whole.clone();
    tokio::spawn(async move {
        let written = writing.await.is_ok();
        if !written {
            tracing::debug!("a body was not read to its end");
        }
        let has_ended = written || kind == Kind::Endless;
        said.store(
            has_ended && !is_broken.load(Ordering::Acquire),
            Ordering::Release,
        );
        // Only now may the reader meet the end.
        drop(pieces);
    });
    Pieces {
        received,
        is_whole,
        is_over: false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures_util::StreamExt as _;

    const SHORT: Duration = Duration::from_millis(20);

    fn tokens() -> (CancellationToken, CancellationToken) {
        Default::default()
    }

    async fn endless(sender: Sender) -> Result<(), Gone> {
        loop {
            sender.send(Bytes::from_static(b"x")).await?;
        }
    }

    #[tokio::test]
    async fn a_reader_that_stops_is_cut_off_and_told() {
        for kind in [Kind::Whole, Kind::Endless] {
            let (shutdown, hangup) = tokens();
            let mut body = pieces((shutdown, hangup.clone()), kind, SHORT, endless);
            assert!(body.next().await.unwrap().is_ok());
            hangup.cancelled().await;
            let rest: Vec<_> = body.collect().await;
            assert!(rest.last().unwrap().is_err(), "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_stops_breaks_what_has_an_end() {
        for (kind, is_broken) in [(Kind::Whole, true), (Kind::Endless, false)] {
            let (shutdown, hangup) = tokens();
            let mut body = pieces((shutdown.clone(), hangup), kind, kind.patience(), endless);
            assert!(body.next().await.unwrap().is_ok());
            shutdown.cancel();
            let rest: Vec<_> = body.collect().await;
            assert_eq!(rest.last().is_some_and(Result::is_err), is_broken);
        }
    }

    #[tokio::test]
    async fn a_body_written_to_its_end_ends_well() {
        let write = |sender: Sender| async move { sender.send(Bytes::from_static(b"all")).await };
        let body = pieces(tokens(), Kind::Whole, SHORT, write);
        let all: Vec<_> = body.map(Result::unwrap).collect().await;
        assert_eq!(all, [Bytes::from_static(b"all")]);
    }
}
