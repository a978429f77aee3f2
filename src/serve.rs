//! The server: wires the parts together, starts them in order, stops them in order.
//!
//! Order of start: address, data folder, log, state, engine, views, runner link, API. Nothing listens before
//! the log is whole, and the address is taken before the data folder is touched. Order of stop: intake,
//! runner, engine, followers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use fasti_api::{ApiConfig, ApiParts, RescaleConfig, SigningKey, WebhookKeys};
use fasti_core::codec::CodecError;
use fasti_core::domain::command::{Command, Intake, Request, Settings};
use fasti_core::domain::ids::{LogId, Seq};
use fasti_core::domain::trigger::TriggerSource;
use fasti_core::engine::{self, EngineHandle, EngineParts, EngineThread, StopReason, fold};
use fasti_core::feed::{self, FeedError};
use fasti_core::link::{self, LinkParts, Links};
use fasti_core::ports::Clock;
use fasti_core::protocol::runner_v1::ShutdownMode;
use fasti_core::store::{
    Content, ExactReader, LogReader, OpenOptions, Snapshots, Store, Tables, Vitals,
};
use fasti_projector::{Follower, FollowerOptions, PastViews, SharedViews, Views};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::check::Check;
use crate::clock::SystemClock;
use crate::containers::Containers;
use crate::environments::Environments;
use crate::local_runner::{self, RunnerSettings};
use crate::phases::Phases;
use crate::publishing::{self, NatsSettings};
use crate::rebuilding::Rebuilding;
use crate::sandbox;
use crate::sdk;
use crate::sweeping::{self, BlobsSection, OutputSection};

/// How long what watches over the runner may take to end.
const RUNNER_END_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the system names its present boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Memory for pages of the views' tables.
const VIEWS_CACHE_BYTES: u64 = 32 << 20;

/// How long requests may take to end at shutdown.
const INTAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings, as used.
#[derive(Debug, Clone)]
pub(crate) struct ServeSettings {
    pub(crate) data: PathBuf,
    /// Whether the data folder is a sandbox; found out by [`serve`].
    pub(crate) is_sandbox: bool,
    pub(crate) listen: SocketAddr,
    pub(crate) slots: Option<u32>,
    pub(crate) python: Option<String>,
    pub(crate) containers: fasti_runner::containers::Settings,
    pub(crate) token: Option<String>,
    /// Keys that webhooks are signed with.
    pub(crate) webhook_keys: WebhookKeys,
    /// How the server presents itself to clients of Rescale HTC.
    pub(crate) rescale: RescaleConfig,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) on_shutdown: ShutdownMode,
    pub(crate) retry_delay_ms: u64,
    /// How old a slot may be that passed while nobody could start it, and still fire.
    pub(crate) catch_up_ms: u64,
    pub(crate) accept_loss: bool,
    /// Set aside for the ends of running tasks.
    pub(crate) reserve_bytes: u64,
    /// Free space below which nothing new is begun.
    pub(crate) free_min_bytes: u64,
    pub(crate) nats: Option<NatsSettings>,
    /// Sealing and retention.
    pub(crate) log: crate::sealing::LogSection,
    /// Limits of what lies beside the log.
    pub(crate) blobs: BlobsSection,
    pub(crate) output: OutputSection,
    /// What predicts the items of batch jobs.
    pub(crate) predictions: crate::predictions::PredictionsSection,
}

/// Longest path of a socket that the system takes: 108 bytes with the NUL at its end.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Runs the server until it is asked to stop.
pub(crate) fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the event loop")?;
    runtime.block_on(serve_until_stopped(sandbox::within(settings)?))
}

/// Refuses a data folder whose path is too long for the socket of the runner, before anything is in it.
fn check_socket_path(data: &Path) -> anyhow::Result<()> {
    let bytes = link::socket_path(data).as_os_str().len();
    if bytes <= SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the path of the data folder {} is too long: the socket in it would have {bytes} bytes, and the system takes {SOCKET_PATH_BYTES_MAX}; choose a shorter path with --data",
        data.display()
    );
    Err(crate::cli::Failure::new(crate::cli::Exit::Usage, message).into())
}

