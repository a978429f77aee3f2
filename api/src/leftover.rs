//! Bodies that a route leaves unread.
//!
//! A connection whose request was not read to its end cannot be used again: it is closed behind the answer, and who
//! sends the next request over it, or has not read the answer yet, sees it break. So a short rest is read and thrown
//! away before the answer leaves.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// A longer rest stays unread; the connection is closed then.
const REST_BYTES_MAX: u64 = 64 << 10;

/// Longest wait for the rest: it was sent together with the request, or soon after.
const REST_WAIT: Duration = Duration::from_secs(1);

/// The body of a request, in two hands: the route's, and that of who reads what the route leaves.
pub(crate) struct Shared<B = Incoming>(Arc<Mutex<B>>);

impl<B> Clone for Shared<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Body + Unpin> Shared<B> {
    /// In these hands.
    pub(crate) fn new(body: B) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    fn with<T>(&self, look: impl FnOnce(&mut B) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a short rest to its end. Not for a sender that waits to be asked for its body: this asks.
    pub(crate) async fn drain(mut self) {
        let mut left = REST_BYTES_MAX;
        if self.is_end_stream() || self.size_hint().lower() > left {
            return;
        }
        let reading = async {
            while let Some(Ok(frame)) =
                std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await
            {
                let bytes = frame
                    .data_ref()
                    .map_or(0, |data| bytes::Buf::remaining(data) as u64);
                left = left.saturating_sub(bytes);
                if left == 0 {
                    return;
                }
            }
        };
        // What does not come closes the connection, as without this.
        let _ = timeout(REST_WAIT, reading).await;
    }
}

impl<B: Body + Unpin> Body for Shared<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
