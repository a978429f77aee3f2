//! The time limits of a connection that the HTTP library does not have: one that never sends anything, and one
//! whose client takes nothing any more. Knows no HTTP.

use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes after which a connection counts as begun: as many as the library reads to tell the versions of HTTP
/// apart. What comes after is under the limit for the head of a request.
const BEGUN_BYTES: usize = 24;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// Until it has sent its first bytes.
    pub(crate) begin: Duration,
    /// Until it takes something of what lies ready for it.
    pub(crate) take: Duration,
}

/// A connection that fails when its client takes longer.
pub(crate) struct Watched<S> {
    stream: S,
    waits: Waits,
    read_bytes: usize,
    begin: Option<Pin<Box<Sleep>>>,
    take: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, waits: Waits) -> Self {
        Self {
            stream,
            waits,
            read_bytes: 0,
            begin: Some(Box::pin(sleep(waits.begin))),
            take: None,
        }
    }

    /// Passes on what became of a write, and looks at the clock while nothing does.
    fn watched<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if written.is_ready() {
            self.take = None;
            return written;
        }
        let take = self.waits.take;
        let timer = self.take.get_or_insert_with(|| Box::pin(sleep(take)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(late("the client takes nothing any more")))
    }
}

fn late(what: &str) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            if self.begin.is_some() {
                self.read_bytes += buffer.filled().len() - before;
                if self.read_bytes >= BEGUN_BYTES {
                    self.begin = None;
                }
            }
            return Poll::Ready(read);
        }
        let Some(timer) = &mut self.begin else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(late("the client has sent nothing")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_client_that_sends_nothing_is_let_go() {
        for sent in [&b""[..], b"PRI * HTTP"] {
            let (mut client, server) = duplex(64);
            client.write_all(sent).await.unwrap();
            let waits = Waits {
                begin: SHORT,
                take: LONG,
            };
            let mut server = Watched::new(server, waits);
            let error = server.read_to_end(&mut Vec::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_let_go() {
        let (_client, server) = duplex(64);
        let waits = Waits {
            begin: LONG,
            take: SHORT,
        };
        let mut server = Watched::new(server, waits);
        let error = server.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
