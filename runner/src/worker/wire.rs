//! Frames between the runner and an interpreter: a length in four bytes, big-endian, then a body. What an
//! interpreter says is a JSON object. A start is `start`, the attempt, the entrypoint with its import path as
//! JSON, and the task as JSON, with zero bytes between: the interpreter itself reads only the first three, since
//! what it touches between two forks it pays for, and leaves the task to the child.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fasti_core::domain::launch::{Launch, PythonCall, Upstream, UpstreamValue};
use serde::{Deserialize, Serialize};

use crate::launcher::BaseEnvironment;
use crate::limits::WORKER_FRAME_BYTES_MAX;
use crate::outcome::SpawnFailure;
use crate::places;
use crate::result::Handed;

/// What an interpreter says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum FromWorker {
    /// It can be given work.
    Ready {},
    /// It forked.
    Started {
        /// The attempt.
        id: String,
        /// The process.
        pid: u32,
        /// Processor time in microseconds that the process had used for earlier calls.
        #[serde(default)]
        cpu_us: u64,
    },
    /// It reaped a process.
    Exited {
        /// The attempt.
        id: String,
        /// Raw wait status.
        status: i32,
        /// Processor time in microseconds.
        cpu_us: u64,
        /// Largest resident memory in KiB.
        max_rss_kb: u64,
        /// A small return value that the process handed over, in base64.
        #[serde(default)]
        value: Option<String>,
        /// The failure that the process handed over, in base64.
        #[serde(default)]
        failure: Option<String>,
        /// The process did not end: it waits for another call.
        #[serde(default)]
        kept: bool,
    },
    /// It could not fork.
    Refused {
        /// The attempt.
        id: String,
        /// What the system said.
        reason: String,
    },
}

/// What an interpreter passes on from a process.
///
/// # Errors
/// It is no base64.
pub(super) fn handed(value: Option<&str>, failure: Option<&str>) -> io::Result<Handed> {
    let decode = |text: &str| {
        let decoded = BASE64.decode(text);
        decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    };
    match (value, failure) {
        (Some(value), _) => decode(value).map(Handed::Value),
        (None, Some(failure)) => decode(failure).map(Handed::Failure),
        (None, None) => Ok(Handed::Nothing),
    }
}

/// The frame that has an interpreter end a process that it keeps.
pub(super) fn dismiss_frame(pid: u32) -> Vec<u8> {
    short_frame(&format!("dismiss\0{pid}"))
}

/// The frame that tells an interpreter how many ends of calls in processes that it keeps are known here.
pub(super) fn seen_frame(ends: u64) -> Vec<u8> {
    short_frame(&format!("seen\0{ends}"))
}

fn short_frame(body: &str) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a few bytes");
    [len.to_be_bytes().as_slice(), body.as_bytes()].concat()
}

/// Where a task's files are.
#[derive(Debug)]
pub(crate) struct TaskPlaces {
    /// Working folder.
    pub(crate) cwd: PathBuf,
    /// Put first on the import path, in this order.
    pub(crate) import_path: Vec<PathBuf>,
    /// Standard output; where it goes already when not given.
    pub(crate) stdout: Option<PathBuf>,
    /// Standard error, likewise.
    pub(crate) stderr: Option<PathBuf>,
    /// Return value.
    pub(crate) result: PathBuf,
    /// Failure.
    pub(crate) failure: PathBuf,
}

/// The next message; `None` at the end of the stream.
///
/// # Errors
/// The stream breaks, or holds something that is no message.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<FromWorker>> {
    let mut len = [0; 4];
    match stream.read_exact(&mut len) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let len = u32::from_be_bytes(len) as usize;
    if len > WORKER_FRAME_BYTES_MAX {
        let message =
            format!("a frame of {len} bytes is longer than the {WORKER_FRAME_BYTES_MAX} allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

#[derive(Serialize)]
struct Task<'a> {
    attempt: &'a str,
    entrypoint: &'a str,
    import_path: Vec<&'a str>,
    cwd: &'a str,
    stdout: Option<&'a str>,
    stderr: Option<&'a str>,
    env: BTreeMap<&'a str, &'a str>,
    result_path: &'a str,
    failure_path: &'a str,
    sub_job_name: &'a str,
    scheduled_time: String,
    runtime: String,
    rundate: &'a str,
    part_num: u32,
    num_parts: u32,
    configuration_blob: Option<&'a str>,
    arguments_blob: Option<&'a str>,
    upstreams: Upstreams<'a>,
    // Last, so that the text of the configuration can be put in unchanged: keys keep their order.
    configuration: (),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Upstreams<'a> {
    /// Each with its values.
    Listed(Vec<UpstreamTask<'a>>),
    /// In a file of their own, which names values in the folder of blobs.
    Packed { packed: String, blobs: String },
}

#[derive(Serialize)]
struct UpstreamTask<'a> {
    task: &'a str,
    result_name: &'a str,
    parallel: bool,
    parts: Vec<Part<'a>>,
}

/// One of the three beside the name.
#[derive(Default, Serialize)]
struct Part<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<bool>,
}

