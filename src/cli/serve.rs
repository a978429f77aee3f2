//! `fasti serve`, and the runner that it starts.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use fasti_api::WebhookKeys;
use fasti_core::domain::ids::RunnerId;
use fasti_core::protocol::runner_v1::ShutdownMode;
use tracing_subscriber::EnvFilter;

use super::exit::{Exit, Failure};
use crate::config::{self, ConfigFile};
use crate::publishing::NatsSettings;
use crate::serve::ServeSettings;

const DEFAULT_LISTEN: &str = "127.0.0.1:7450";
const RETRY_DELAY_SECONDS: f64 = 1.0;
const RETRY_DELAY_SECONDS_MAX: f64 = 86_400.0;
const CATCH_UP_SECONDS: f64 = 3_600.0;
const CATCH_UP_SECONDS_MAX: f64 = 366.0 * 86_400.0;
/// Most attempts at a time that can be asked for.
const SLOTS_MAX: u32 = 4_096;
const RESERVE_MIB: u64 = 32;
const FREE_MIN_MIB: u64 = 16;

/// Arguments of `fasti serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Data folder: log, results, output [default: fasti in the user's data folder].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:7450].
    #[arg(long, env = "FASTI_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// Publish every event on this NATS server.
    #[arg(long, env = "FASTI_NATS", value_name = "URL")]
    nats: Option<String>,
    /// Second token of the subjects after the version [default: default].
    #[arg(long, env = "FASTI_NATS_TENANT", value_name = "NAME")]
    nats_tenant: Option<String>,
    /// Encoding of event bodies on NATS [default: json].
    #[arg(long, env = "FASTI_NATS_ENCODING", value_name = "json|msgpack")]
    nats_encoding: Option<String>,
    /// Attempts at a time on the local runner [default: one a core].
    #[arg(long, env = "FASTI_SLOTS", value_name = "N")]
    slots: Option<u32>,
    /// Interpreter of Python tasks whose image names none [default: python3].
    #[arg(long, env = "FASTI_PYTHON", value_name = "PROGRAM")]
    python: Option<String>,
    /// Token that callers must show; without one, the address must be a loopback address.
    #[arg(
        long,
        env = "FASTI_SERVER_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    server_token: Option<String>,
    /// Listen elsewhere than on this machine although everything, the token too, then travels in clear text.
    #[arg(long, env = "FASTI_INSECURE_HTTP")]
    insecure_http: bool,
    /// File with the keys that webhooks are signed with: a line `name = "secret"` each.
    #[arg(long, env = "FASTI_WEBHOOK_KEYS", value_name = "FILE")]
    webhook_keys: Option<PathBuf>,
    /// What becomes of running tasks when the server stops [default: leave].
    #[arg(long, env = "FASTI_ON_SHUTDOWN", value_enum)]
    on_shutdown: Option<OnShutdown>,
    /// Wait before a failed task is tried again, in seconds [default: 1].
    #[arg(long, env = "FASTI_RETRY_DELAY_SECONDS", value_name = "SECONDS")]
    retry_delay_seconds: Option<f64>,
    /// How old a slot may be, in seconds, that passed while no server was there, and still fire; schedules may say
    /// otherwise [default: 3600].
    #[arg(long, env = "FASTI_CATCH_UP_SECONDS", value_name = "SECONDS")]
    catch_up_seconds: Option<f64>,
    /// Disk space set aside to record the ends of running tasks when the disk is full; 0 sets none aside [default: 32].
    #[arg(long, env = "FASTI_RESERVE_MIB", value_name = "MIB")]
    reserve_mib: Option<u64>,
    /// Free disk space below which no new request is taken [default: 16].
    #[arg(long, env = "FASTI_FREE_MIN_MIB", value_name = "MIB")]
    free_min_mib: Option<u64>,
    /// Go on with a log that is shorter than it once was; what was lost stays lost.
    #[arg(long)]
    accept_loss: bool,
    /// Be one of several schedulers on one log.
    #[arg(long, hide = true)]
    ha: bool,
    /// Name of this scheduler among several.
    #[arg(long, value_name = "NAME", requires = "ha", hide = true)]
    node: Option<String>,
    /// When a command counts as durable: on this machine's disk, on the stream, or on a standby's disk.
    #[arg(long, value_enum, default_value_t = Ack::Local, hide = true)]
    ack: Ack,
}

/// What becomes of running tasks when the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnShutdown {
    /// They go on; the next server finds them again.
    Leave,
    /// The server waits for them.
    Wait,
    /// They are ended, and tried again by the next server.
    Kill,
}

impl From<OnShutdown> for ShutdownMode {
    fn from(mode: OnShutdown) -> Self {
        match mode {
            OnShutdown::Leave => Self::Leave,
            OnShutdown::Wait => Self::Wait,
            OnShutdown::Kill => Self::Kill,
        }
    }
}

