//! Everything a runner needs to start one attempt, and nothing else: made from the state once the lease is
//! durable, never stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::ResultRef;
use crate::container::Container;
use crate::definition::TaskOptions;
use crate::flow::Staging;
use crate::ids::{AttemptId, Digest, RunId, Token};
use crate::time::Timestamp;

/// One attempt to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Shown with every report about it.
    pub token: Token,
    /// Its run; also names the folder of its output.
    pub run: RunId,
    /// Position of the task run in its run, from 0.
    pub index: u32,
    /// Environment variables on top of the runner's own chosen ones.
    pub env: BTreeMap<String, String>,
    /// What to run.
    pub program: Program,
    /// Ended after this long, if given.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Time between TERM and KILL when it is ended.
    pub grace_ms: u64,
    /// What is laid out before and looked for afterwards, if it is the run of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<Arc<Staging>>,
    /// What only some tasks ask for. The server fills in templates and tokens before it hands the launch over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<TaskOptions>>,
}

/// What an attempt runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A program with its arguments; never through a shell.
    Command {
        /// Program (looked up in `PATH` when it has no slash) and arguments.
        argv: Vec<String>,
        /// Working directory; the attempt's scratch folder when not given.
        #[serde(default)]
        cwd: Option<String>,
        /// Text for standard input; empty input when not given.
        #[serde(default)]
        stdin: Option<String>,
    },
    /// A Python function, run in a process forked from a warm interpreter.
    Python(Box<PythonCall>),
    /// One of the others, in a container of its own. A runner that knows none refuses it, and does not run on the
    /// host what was to be kept from it.
    Contained(Box<Contained>),
}

/// A program in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contained {
    /// The container.
    pub container: Container,
    /// What runs in it.
    pub program: Program,
}

impl Program {
    /// The function, if it is one, wherever it runs.
    pub fn python_mut(&mut self) -> Option<&mut PythonCall> {
        match self {
            Self::Command { .. } => None,
            Self::Python(call) => Some(call),
            Self::Contained(contained) => contained.program.python_mut(),
        }
    }
}

/// A call of a Python function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonCall {
    /// `package.module.function`, or a module with `__batch_main__`.
    pub entrypoint: String,
    /// Interpreter; the runner's default when not given.
    #[serde(default)]
    pub python: Option<String>,
    /// Folder put first on the import path, if the image has one.
    #[serde(default)]
    pub path: Option<String>,
    /// Packed source tree put first on the import path, if there is one (its digest).
    #[serde(default)]
    pub bundle: Option<Digest>,
    /// The attempt works in the unpacked bundle instead of its scratch folder (dev runs).
    #[serde(default)]
    pub works_in_bundle: bool,
    /// Environment of the image; part of what makes two interpreters different.
    #[serde(default)]
    pub image_env: BTreeMap<String, String>,
    /// `sub_job_name`.
    pub sub_job_name: String,
    /// `scheduled_time`.
    pub scheduled_time: Timestamp,
    /// `runtime`.
    pub runtime: Timestamp,
    /// `rundate`, `YYYY-MM-DD`.
    pub rundate: String,
    /// `part_num`, from 0.
    pub part_num: u32,
    /// `num_parts`.
    pub num_parts: u32,
    /// `job_config` as JSON text; `{}` when none was given.
    pub configuration: String,
    /// Pickle of `job_config`, base64, when JSON cannot express it.
    #[serde(default)]
    pub configuration_blob: Option<String>,
    /// Pickle of the arguments given when the task was defined, base64.
    #[serde(default)]
    pub arguments_blob: Option<String>,
    /// Values of the direct dependencies, in the order of the edges. Shared by the parts of a task.
    #[serde(default)]
    pub upstreams: Arc<[Upstream]>,
    /// A blob that holds them instead, when they are too much to travel in every launch; filled in after the
    /// state was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed_upstreams: Option<Digest>,
}

/// One direct dependency and its value or values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Name of the task.
    pub task: String,
    /// Name of the function that made the value.
    pub result_name: String,
    /// Whether it has parts: then the value is the list of theirs.
    pub parallel: bool,
    /// One value a part; one for a plain task.
    pub parts: Vec<UpstreamValue>,
}

/// A value by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamValue {
    /// Name of the task or part.
    pub name: String,
    /// Where the value is; `None` when the task returns none (a command).
    #[serde(default)]
    pub result: Option<ResultRef>,
    /// The bytes themselves, when they are small; filled in after the state was asked.
    #[serde(default, with = "optional_bytes")]
    pub inline: Option<Vec<u8>>,
}

/// Bytes as bytes, not as a list of numbers.
mod optional_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    // serde's `with` hands over a reference to the field.
    #[expect(clippy::ref_option, reason = "signature given by serde")]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_bytes(bytes),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        struct Bytes(Vec<u8>);
        impl<'de> Deserialize<'de> for Bytes {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_byte_buf(Visitor).map(Bytes)
            }
        }
        Ok(Option::<Bytes>::deserialize(deserializer)?.map(|Bytes(bytes)| bytes))
    }
}