/// The frame that asks an interpreter to run a task.
///
/// # Errors
/// The configuration is no JSON, a path is no UTF-8, or the frame would be too long.
pub(crate) fn start_frame(
    launch: &Launch,
    call: &PythonCall,
    files: &TaskPlaces,
    blobs: &Path,
    base: &BaseEnvironment,
) -> Result<Vec<u8>, SpawnFailure> {
    let attempt = launch.attempt.to_string();
    let env = base.over_worker(&launch.env, &attempt)?;
    let task = describe(&attempt, call, files, (blobs, env))?;
    let mut frame = vec![0; 4];
    frame.extend_from_slice(b"start\0");
    frame.extend_from_slice(attempt.as_bytes());
    frame.push(0);
    // JSON writes a zero byte as `\u0000`: none of the parts can hold one.
    serde_json::to_writer(&mut frame, &(task.entrypoint, &task.import_path))
        .map_err(|error| undescribed(&error))?;
    frame.push(0);
    encode(&mut frame, &task, &call.configuration)?;
    let len = frame.len() - 4;
    match u32::try_from(len) {
        Ok(short) if len <= WORKER_FRAME_BYTES_MAX => {
            frame[..4].copy_from_slice(&short.to_be_bytes());
            Ok(frame)
        }
        _ => Err(SpawnFailure::plain(format!(
            "the description of the task takes {len} bytes, {WORKER_FRAME_BYTES_MAX} are allowed: return large values instead of giving them as arguments"
        ))),
    }
}

/// The file that an interpreter reads which runs this task alone. Its variables and its output are set already.
///
/// # Errors
/// As for [`start_frame`].
pub(crate) fn task_file(
    launch: &Launch,
    call: &PythonCall,
    files: &TaskPlaces,
    blobs: &Path,
) -> Result<Vec<u8>, SpawnFailure> {
    let attempt = launch.attempt.to_string();
    let task = describe(&attempt, call, files, (blobs, BTreeMap::new()))?;
    let mut file = Vec::new();
    encode(&mut file, &task, &call.configuration)?;
    Ok(file)
}

fn describe<'a>(
    attempt: &'a str,
    call: &'a PythonCall,
    files: &'a TaskPlaces,
    (blobs, env): (&Path, BTreeMap<&'a str, &'a str>),
) -> Result<Task<'a>, SpawnFailure> {
    let import_path: Result<Vec<&str>, SpawnFailure> =
        files.import_path.iter().map(|path| text(path)).collect();
    let optional = |path: &'a Option<PathBuf>| path.as_deref().map(text).transpose();
    Ok(Task {
        attempt,
        entrypoint: &call.entrypoint,
        import_path: import_path?,
        cwd: text(&files.cwd)?,
        stdout: optional(&files.stdout)?,
        stderr: optional(&files.stderr)?,
        env,
        result_path: text(&files.result)?,
        failure_path: text(&files.failure)?,
        sub_job_name: &call.sub_job_name,
        scheduled_time: call.scheduled_time.to_string(),
        runtime: call.runtime.to_string(),
        rundate: &call.rundate,
        part_num: call.part_num,
        num_parts: call.num_parts,
        configuration_blob: call.configuration_blob.as_deref(),
        arguments_blob: call.arguments_blob.as_deref(),
        upstreams: upstreams(call, blobs)?,
        configuration: (),
    })
}

fn undescribed(error: &serde_json::Error) -> SpawnFailure {
    SpawnFailure::plain(format!("cannot describe the task: {error}"))
}

/// A task as JSON, with its configuration as it was given.
fn encode(out: &mut Vec<u8>, task: &Task<'_>, configuration: &str) -> Result<(), SpawnFailure> {
    serde_json::from_str::<serde::de::IgnoredAny>(configuration).map_err(|error| {
        SpawnFailure::plain(format!("cannot read the configuration as JSON: {error}"))
    })?;
    serde_json::to_writer(&mut *out, task).map_err(|error| undescribed(&error))?;
    let end = out
        .strip_suffix(b"null}")
        .expect("the configuration is written last")
        .len();
    out.truncate(end);
    out.extend_from_slice(configuration.as_bytes());
    out.push(b'}');
    Ok(())
}

fn upstreams<'a>(call: &'a PythonCall, blobs: &Path) -> Result<Upstreams<'a>, SpawnFailure> {
    if let Some(digest) = &call.packed_upstreams {
        return Ok(Upstreams::Packed {
            packed: text(&places::blob_in(blobs, digest))?.to_owned(),
            blobs: text(blobs)?.to_owned(),
        });
    }
    let listed = call.upstreams.iter();
    let listed = listed.map(|upstream| upstream_task(upstream, blobs));
    listed.collect::<Result<_, _>>().map(Upstreams::Listed)
}

fn upstream_task<'a>(
    upstream: &'a Upstream,
    blobs: &Path,
) -> Result<UpstreamTask<'a>, SpawnFailure> {
    let parts = upstream.parts.iter().map(|value| {
        let UpstreamValue {
            name,
            result,
            inline,
        } = value;
        let mut part = Part {
            name,
            ..Part::default()
        };
        match (inline, result) {
            (Some(bytes), _) => part.inline = Some(BASE64.encode(bytes)),
            (None, Some(result)) => {
                part.path = Some(text(&places::blob_in(blobs, &result.sha256))?.to_owned());
            }
            (None, None) => part.none = Some(true),
        }
        Ok(part)
    });
    Ok(UpstreamTask {
        task: &upstream.task,
        result_name: &upstream.result_name,
        parallel: upstream.parallel,
        parts: parts.collect::<Result<_, SpawnFailure>>()?,
    })
}

fn text(path: &Path) -> Result<&str, SpawnFailure> {
    path.to_str().ok_or_else(|| {
        SpawnFailure::plain(format!(
            "the path `{}` is no UTF-8: choose another data folder",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests;
