//! The accept loop: connections with limits and timeouts, and an end that does not wait for streams.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::body::BodyRoom;
use crate::call::{App, Hangup, PAST_TURNS};
use crate::config::{ApiConfig, ApiParts};
use crate::connection::{Waits, Watched};
use crate::logins::{Logins, Peer};
use crate::replays::Replays;
use crate::routes;
use crate::service::{Door, Service};

/// Longest wait for the head of a request; also how long a new or a kept connection may be silent.
const HEADER_WAIT: Duration = Duration::from_secs(30);

/// How long a client may leave everything lying that is sent to it. Longer than any stream has patience.
const TAKE_WAIT: Duration = Duration::from_secs(16 * 60);

/// Connections above the bound that are still told so; health checks are answered on them.
const CONNECTIONS_SPARE: usize = 64;

/// Headers of one request.
const HEADERS_MAX: usize = 64;

/// Bytes of the head of one request.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Longest wait for requests under way when the server stops.
const DRAIN_WAIT: Duration = Duration::from_secs(5);

/// Pause after the system refused a connection (mostly: out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the interface could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The listener is of no use.
    #[error("cannot use the listener for HTTP: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves the HTTP interface until `shutdown` is cancelled; then takes no more connections, ends all streams
/// and gives requests under way five seconds.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    parts: ApiParts,
    config: ApiConfig,
    shutdown: CancellationToken,
) -> Result<(), ApiError> {
    let address = listener.local_addr()?;
    let doors = Doors {
        open: Arc::new(Semaphore::new(config.connections_max)),
        spare: Arc::new(Semaphore::new(CONNECTIONS_SPARE)),
    };
    let bodies = BodyRoom::new(config.bodies_bytes_max);
    let app = Arc::new(App {
        bodies,
        config: ApiConfig {
            listen: address,
            ..config
        },
        parts,
        replays: Replays::default(),
        layouts: fasti_projector::layout::Layouts::default(),
        past_turns: Arc::new(Semaphore::new(PAST_TURNS)),
        logins: Logins::default(),
        rescale_tasks: tokio::sync::RwLock::default(),
        shutdown: shutdown.clone(),
    });
    let (table, filter) = routes::all(&app);
    let service = Service::new(app, table, filter);
    let builder = Arc::new(builder());
    let graceful = GracefulShutdown::new();
    tracing::info!(%address, "serving HTTP");
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &doors) => accepted,
        };
        let (stream, peer, door, permit) = match accepted {
            Accepted::Nothing => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Accepted::Full => continue,
            Accepted::Taken(stream, peer, door, permit) => (stream, peer, door, permit),
        };
        let service = service.clone();
        let hangup = Hangup::default();
        let closed = hangup.0.clone();
        let answer = hyper::service::service_fn(move |mut request| {
            request.extensions_mut().insert(hangup.clone());
            request.extensions_mut().insert(peer);
            service.clone().answer(request, door)
        });
        let stream = TokioIo::new(Watched::new(stream, WAITS));
        let connection = builder.serve_connection(stream, answer);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                },
                () = closed.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_WAIT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("stopping with requests still under way");
    }
    Ok(())
}

/// Limits of every connection.
const WAITS: Waits = Waits {
    begin: HEADER_WAIT,
    take: TAKE_WAIT,
};

/// How many connections there may be.
struct Doors {
    open: Arc<Semaphore>,
    spare: Arc<Semaphore>,
}

/// What came of waiting for a connection.
enum Accepted {
    Nothing,
    Full,
    Taken(TcpStream, Peer, Door, OwnedSemaphorePermit),
}

async fn accept(listener: &TcpListener, doors: &Doors) -> Accepted {
    match listener.accept().await {
        Ok((stream, address)) => {
            let peer = Peer::new(address.ip());
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot turn off delays of a connection");
            }
            if let Ok(permit) = doors.open.clone().try_acquire_owned() {
                return Accepted::Taken(stream, peer, Door::Open, permit);
            }
            match doors.spare.clone().try_acquire_owned() {
                Ok(permit) => Accepted::Taken(stream, peer, Door::Spare, permit),
                // Closed: there is nothing left to say it with.
                Err(_) => Accepted::Full,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            Accepted::Nothing
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20));
    builder
}