async fn serve_until_stopped(settings: ServeSettings) -> anyhow::Result<()> {
    check_socket_path(&settings.data)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| conflict(format!("cannot listen on {}: {error}", settings.listen)))?;
    let address = listener.local_addr()?;
    let mut ends = Ends::take().context("taking the signals that ask for the end")?;
    let url = format!("http://{address}");
    let mut phases = Phases::begin();
    let log = open_log(&settings, &url, &mut phases)?;
    let sdk = sdk::unpack(&settings.data).context("unpacking the Python packages")?;
    let links = Links::default();
    let vitals = Arc::clone(&log.vitals);
    let reader = log.reader.clone();
    let core = start_engine(log, &settings, &links)?;
    phases.end("engine");
    let stop = CancellationToken::new();
    let publisher = publishing::start(&settings, &core.engine, &reader, &stop)?;
    warn_of_deaf_triggers(&core.engine, &settings).await;
    let (views, follower, rebuilding) = start_views(&settings, &core)?;
    views.wait_for(core.engine.feed().last()).await?;
    phases.end("views");
    let signing_key = SigningKey::open(&settings.data)
        .with_context(|| format!("the key for tokens in {}", settings.data.display()))?;
    let runner = start_runner(&settings, &core, &links, (&sdk, &url, &signing_key), &stop).await?;
    let environments = Arc::new(Environments::new(&settings.data, settings.python.clone()));
    let parts = ApiParts {
        engine: core.engine.clone(),
        feed: core.engine.feed().clone(),
        past: past_views(&core, &views),
        views,
        exact: Arc::new(ExactReader::new(reader.clone(), |_| Vec::new())),
        content: core.content.clone(),
        links: links.clone(),
        rebuild: Some(Arc::new(rebuilding.clone())),
        clock: Arc::new(SystemClock),
        vitals: Arc::clone(&vitals),
        environments: environments.clone(),
        containers: Arc::new(Containers(settings.containers.clone())),
    };
    let api = tokio::spawn(fasti_api::serve(
        listener,
        parts,
        ApiConfig {
            signing_key: Some(signing_key),
            ..api_config(&settings, address)
        },
        stop.clone(),
    ));
    phases.end("runner and API");
    phases.say();
    eprintln!("listening on {url}");
    let sealer = publishing::start_sealing(&settings, &reader, &stop)?;
    let rooms = rooms_to_sweep(&settings, &core, &reader);
    let sweeper = sweeping::start(rooms, &settings.blobs, &settings.output)?;
    let check = Check::start(reader, vitals)?;
    ends.wait(&core.thread, &check).await;
    let damage = check.end();
    drop((sealer, sweeper));
    let stopped = shut_down(settings, core, links, stop, runner, api).await;
    environments.stop();
    drop(publisher);
    follower.stop();
    if let Err(error) = rebuilding.close() {
        tracing::warn!(%error, "the tables of the views had no orderly end");
    }
    damage.map_or(stopped, |damage| Err(crate::cli::store_failure(damage)))
}

fn rooms_to_sweep(settings: &ServeSettings, core: &Core, reader: &LogReader) -> sweeping::Rooms {
    sweeping::Rooms {
        data: settings.data.clone(),
        reader: reader.clone(),
        content: core.content.clone(),
        engine: core.engine.clone(),
    }
}

fn past_views(core: &Core, views: &SharedViews) -> PastViews {
    let feed = core.engine.feed().clone();
    PastViews::new(views.clone(), feed, Some(core.snapshots.clone()))
}

fn conflict(message: String) -> anyhow::Error {
    crate::cli::conflict(message)
}

/// The parts of the opened log, folded.
struct OpenLog {
    log: fasti_core::store::Log,
    reader: LogReader,
    content: Content,
    snapshots: Snapshots,
    vitals: Arc<Vitals>,
    state: fasti_core::domain::state::State,
}