/// When a command counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ack {
    /// On this machine's disk.
    Local,
    /// And on the stream.
    Stream,
    /// And on a standby's disk.
    Standby,
}

/// Arguments of a runner's process, which `fasti serve` starts: `fasti runner --socket …`.
#[derive(Debug, Args)]
pub(crate) struct ProcessArgs {
    /// Socket of the server.
    #[arg(long, hide = true, requires_all = ["data", "id"])]
    socket: Option<PathBuf>,
    /// Data folder of the server.
    #[arg(long, hide = true, requires = "socket")]
    data: Option<PathBuf>,
    /// Folder with the Python packages.
    #[arg(long, hide = true, requires = "socket")]
    sdk: Option<PathBuf>,
    /// Name; a restarted runner takes a new one.
    #[arg(long, hide = true, requires = "socket")]
    id: Option<String>,
    /// Attempts at a time.
    #[arg(long, hide = true, requires = "socket")]
    slots: Option<u32>,
    /// Interpreter of Python tasks whose image names none.
    #[arg(long, hide = true, requires = "socket")]
    python: Option<String>,
    /// How containers are run, as JSON: `[containers]` of the configuration.
    #[arg(long, hide = true, requires = "socket")]
    containers: Option<String>,
}

pub(crate) fn serve(args: ServeArgs, config: ConfigFile) -> anyhow::Result<()> {
    start_tracing();
    let settings = settle(args, config)?;
    crate::serve::serve(settings)
}

/// From what was written to what is used.
fn settle(args: ServeArgs, config: ConfigFile) -> anyhow::Result<ServeSettings> {
    if args.ha || args.ack != Ack::Local || args.node.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "this version of Fasti runs one scheduler per log and acknowledges on its own disk; start it without --ha, --node and --ack",
        )
        .into());
    }
    let server = config.server;
    let listen = address(args.listen.or(server.listen))?;
    let token = args.server_token.or(server.token);
    let is_insecure = args.insecure_http || server.insecure_http.unwrap_or(false);
    check_openness(listen, token.as_deref(), is_insecure)?;
    let on_shutdown = match (args.on_shutdown, server.on_shutdown.as_deref()) {
        (Some(mode), _) => mode,
        (None, None) => OnShutdown::Leave,
        (None, Some(text)) => OnShutdown::from_str(text, true).map_err(|_| {
            let message = format!("server.on_shutdown is `{text}`; write leave, wait or kill");
            Failure::new(Exit::Usage, message)
        })?,
    };
    let seconds = args
        .retry_delay_seconds
        .or(server.retry_delay_seconds)
        .unwrap_or(RETRY_DELAY_SECONDS);
    let catch_up = args
        .catch_up_seconds
        .or(config.schedule.catch_up_seconds)
        .unwrap_or(CATCH_UP_SECONDS);
    config.predictions.check()?;
    config
        .containers
        .check()
        .map_err(|why| Failure::new(Exit::Usage, why))?;
    Ok(ServeSettings {
        is_sandbox: false,
        predictions: config.predictions,
        containers: config.containers,
        data: args
            .data
            .or(server.data)
            .unwrap_or_else(config::default_data),
        listen,
        slots: slots(args.slots.or(server.slots))?,
        python: args.python.or(server.python),
        token,
        webhook_keys: webhook_keys(args.webhook_keys.or(server.webhook_keys))?,
        rescale: config.rescale.used()?,
        allowed_hosts: server.allowed_hosts,
        on_shutdown: on_shutdown.into(),
        retry_delay_ms: milliseconds("a retry delay", seconds, RETRY_DELAY_SECONDS_MAX)?,
        catch_up_ms: milliseconds("a catch-up time", catch_up, CATCH_UP_SECONDS_MAX)?,
        accept_loss: args.accept_loss,
        reserve_bytes: bytes(
            args.reserve_mib
                .or(server.reserve_mib)
                .unwrap_or(RESERVE_MIB),
        ),
        free_min_bytes: bytes(
            args.free_min_mib
                .or(server.free_min_mib)
                .unwrap_or(FREE_MIN_MIB),
        ),
        log: config.log,
        blobs: config.blobs,
        output: config.output,
        nats: nats(args.nats, args.nats_tenant, args.nats_encoding, config.nats)?,
    })
}

/// Whether a server may be as open as it is asked to be.
fn check_openness(
    listen: SocketAddr,
    token: Option<&str>,
    is_insecure: bool,
) -> anyhow::Result<()> {
    let refused = |message: String| Err(Failure::new(Exit::Usage, message).into());
    if token.is_some_and(|token| token.trim().is_empty()) {
        return refused("the token is empty, so that nobody could show it: write one, or leave --server-token, FASTI_SERVER_TOKEN and server.token out".to_owned());
    }
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if token.is_none() {
        return refused(format!(
            "listening on {listen} lets others in: set a token with FASTI_SERVER_TOKEN, or listen on 127.0.0.1"
        ));
    }
    if !is_insecure {
        return refused(format!(
            "listening on {listen} sends the token and everything else over the network in clear text: listen on 127.0.0.1 behind a proxy that speaks TLS, or say --insecure-http if the network may see it"
        ));
    }
    tracing::warn!(%listen, "there is no TLS: the network can read the token and everything else");
    Ok(())
}

