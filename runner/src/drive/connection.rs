//! A connection to the server: frames in both directions, neither waiting for the other.

use std::io;
use std::path::Path;

use fasti_core::protocol::frame;
use fasti_core::protocol::runner_v1::{FromRunner, ToRunner};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Messages read ahead of the loop.
const INCOMING_MAX: usize = 64;

/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;

/// See the module.
pub(super) struct Connection {
    writer: OwnedWriteHalf,
    incoming: mpsc::Receiver<ToRunner>,
    reader: JoinHandle<()>,
    outgoing: Vec<u8>,
    written: usize,
    broken: bool,
}

/// Something happened on it.
pub(super) enum Event {
    /// The server said something.
    Message(ToRunner),
    /// Some bytes went out.
    Written,
    /// It is gone.
    Lost,
}

impl Connection {
    /// Connect to the server's socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) async fn open(socket: &Path) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(socket).await?.into_split();
        let (sender, incoming) = mpsc::channel(INCOMING_MAX);
        let reader = tokio::spawn(read_all(reader, sender));
        Ok(Self {
            writer,
            incoming,
            reader,
            outgoing: Vec::new(),
            written: 0,
            broken: false,
        })
    }

    /// The next event. May be dropped half-way without loss.
    pub(super) async fn next(&mut self) -> Event {
        if self.broken {
            return Event::Lost;
        }
        let unwritten = &self.outgoing[self.written..];
        tokio::select! {
            message = self.incoming.recv() => match message {
                Some(message) => Event::Message(message),
                None => Event::Lost,
            },
            written = self.writer.write(unwritten), if !unwritten.is_empty() => match written {
                Ok(1..) => {
                    self.written += written.unwrap_or(0);
                    if self.written == self.outgoing.len() {
                        self.outgoing.clear();
                        self.written = 0;
                    }
                    Event::Written
                }
                Ok(0) | Err(_) => Event::Lost,
            },
        }
    }

    /// A message that has already been read.
    pub(super) fn next_now(&mut self) -> Option<ToRunner> {
        self.incoming.try_recv().ok()
    }

    /// Put a message among those to be written.
    pub(super) fn say(&mut self, message: &FromRunner) {
        match frame::encode(message) {
            Ok(frame) if self.outgoing.is_empty() => {
                self.outgoing = frame;
                // Nearly always everything fits at once, which saves a turn of the loop.
                if let Ok(written) = self.writer.try_write(&self.outgoing) {
                    self.written = written;
                    if written == self.outgoing.len() {
                        self.outgoing.clear();
                        self.written = 0;
                    }
                }
            }
            Ok(frame) => self.outgoing.extend_from_slice(&frame),
            Err(error) => {
                tracing::error!(%error, "cannot encode a message to the server");
                self.broken = true;
            }
        }
    }

    /// Bytes that still have to be written.
    pub(super) fn unwritten(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// Write everything.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.outgoing[self.written..]).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_all(reader: OwnedReadHalf, sender: mpsc::Sender<ToRunner>) {
    let mut reader = BufReader::with_capacity(READ_BYTES, reader);
    loop {
        match frame::read::<ToRunner, _>(&mut reader).await {
            Ok(Some(message)) => {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "lost the connection to the server");
                return;
            }
        }
    }
}
