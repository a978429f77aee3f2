//! Identifiers and positions: newtypes, so that a run is never taken for a task run.
//!
//! Runs and task runs share one sequence of positive integers ([`RunId`], [`TaskRunId`]): an id of one
//! kind used in place of the other can then be reported instead of returning somebody else's data.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number_id! {
    /// Position of an event in the log: dense, from 1. `Seq(0)` means "before the first event".
    Seq
}
number_id! {
    /// One execution of a batch version.
    RunId
}
number_id! {
    /// One task in one run. The task runs of a run directly follow its [`RunId`], in definition order.
    TaskRunId
}
number_id! {
    /// Many runs made together.
    RunSetId
}

impl Seq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl RunId {
    /// Id of the task run at `index` (position in definition order, parts expanded).
    #[must_use]
    pub fn task_run(self, index: u32) -> TaskRunId {
        TaskRunId(self.0 + 1 + u64::from(index))
    }
}

/// One try at a task run: `<task run>.<number>`, numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task run tried.
    pub task_run: TaskRunId,
    /// Which try, from 1.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.task_run, self.number)
    }
}

/// Text that is not an [`AttemptId`], [`BatchId`], [`Digest`] or [`Token`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{text}` as {expected}")]
pub struct ParseIdError {
    /// What was given.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

impl FromStr for AttemptId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseIdError {
            text: text.to_owned(),
            expected: "an attempt id such as 8231.1",
        };
        let (task_run, number) = text.split_once('.').ok_or_else(wrong)?;
        Ok(Self {
            task_run: task_run.parse().map_err(|_| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
        })
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    if bytes.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut out = [0; N];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *slot = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                read_hex(text).map(Self).ok_or_else(|| ParseIdError {
                    text: text.to_owned(),
                    expected: $expected,
                })
            }
        }

        // Bytes in binary formats, hex text in JSON.
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let pattern = format!("^[0-9a-f]{{{}}}$", 2 * $len);
                json_schema!({ "type": "string", "pattern": pattern, "description": $expected })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        bytes.try_into().map($name).map_err(|_| E::invalid_length(bytes.len(), &self))
                    }
                }
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Visitor)
                } else {
                    deserializer.deserialize_bytes(Visitor)
                }
            }
        }
    };
}

byte_id! {
    /// SHA-256 of some content: the name under which the content is stored.
    Digest, 32, "a SHA-256 digest of 64 hexadecimal digits"
}
byte_id! {
    /// Right to run one attempt, granted by its lease: 128 bits, underivable without the seed of the log.
    Token, 16, "a token of 32 hexadecimal digits"
}
byte_id! {
    /// Identity of one log, drawn when it is created.
    LogId, 16, "a log id of 32 hexadecimal digits"
}

/// Identity of a batch: a UUID (version 7), kept over all its versions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub [u8; 16]);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BatchId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = text.len() == 36 && [8, 13, 18, 23].iter().all(|&i| text.as_bytes()[i] == b'-');
        let digits = text.replace('-', "");
        read_hex(&digits)
            .filter(|_| shape)
            .map(Self)
            .ok_or_else(|| ParseIdError {
                text: text.to_owned(),
                expected: "a UUID",
            })
    }
}

impl JsonSchema for BatchId {
    fn schema_name() -> Cow<'static, str> {
        "BatchId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid", "description": "a UUID (version 7)" })
    }
}

impl Serialize for BatchId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for BatchId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = BatchId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<BatchId, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<BatchId, E> {
                bytes
                    .try_into()
                    .map(BatchId)
                    .map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Visitor)
        } else {
            deserializer.deserialize_bytes(Visitor)
        }
    }
}

/// Name of one runner process: lower-case letters, digits and `-`, at most 64 characters, so that it is one
/// NATS token. A restarted runner takes a new one.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct RunnerId(pub std::sync::Arc<str>);

impl RunnerId {
    /// A runner id, if `text` is made as the type demands.
    ///
    /// # Errors
    /// The text is empty, too long, or has a character outside `a-z0-9-`.
    pub fn new(text: &str) -> Result<Self, ParseIdError> {
        let fits = !text.is_empty()
            && text.len() <= 64
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(ParseIdError {
                text: text.to_owned(),
                expected: "a runner id of 1 to 64 characters a-z, 0-9 and -",
            })
        }
    }
}

impl fmt::Display for RunnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let attempt = AttemptId {
            task_run: TaskRunId(8231),
            number: 2,
        };
        assert_eq!(attempt.to_string(), "8231.2");
        assert_eq!("8231.2".parse::<AttemptId>().unwrap(), attempt);
        let batch = BatchId([0xab; 16]);
        assert_eq!(batch.to_string(), "abababab-abab-abab-abab-abababababab");
        assert_eq!(batch.to_string().parse::<BatchId>().unwrap(), batch);
        let digest = Digest([7; 32]);
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn text_of_another_shape_is_refused() {
        for text in ["", "8231", "8231.", ".1", "x.1"] {
            assert!(text.parse::<AttemptId>().is_err(), "{text}");
        }
        assert!(
            "abababab-abab-abab-abab-ababababab"
                .parse::<BatchId>()
                .is_err()
        );
        assert!(
            "abababababababababababababababab"
                .parse::<BatchId>()
                .is_err()
        );
        for text in ["", "Local", "a.b", "a b", &"x".repeat(65)] {
            assert!(RunnerId::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn task_runs_follow_their_run() {
        assert_eq!(RunId(10).task_run(0), TaskRunId(11));
        assert_eq!(RunId(10).task_run(4), TaskRunId(15));
    }
}
