//! One connection to NATS, used until the first doubt and then thrown away.
//!
//! The client's own reconnecting is not used: what it had buffered would be sent into a state that nobody has
//! looked at. A new connection starts with nothing in flight, checks the server's version again, and says why
//! it failed.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use super::agreement::Divergence;
use super::config::{Access, NatsConfig};
use crate::feed::FeedError;

/// The server is asked for a sign of life this often; two missing ones end the connection.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// To be connected, per address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For an answer or an acknowledgement. An election of the server takes longer; it is waited for by retrying.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages handed to the client and not yet written to the socket: one atomic batch and some.
const UNSENT_MESSAGES_MAX: usize = 1_024;

/// Why publishing stopped. Each is tried again; they differ in what is said meanwhile.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The server is away, slow, full, or refused a message.
    #[error("{0}")]
    Away(String),
    /// The server or its stream cannot be used as it is.
    #[error("{0}")]
    Refused(String),
    /// Stream and log disagree.
    #[error(transparent)]
    Diverged(#[from] Divergence),
    /// The log could not be read.
    #[error("cannot read the log: {0}")]
    Log(#[from] FeedError),
}

impl Trouble {
    /// Something was tried and did not work.
    pub(super) fn away(tried: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::Away(format!("cannot {tried}: {error}"))
    }
}

/// What the client's callback told.
#[derive(Debug, Clone, Default)]
struct News {
    is_lost: bool,
    /// The last thing the server or the client complained of, such as a missing right.
    complaint: Option<String>,
}

/// An open connection. Dropping it ends it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) context: Context,
    news: watch::Receiver<News>,
}

impl Connection {
    /// Connects, once.
    pub(super) async fn open(config: &NatsConfig) -> Result<Self, Trouble> {
        let servers = config
            .servers()
            .map_err(|error| Trouble::Refused(error.to_string()))?;
        let (sender, news) = watch::channel(News::default());
        let options = options(config).await?;
        let client = listening(options, sender)
            // An attempt for every address, then the client gives up and this connection is over.
            .max_reconnects(servers.len().max(1))
            .connect(servers)
            .await
            .map_err(|error| {
                Trouble::away(format!("connect to NATS at {}", config.shown_url()), error)
            })?;
        let context = ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            .ack_timeout(ANSWER_TIMEOUT)
            .build(client.clone());
        Ok(Self {
            client,
            context,
            news,
        })
    }

    /// Waits until the connection breaks.
    pub(super) async fn lost(&self) -> Trouble {
        let mut news = self.news.clone();
        // The sender lives in the client's task: when it is gone, so is the connection.
        let _ = news.wait_for(|news| news.is_lost).await;
        self.explained(Trouble::Away("the connection to NATS broke".to_owned()))
    }

    /// Trouble with what the server complained of meanwhile: rights that are missing show up as silence.
    pub(super) fn explained(&self, trouble: Trouble) -> Trouble {
        let complaint = self.news.borrow().complaint.clone();
        match (trouble, complaint) {
            (Trouble::Away(text), Some(complaint)) => {
                Trouble::Away(format!("{text} ({complaint})"))
            }
            (trouble, _) => trouble,
        }
    }
}

/// Reads the files that say who we are.
async fn options(config: &NatsConfig) -> Result<ConnectOptions, Trouble> {
    let unreadable = |path: &std::path::Path, error| {
        Trouble::Refused(format!(
            "cannot read the NATS credentials in {}: {error}",
            path.display()
        ))
    };
    let mut options = match &config.access {
        Access::Url => ConnectOptions::new(),
        Access::CredentialsFile(path) => ConnectOptions::with_credentials_file(path)
            .await
            .map_err(|error| unreadable(path, error))?,
        Access::NkeyFile(path) => {
            let seed = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| unreadable(path, error))?;
            ConnectOptions::with_nkey(seed.trim().to_owned())
        }
        Access::Token(token) => ConnectOptions::with_token(token.clone()),
        Access::User { name, password } => {
            ConnectOptions::with_user_and_password(name.clone(), password.clone())
        }
    };
    if config.tls.is_required {
        options = options.require_tls(true);
    }
    if let Some(path) = &config.tls.authorities {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &config.tls.identity {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options
        .name("fasti")
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .client_capacity(UNSENT_MESSAGES_MAX)
        .ignore_discovered_servers())
}

/// Options with a callback that keeps the news.
fn listening(options: ConnectOptions, news: watch::Sender<News>) -> ConnectOptions {
    let news = Arc::new(news);
    options.event_callback(move |event| {
        let news = news.clone();
        async move {
            match event {
                Event::Disconnected | Event::Closed => {
                    news.send_modify(|news| news.is_lost = true);
                }
                Event::ServerError(error) => {
                    news.send_modify(|news| news.complaint = Some(error.to_string()));
                }
                Event::ClientError(error) => {
                    news.send_modify(|news| news.complaint = Some(error.to_string()));
                }
                // We subscribe to nothing but answers, and leave when the server closes.
                Event::Connected
                | Event::LameDuckMode
                | Event::Draining
                | Event::SlowConsumer(_) => {}
            }
        }
    })
}

/// Whether an error of the JetStream API has this code.
pub(super) fn is(error: &jetstream::Error, code: jetstream::ErrorCode) -> bool {
    error.error_code() == code
}
