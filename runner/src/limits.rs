//! Every bound of the runner, with its reason. Values that people may want to change live in
//! [`Config`](crate::Config) instead.

/// Launches accepted and not yet begun. The server grants only a little ahead, so more than this is a fault
/// of the sender; the surplus is answered with a spawn failure rather than kept.
pub const LAUNCHES_QUEUED_MAX: usize = 100_000;

/// Reports kept while the server does not acknowledge. Nothing more is begun beyond this; what runs still
/// ends and is reported, so the true bound is this plus two reports for each slot.
pub const REPORTS_UNACKED_MAX: usize = 20_000;

/// Reports in one message: at most 4 MiB of small return values, far below the frame limit.
pub const REPORTS_PER_MESSAGE_MAX: usize = 1_000;

/// Longest time that a report waits for others while there is work in hand, in milliseconds: what goes
/// together is one commit of the server. A runner about to run out of work reports at once.
pub const REPORT_WAIT_MS: u64 = 10;

/// Tokens of reported and acknowledged attempts that are still recognised, so that a launch repeated late
/// starts nothing.
pub const TOKENS_REMEMBERED_MAX: usize = 65_536;

/// Launches handed to the launcher beyond its free slots, so that a slot that becomes free goes on without
/// a turn of the event loop.
pub const LAUNCHES_AHEAD_MAX: usize = 8;

/// Longest shutdown that ends tasks, in milliseconds; afterwards the runner ends without their reports. With
/// the last words and the end of what is left it stays below 10 s.
pub const SHUTDOWN_MS_MAX: u64 = 7_000;

/// Longest grace between TERM and KILL during such a shutdown, in milliseconds.
pub const SHUTDOWN_GRACE_MS_MAX: u64 = 5_000;

/// Time between signs of life on a quiet connection, in milliseconds.
pub const PING_MS: u64 = 5_000;

/// First and longest pause between attempts to reach the server, in milliseconds.
pub const RECONNECT_MS: (u64, u64) = (20, 500);

/// Encoded bytes waiting to be written to the server before more reports are encoded.
pub const OUTGOING_BYTES_MAX: usize = 4 << 20;

/// Time an interpreter may take from its start to its first message, in milliseconds.
pub const WORKER_READY_MS_MAX: u64 = 30_000;

/// Longest frame taken from an interpreter, in bytes. Values travel as files, so this is generous.
pub const WORKER_FRAME_BYTES_MAX: usize = 64 << 20;

/// Time that writing a frame to an interpreter, or the rest of a frame from it, may take before it is given
/// up, in milliseconds.
pub const WORKER_FRAME_MS_MAX: u64 = 10_000;

/// Environments kept warm while nothing runs in them.
pub const WORKER_KEYS_IDLE_MAX: usize = 8;

/// An interpreter without work for this long is ended, in milliseconds.
pub const WORKER_IDLE_MS_MAX: u64 = 600_000;

/// Bytes of an interpreter's log that a start failure quotes.
pub const LOG_TAIL_BYTES: u64 = 2_048;

/// Bytes read of a failure document.
pub const FAILURE_BYTES_MAX: u64 = 64 << 10;

/// Characters of a failure message that are reported.
pub const FAILURE_CHARS_MAX: usize = 4_096;

/// Entries of one code bundle.
pub const BUNDLE_ENTRIES_MAX: usize = 100_000;

/// Unpacked bytes of one code bundle.
pub const BUNDLE_BYTES_MAX: u64 = 4 << 30;

/// Time after which the working tree of a run without attempts is removed, in milliseconds. A later attempt gets it
/// unpacked anew.
pub const TREE_IDLE_MS_MAX: u64 = 600_000;

/// Bytes read of a process's environment when looking for the marks of an attempt.
pub const ENVIRON_BYTES_MAX: u64 = 1 << 20;

/// Rounds of ending what an attempt left behind; each round can free processes hidden below those ended.
pub const SWEEP_ROUNDS_MAX: u32 = 100;

/// Time a killed process may take to disappear, in milliseconds. Longer means that it hangs in the kernel.
pub const KILL_MS_MAX: u64 = 2_000;

/// Programs whose place in `PATH` is remembered.
pub const PROGRAMS_CACHED_MAX: usize = 1_024;

/// Output folders known to exist.
pub const FOLDERS_CACHED_MAX: usize = 4_096;

/// Time after which the output of an attempt that goes on is where it can be read, in milliseconds.
pub const OUTPUT_SHOWN_MS: u64 = 200;

/// Files below the folder for outputs of a step that are looked at.
pub const STAGED_FILES_MAX: usize = 100_000;

/// Bytes of the values that a step writes down.
pub const STEP_VALUES_BYTES_MAX: u64 = fasti_core::domain::limits::STEP_VALUES_BYTES_MAX as u64;

/// Bytes that an attempt may say about its progress; what comes after is not read.
pub const PROGRESS_BYTES_MAX: u64 = 1 << 20;

/// Bytes of what it says beside the name of a stage.
pub const PROGRESS_DETAIL_BYTES_MAX: usize = 1_000;

/// Longest wait for an answer of a container engine, in milliseconds: a busy machine takes seconds, a daemon that
/// hangs for ever.
pub const ENGINE_ANSWER_MS_MAX: u64 = 60_000;

/// The same for each question while a runner starts, which the server does not wait for much longer.
pub const ENGINE_SWEEP_MS_MAX: u64 = 5_000;

/// Bytes taken of an answer of a container engine.
pub const ENGINE_ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Bytes of its output that are shown when an engine could not start a container.
pub const ENGINE_WORDS_BYTES_MAX: u64 = 2_048;