/// Bytes of a key at least: shorter ones can be guessed.
const WEBHOOK_KEY_BYTES_MIN: usize = 16;

/// Keys that webhooks are signed with, from their file.
fn webhook_keys(file: Option<PathBuf>) -> anyhow::Result<WebhookKeys> {
    let Some(file) = file else {
        return Ok(WebhookKeys::default());
    };
    let wrong = |what: String| {
        let message = format!("the file of webhook keys {}: {what}", file.display());
        Failure::new(Exit::Usage, message)
    };
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    // What is wrong with a line must not show what is in it.
    let keys: BTreeMap<String, String> = toml::from_str(&text).map_err(|_| {
        wrong("it is no TOML; write a line `name = \"secret\"` for each".to_owned())
    })?;
    if let Some((name, _)) = keys
        .iter()
        .find(|(_, key)| key.len() < WEBHOOK_KEY_BYTES_MIN)
    {
        let what = format!("the key `{name}` has fewer than {WEBHOOK_KEY_BYTES_MIN} bytes");
        return Err(wrong(what).into());
    }
    let keys = keys.into_iter().map(|(name, key)| (name, key.into_bytes()));
    Ok(WebhookKeys(keys.collect()))
}

/// Where to listen.
fn address(text: Option<String>) -> anyhow::Result<SocketAddr> {
    let text = text.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
    let parsed = text.parse().with_context(|| {
        format!("`{text}` is no address to listen on; write IP:PORT, such as {DEFAULT_LISTEN}")
    });
    Ok(parsed.map_err(|error| Failure::new(Exit::Usage, format!("{error:#}")))?)
}

/// Attempts at a time: a number that a machine could have slots for.
fn slots(given: Option<u32>) -> anyhow::Result<Option<u32>> {
    match given {
        Some(slots) if !(1..=SLOTS_MAX).contains(&slots) => {
            let message = format!("{slots} slots: there must be between 1 and {SLOTS_MAX}");
            Err(Failure::new(Exit::Usage, message).into())
        }
        given => Ok(given),
    }
}

fn bytes(mib: u64) -> u64 {
    mib.saturating_mul(1 << 20)
}

fn milliseconds(what: &str, seconds: f64, longest: f64) -> anyhow::Result<u64> {
    if !(0.0..=longest).contains(&seconds) {
        let message = format!("{what} of {seconds} seconds is not between 0 and {longest}");
        return Err(Failure::new(Exit::Usage, message).into());
    }
    Ok(u64::try_from(
        std::time::Duration::from_secs_f64(seconds).as_millis(),
    )?)
}

fn nats(
    url: Option<String>,
    tenant: Option<String>,
    encoding: Option<String>,
    section: config::NatsSection,
) -> anyhow::Result<Option<NatsSettings>> {
    let Some(url) = url.or(section.url) else {
        return Ok(None);
    };
    let encoding = encoding
        .or(section.encoding)
        .unwrap_or_else(|| "json".to_owned());
    if !matches!(encoding.as_str(), "json" | "msgpack") {
        let message = format!("`{encoding}` is no encoding of events; write json or msgpack");
        return Err(Failure::new(Exit::Usage, message).into());
    }
    Ok(Some(NatsSettings {
        url,
        tenant: tenant
            .or(section.tenant)
            .unwrap_or_else(|| "default".to_owned()),
        is_json: encoding == "json",
        has_records: section.records.unwrap_or(true),
    }))
}

pub(crate) fn runner(args: ProcessArgs) -> anyhow::Result<()> {
    let (Some(socket), Some(data), Some(id)) = (args.socket, args.data, args.id) else {
        let message = "say what is to be done: `fasti runner list`, `drain` or `resume`";
        return Err(Failure::new(Exit::Usage, message).into());
    };
    start_tracing();
    let mut config = fasti_runner::Config::new(socket, data, RunnerId::new(&id)?);
    if let Some(slots) = args.slots {
        config.capacity.slots = slots.max(1);
    }
    if let Some(python) = args.python {
        config.python = python;
    }
    if let Some(sdk) = args.sdk {
        config.sdk = sdk;
    }
    if let Some(containers) = args.containers {
        config.containers = serde_json::from_str(&containers)?;
    }
    fasti_runner::run(config)?;
    Ok(())
}

/// Logs go to stderr; `FASTI_LOG` says which (`info` when not set).
fn start_tracing() {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let filter = EnvFilter::try_from_env("FASTI_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,sled=warn,hyper=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for terminals; a file or a collector would keep them as rubbish.
        .with_ansi(std::io::stderr().is_terminal() && !set("NO_COLOR"))
        .with_target(false)
        .init();
}