fn open_log(settings: &ServeSettings, url: &str, phases: &mut Phases) -> anyhow::Result<OpenLog> {
    let options = OpenOptions {
        accept_loss: settings.accept_loss,
        reserve_bytes: settings.reserve_bytes,
        free_min_bytes: settings.free_min_bytes,
        ..OpenOptions::default()
    };
    let store = Store::open(&settings.data, options).map_err(crate::cli::store_failure)?;
    phases.end("log");
    store.lock.announce(url)?;
    let last = store.opened.last.seq;
    let mut progress = progress("reading the log", last);
    let folded = fold(&store.reader, Some(&store.snapshots), last, &mut progress);
    let folded = folded.map_err(|error| {
        if matches!(error, FeedError::Codec(CodecError::Unknown { .. })) {
            // Nothing is wrong with it: another version wrote it.
            conflict(error.to_string())
        } else {
            error.into()
        }
    })?;
    phases.end("state");
    tracing::info!(
        data = %settings.data.display(), seq = %last, from_snapshot = %folded.from_snapshot,
        "the log is open"
    );
    Ok(OpenLog {
        log: store.log,
        reader: store.reader,
        content: store.content,
        snapshots: store.snapshots,
        vitals: store.vitals,
        state: folded.state,
    })
}

/// The running engine and what belongs to it.
struct Core {
    engine: EngineHandle,
    thread: EngineThread,
    content: Content,
    snapshots: Snapshots,
    log_id: LogId,
}

fn start_engine(
    mut open: OpenLog,
    settings: &ServeSettings,
    links: &Links,
) -> anyhow::Result<Core> {
    let first = first_commit(&mut open, settings)?;
    let log_id = first.context("a log that has begun has an id")?;
    let last = open.reader.last().seq;
    let (writer, feed) = feed::feed(log_id, last, Box::new(open.reader.clone()));
    let (engine, thread) = engine::spawn(EngineParts {
        state: open.state,
        clock: Box::new(SystemClock),
        log: Box::new(open.log),
        writer,
        feed,
        effects: Box::new(links.clone()),
        snapshots: Some(open.snapshots.clone()),
    })?;
    Ok(Core {
        engine,
        thread,
        content: open.content,
        snapshots: open.snapshots,
        log_id,
    })
}

/// Begins the log if it is new, and records that a server took it up.
fn first_commit(open: &mut OpenLog, settings: &ServeSettings) -> anyhow::Result<Option<LogId>> {
    use fasti_core::ports::LogWrite;

    let mut commit = engine::Commit::default();
    let now = SystemClock.now();
    if open.state.log_id.is_none() {
        let create = Command::CreateLog {
            log_id: LogId(random().context("drawing the identity of the log")?),
            seed: random().context("drawing the seed of the log")?,
        };
        commit.offer(&mut open.state, &Request::system(create), now)?;
    }
    let start = Command::StartServer {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host_name(),
        tz_database: chrono_tz::IANA_TZDB_VERSION.to_owned(),
        settings: Settings {
            retry_delay_ms: settings.retry_delay_ms,
            catch_up_ms: settings.catch_up_ms,
            intake: intake(settings),
            ..Settings::default()
        },
    };
    commit.offer(&mut open.state, &Request::system(start), now)?;
    let records = commit
        .events()
        .iter()
        .map(fasti_core::codec::encode)
        .collect();
    LogWrite::append(&mut open.log, records, &[])?;
    Ok(open.state.log_id)
}

/// What messages can reach this server by.
fn intake(settings: &ServeSettings) -> Option<Intake> {
    let intake = Intake {
        nats: settings.nats.is_some(),
        webhook_keys: settings.webhook_keys.0.keys().cloned().collect(),
    };
    (intake != Intake::default()).then_some(intake)
}

