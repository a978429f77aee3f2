//! The accept loop: connections with limits and timeouts, and an end that does not wait for streams.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::call::App;
use crate::config::{ApiConfig, ApiParts};
use crate::replays::Replays;
use crate::routes;
use crate::service::Service;

/// Longest wait for the head of a request; also how long a kept connection may be silent.
const HEADER_WAIT: Duration = Duration::from_secs(30);

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
    let permits = Arc::new(Semaphore::new(config.connections_max));
    let app = Arc::new(App {
        config: ApiConfig {
            listen: address,
            ..config
        },
        parts,
        replays: Replays::default(),
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
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = service.clone();
        let answer = hyper::service::service_fn(move |request| service.clone().answer(request));
        let connection = builder.serve_connection(TokioIo::new(stream), answer);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
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

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot turn off delays of a connection");
            }
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            None
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
