//! What the server is told and given by whoever starts it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::engine::EngineHandle;
use fasti_core::feed::Feed;
use fasti_core::link::Links;
use fasti_core::ports::{Clock, ExactRead};
use fasti_core::protocol::item_v1::Targets;
use fasti_core::store::{Content, Vitals};
use fasti_projector::{PastViews, SharedViews};

use crate::containers::Containers;
use crate::dialects::rescale_htc::RescaleConfig;
use crate::environments::Environments;
use crate::signing::SigningKey;

/// Settings of the HTTP interface.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Address the listener is bound to; requests for its host are answered.
    pub listen: SocketAddr,
    /// Data folder, in which the output of attempts lies.
    pub data: PathBuf,
    /// Version of Fasti.
    pub version: &'static str,
    /// Release of the time zone database in use.
    pub tz_database: String,
    /// Token that every request must bring; `None`: nobody is asked for one.
    pub token: Option<String>,
    /// Keys that webhooks are signed with.
    pub webhook_keys: WebhookKeys,
    /// Signs and checks tokens; `None`: the dialect of Rescale HTC, which needs them, lets nobody in.
    pub signing_key: Option<SigningKey>,
    /// How the dialect of Rescale HTC presents the server.
    pub rescale: RescaleConfig,
    /// User the server runs as: administrator, and who a request without `X-Fasti-User` is from.
    pub server_user: String,
    /// Hosts answered for besides this machine's own names and `listen`; without port.
    pub allowed_hosts: Vec<String>,
    /// Connections at a time; on further ones only health is answered, all else refused with 503 `busy`. Default: 4,096.
    pub connections_max: usize,
    /// Largest JSON body in bytes. Default: 4 MiB.
    pub json_bytes_max: u64,
    /// Largest definition in bytes. Default: 64 MiB.
    pub definition_bytes_max: u64,
    /// Bytes of the bodies of all requests that are in memory at a time; further ones wait, then are refused with 503
    /// `busy`. Default: 512 MiB.
    pub bodies_bytes_max: u64,
    /// Largest packed source tree in bytes. Default: 256 MiB.
    pub bundle_bytes_max: u64,
    /// What predicts the items of batch jobs, and where they may reach.
    pub predictions: Predictions,
    /// Whether the log is a sandbox, in which no task runs.
    pub is_sandbox: bool,
}

/// Programs that predict, projects that have them, and what they may reach.
#[derive(Clone, Default)]
pub struct Predictions {
    /// By name.
    pub programs: BTreeMap<String, Predictor>,
    /// Names of projects besides `default`.
    pub projects: Vec<String>,
    /// Addresses that items are fetched from, and predictions delivered to.
    pub targets: Targets,
    /// Delivers single messages; `None`: nobody does.
    pub caller: Option<Arc<dyn Deliver>>,
}

impl std::fmt::Debug for Predictions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Predictions");
        debug
            .field("programs", &self.programs)
            .finish_non_exhaustive()
    }
}

/// A program that predicts one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predictor {
    /// Program and arguments.
    pub command: Vec<String>,
    /// For people.
    pub title: String,
}

/// Delivers a message to an address that somebody named.
pub trait Deliver: Send + Sync {
    /// One attempt. May take half a minute.
    fn deliver(&self, delivery: &Delivery) -> Delivered;
}

/// A message and where it goes.
pub struct Delivery {
    /// Address.
    pub endpoint: String,
    /// Key that it is signed with.
    pub key: Option<Vec<u8>>,
    /// Its id.
    pub id: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Status of the answer; 0 when there was none.
    pub status: u16,
    /// Time until then.
    pub latency_ms: u64,
    /// Beginning of the answer.
    pub body: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
}

impl ApiConfig {
    /// Settings with the default bounds, no token and no further hosts.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        data: PathBuf,
        version: &'static str,
        server_user: &str,
    ) -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            listen,
            data,
            version,
            tz_database: String::new(),
            token: None,
            webhook_keys: WebhookKeys::default(),
            signing_key: None,
            rescale: RescaleConfig::default(),
            server_user: server_user.to_owned(),
            allowed_hosts: Vec::new(),
            connections_max: 4_096,
            json_bytes_max: 4 * MIB,
            definition_bytes_max: 64 * MIB,
            bodies_bytes_max: 512 * MIB,
            bundle_bytes_max: 256 * MIB,
            predictions: Predictions::default(),
            is_sandbox: false,
        }
    }
}

/// Keys that webhooks are signed with, by name. Their values do not print.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookKeys(pub BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Computes the views anew beside the work.
pub trait RebuildViews: Send + Sync {
    /// Begins, unless it is under way.
    ///
    /// # Errors
    /// The system gives no thread.
    fn begin(&self) -> std::io::Result<()>;

    /// Last event of the new copy, while one is being built.
    fn at(&self) -> Option<Seq>;

    /// Copies that took their place since the start.
    fn done(&self) -> u64;
}

/// The rooms behind the interface.
#[derive(Clone)]
pub struct ApiParts {
    /// Takes commands.
    pub engine: EngineHandle,
    /// The durable events.
    pub feed: Feed,
    /// Answers questions.
    pub views: SharedViews,
    /// Answers questions about the past.
    pub past: PastViews,
    /// The log in its exact bytes.
    pub exact: Arc<dyn ExactRead>,
    /// Results and bundles by digest.
    pub content: Content,
    /// Builds the views anew when asked to; `None`: nobody can.
    pub rebuild: Option<Arc<dyn RebuildViews>>,
    /// The time, for what is due.
    pub clock: Arc<dyn Clock + Sync>,
    /// The connected runners.
    pub links: Links,
    /// How the store is.
    pub vitals: Arc<Vitals>,
    /// Makes virtual environments.
    pub environments: Arc<dyn Environments>,
    /// Knows whether containers can be run.
    pub containers: Arc<dyn Containers>,
}