/// Bytes nobody can guess, from the system.
fn random() -> std::io::Result<[u8; 16]> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn kernel_text(path: &str) -> String {
    std::fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

fn host_name() -> String {
    kernel_text("/proc/sys/kernel/hostname")
}

/// Opens the views and lets them follow the log. Tables that cannot be opened are made anew: views can
/// always be rebuilt from the log.
fn start_views(
    settings: &ServeSettings,
    core: &Core,
) -> anyhow::Result<(SharedViews, Follower, Rebuilding)> {
    Tables::clear_others(&settings.data)?;
    let folder = Tables::current(&settings.data);
    let (tables, views, snapshot_at) = match open_views(&folder, core) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(%error, "the tables of the views are made anew");
            Tables::destroy(&folder)?;
            open_views(&folder, core)?
        }
    };
    let views = SharedViews::new(views);
    let options = FollowerOptions {
        tables: Some(tables.clone()),
        snapshots: Some(core.snapshots.clone()),
        snapshot_at,
    };
    let follower = Follower::start(views.clone(), core.engine.feed().clone(), options)?;
    let rebuilding = Rebuilding::new(
        &settings.data,
        core.engine.feed().clone(),
        follower.fresh(),
        tables,
        VIEWS_CACHE_BYTES,
        kernel_text(BOOT_ID),
    );
    Ok((views, follower, rebuilding))
}

/// The views up to the end of the log, and the position of the snapshot that they began with.
fn open_views(folder: &Path, core: &Core) -> anyhow::Result<(Tables, Views, Seq)> {
    let tables = Tables::open_in_boot(folder, VIEWS_CACHE_BYTES, &kernel_text(BOOT_ID))?;
    let feed = core.engine.feed();
    let mut views = Views::open(Some(&tables), Some(&core.snapshots), feed)?;
    let snapshot_at = views.as_of();
    let last = feed.last();
    views.catch_up(feed, &mut progress("computing the views", last))?;
    tracing::info!(seq = %views.as_of(), from_snapshot = %snapshot_at, "the views are up to date");
    Ok((tables, views, snapshot_at))
}

/// Says now and then how far something long is.
fn progress(doing: &'static str, last: Seq) -> impl FnMut(Seq) {
    const EVERY: u64 = 500_000;
    let mut said = Seq(0);
    move |seq| {
        if seq.0 >= said.0 + EVERY {
            said = seq;
            tracing::info!(%seq, %last, doing);
        }
    }
}

fn api_config(settings: &ServeSettings, address: SocketAddr) -> ApiConfig {
    let user = crate::user::name();
    let config = ApiConfig::new(
        address,
        settings.data.clone(),
        env!("CARGO_PKG_VERSION"),
        &user,
    );
    let mut predictions = settings.predictions.used(address);
    if settings.is_sandbox {
        predictions.caller = None;
    }
    ApiConfig {
        is_sandbox: settings.is_sandbox,
        connections_max: config.connections_max.min(connections_of(open_files_max())),
        tz_database: chrono_tz::IANA_TZDB_VERSION.to_owned(),
        token: settings.token.clone(),
        webhook_keys: settings.webhook_keys.clone(),
        rescale: settings.rescale.clone(),
        allowed_hosts: settings.allowed_hosts.clone(),
        predictions,
        ..config
    }
}

/// Files that this process may have open.
fn open_files_max() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

/// Connections out of so many open files: half, so that the log, results and the runner are never short of one.
fn connections_of(files: u64) -> usize {
    usize::try_from(files / 2).unwrap_or(usize::MAX).max(16)
}

/// A trigger that was saved while this server had NATS, or another key, hears nothing now: that must not be silent.
async fn warn_of_deaf_triggers(engine: &EngineHandle, settings: &ServeSettings) {
    let has_nats = settings.nats.is_some();
    let keys = settings.webhook_keys.clone();
    let deaf = engine.inspect(move |state| {
        let mut deaf = Vec::new();
        for batch in state.batches() {
            let definition = state.batch_definition(batch);
            for trigger in definition.into_iter().flat_map(|it| &it.schedule.triggers) {
                let hears = match &trigger.source {
                    TriggerSource::Nats { .. } | TriggerSource::Stream { .. } => has_nats,
                    TriggerSource::Webhook { key } => keys.0.contains_key(key),
                };
                if !hears {
                    deaf.push((batch.name.clone(), trigger.name.clone()));
                }
            }
        }
        deaf
    });
    for (batch, trigger) in deaf.await.unwrap_or_default() {
        tracing::warn!(
            batch,
            trigger,
            "this trigger hears nothing: the server was started without its NATS or key"
        );
    }
}

