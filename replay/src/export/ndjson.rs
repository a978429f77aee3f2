//! An export as lines of JSON: a header, a line an event, a last line with the SHA-256 of all bytes before it.

use std::io::{BufWriter, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Row, SCHEMA, SCHEMA_VERSION, Sink, hex};
use crate::error::ReplayError;

/// The file in the making.
pub(super) struct Lines {
    out: BufWriter<Box<dyn Write + Send>>,
    sum: Sha256,
    records: u64,
    end: Option<(u64, [u8; 32])>,
}

impl Lines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out: BufWriter::new(out),
            sum: Sha256::new(),
            records: 0,
            end: None,
        }
    }

    fn line(&mut self, value: &Value) -> Result<(), ReplayError> {
        let mut text = value.to_string();
        text.push('\n');
        self.sum.update(text.as_bytes());
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }
}

impl Sink for Lines {
    fn push(&mut self, row: &Row) -> Result<(), ReplayError> {
        if self.records == 0 {
            self.line(&json!({"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "first_seq": row.stored.seq.0}))?;
        }
        self.records += 1;
        self.end = Some((row.stored.seq.0, row.stored.hash));
        let record = &row.stored.record;
        let contents: Vec<Value> = row
            .contents
            .iter()
            .map(|(digest, bytes)| json!({"sha256": digest.to_string(), "bytes": STANDARD.encode(bytes)}))
            .collect();
        self.line(&json!({
            "seq": row.stored.seq.0,
            "at": record.at.to_string(),
            "name": record.name,
            "version": record.version,
            "critical": record.critical,
            "actor": record.actor,
            "causation": record.causation.map(|seq| seq.0),
            "run": record.correlation,
            "epoch": row.stored.epoch,
            "commit_first": row.stored.commit_first.0,
            "commit_len": row.stored.commit_len,
            "data": row.data(),
            "hash": hex(&row.stored.hash),
            "record": STANDARD.encode(&row.record),
            "contents": contents,
        }))
    }

    fn finish(mut self: Box<Self>) -> Result<String, ReplayError> {
        let sum = hex(&self.sum.clone().finalize());
        let (last, hash) = self.end.unwrap_or((0, [0; 32]));
        let end =
            json!({"last_seq": last, "records": self.records, "hash": hex(&hash), "sha256": sum});
        self.line(&end)?;
        self.out.flush()?;
        Ok(sum)
    }
}