type RunnerTask = tokio::task::JoinHandle<Option<local_runner::Started>>;

/// Starts the runner and its link; in a sandbox there is neither.
async fn start_runner(
    settings: &ServeSettings,
    core: &Core,
    links: &Links,
    (sdk, url, signing_key): (&Path, &str, &SigningKey),
    stop: &CancellationToken,
) -> anyhow::Result<RunnerTask> {
    if settings.is_sandbox {
        sandbox::without_runners(&core.engine).await?;
        return Ok(tokio::spawn(std::future::ready(None)));
    }
    let socket = link::socket_path(&settings.data);
    // The data folder is locked: a socket that is there belongs to nobody any more.
    drop(std::fs::remove_file(&socket));
    let listener = UnixListener::bind(&socket)
        .with_context(|| format!("listening on {}", socket.display()))?;
    let parts = LinkParts {
        engine: core.engine.clone(),
        content: core.content.clone(),
        log_id: core.log_id,
        env: BTreeMap::from([("FASTI_URL".to_owned(), url.to_owned())]),
        signer: Some(signing_key.for_tasks(Arc::new(SystemClock))),
        links: links.clone(),
    };
    tokio::spawn(async move {
        if let Err(error) = link::serve(listener, parts).await {
            tracing::error!(%error, "runners cannot connect any more");
        }
    });
    let runner = RunnerSettings {
        socket,
        data: settings.data.clone(),
        sdk: sdk.to_owned(),
        slots: settings.slots,
        python: settings.python.clone(),
        containers: settings.containers.clone(),
        boot_id: kernel_text(BOOT_ID),
    };
    let supervised =
        local_runner::supervise(runner, core.engine.clone(), links.clone(), stop.clone());
    Ok(tokio::spawn(supervised))
}

/// The signals that ask for the end. They are taken from the moment this is made: one that came before
/// would end the process on the spot.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns at SIGTERM or SIGINT, when the engine has ended by itself, or when the log turns out to be damaged.
    async fn wait(&mut self, engine: &EngineThread, check: &Check) {
        const LOOK: Duration = Duration::from_millis(50);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                () = tokio::time::sleep(LOOK) => {
                    if engine.is_finished() || check.has_found() {
                        return;
                    }
                }
            }
        }
    }
}

async fn shut_down(
    settings: ServeSettings,
    core: Core,
    links: Links,
    stop: CancellationToken,
    runner: RunnerTask,
    api: tokio::task::JoinHandle<Result<(), fasti_api::ApiError>>,
) -> anyhow::Result<()> {
    tracing::info!("stopping");
    stop.cancel();
    if tokio::time::timeout(INTAKE_TIMEOUT, api).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    // It ends at once when `stop` says so; the time limit is for what nobody has thought of.
    let child = tokio::time::timeout(RUNNER_END_TIMEOUT, runner).await;
    let child = child.ok().and_then(Result::ok).flatten();
    if !core.thread.is_finished() {
        crate::shutdown::end_runner(settings.on_shutdown, &core.engine, &links, child).await;
    }
    core.engine.stop();
    let reason = tokio::task::spawn_blocking(move || core.thread.join()).await?;
    match reason {
        StopReason::Asked | StopReason::Unused => {
            tracing::info!("stopped; everything acknowledged is on the disk");
            Ok(())
        }
        StopReason::Append(error) => {
            bail!("the log could not be written, so nothing more was accepted: {error}")
        }
    }
}
