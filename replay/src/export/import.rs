//! Exports read back: every record is handed on with its exact bytes and the hash it must lead to; whoever takes
//! them chains them again. The file's checksum is compared at its end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::domain::ids::{Digest, Seq};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::parquet::{KEYS, add};
use super::{Exported, SCHEMA, SCHEMA_VERSION, hex, unhex};
use crate::error::ReplayError;

/// Takes a record: exact bytes, hash after it, contents that it names.
pub(crate) type Take<'a> =
    dyn FnMut(Seq, &[u8], [u8; 32], &[(Digest, Vec<u8>)]) -> Result<(), ReplayError> + 'a;

fn wrong(what: impl Into<String>) -> ReplayError {
    ReplayError::Export(what.into())
}

/// Reads the export at `path`, of either form, and hands its records to `take` in order.
///
/// # Errors
/// The file is no export, of a later schema, damaged or cut; or `take` refuses.
pub fn read(path: &Path, take: &mut Take<'_>) -> Result<Exported, ReplayError> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let is_parquet = file.read_exact(&mut magic).is_ok() && &magic == b"PAR1";
    file.rewind()?;
    if is_parquet {
        read_parquet(file, take)
    } else {
        read_lines(file, take)
    }
}

fn check_schema(schema: Option<&str>, version: Option<u64>) -> Result<(), ReplayError> {
    if schema != Some(SCHEMA) {
        return Err(wrong("it is no export of a Fasti log"));
    }
    match version {
        Some(version) if version == u64::from(SCHEMA_VERSION) => Ok(()),
        Some(version) => Err(wrong(format!(
            "its schema has version {version}, this build reads {SCHEMA_VERSION}: use a newer Fasti"
        ))),
        None => Err(wrong("it does not say which version its schema has")),
    }
}

fn read_lines(file: File, take: &mut Take<'_>) -> Result<Exported, ReplayError> {
    let mut input = BufReader::new(file);
    let mut sum = Sha256::new();
    let mut line = Vec::new();
    let mut exported: Option<Exported> = None;
    let mut is_header = true;
    loop {
        line.clear();
        input.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(wrong("it is cut: the line with the checksum is missing"));
        }
        let value: Value = serde_json::from_slice(&line)
            .map_err(|error| wrong(format!("a line is no JSON: {error}")))?;
        if is_header {
            check_schema(value["schema"].as_str(), value["schema_version"].as_u64())?;
            is_header = false;
        } else if let Some(expected) = value["sha256"].as_str() {
            let found = hex(&sum.finalize());
            if found != expected {
                return Err(wrong("it does not match its checksum"));
            }
            let mut exported = exported.ok_or_else(|| wrong("it holds no events"))?;
            let said = (value["last_seq"].as_u64(), value["records"].as_u64());
            let hash = value["hash"].as_str().and_then(unhex);
            if said != (Some(exported.last.0), Some(exported.records))
                || hash != Some(exported.hash)
            {
                return Err(wrong("it holds other events than it says"));
            }
            exported.checksum = found;
            return Ok(exported);
        } else {
            let (seq, record, hash, contents) =
                row_of(&value).ok_or_else(|| wrong("a line is no event"))?;
            take(seq, &record, hash, &contents)?;
            count(&mut exported, seq, hash);
        }
        sum.update(&line);
    }
}

fn count(exported: &mut Option<Exported>, seq: Seq, hash: [u8; 32]) {
    let so_far = exported.get_or_insert_with(|| Exported {
        first: seq,
        last: seq,
        records: 0,
        hash,
        checksum: String::new(),
    });
    so_far.last = seq;
    so_far.records += 1;
    so_far.hash = hash;
}

type Parts = (Seq, Vec<u8>, [u8; 32], Vec<(Digest, Vec<u8>)>);

fn row_of(value: &Value) -> Option<Parts> {
    let mut contents = Vec::new();
    for content in value["contents"].as_array()? {
        let digest = content["sha256"].as_str()?.parse().ok()?;
        contents.push((digest, STANDARD.decode(content["bytes"].as_str()?).ok()?));
    }
    let record = STANDARD.decode(value["record"].as_str()?).ok()?;
    let hash = unhex(value["hash"].as_str()?)?;
    Some((Seq(value["seq"].as_u64()?), record, hash, contents))
}

fn read_parquet(file: File, take: &mut Take<'_>) -> Result<Exported, ReplayError> {
    let reader = SerializedFileReader::new(file)?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let meta = |key: &str| {
        let mut found = pairs.into_iter().flatten().filter(|pair| pair.key == key);
        found.next().and_then(|pair| pair.value.clone())
    };
    let number = |key: &str| meta(key).and_then(|text| text.parse::<u64>().ok());
    check_schema(meta(KEYS[0]).as_deref(), number(KEYS[1]))?;
    let mut sum = Sha256::new();
    let mut exported = None;
    for row in reader.get_row_iter(None)? {
        let row = row?;
        let place = |name: &str| {
            row.get_column_iter()
                .position(|(found, _)| found == name)
                .ok_or_else(|| wrong(format!("it has no column `{name}`")))
        };
        let seq = Seq(row.get_long(place("seq")?)?.cast_unsigned());
        let record = row.get_bytes(place("record")?)?.data();
        let hash: [u8; 32] = row
            .get_bytes(place("hash")?)?
            .data()
            .try_into()
            .map_err(|_| wrong("a hash has another length than 32 bytes"))?;
        let contents = match row.get_bytes(place("contents")?) {
            Ok(packed) => unpack(packed.data()).ok_or_else(|| wrong("a content is cut"))?,
            // The column is null where a record names none.
            Err(_) => Vec::new(),
        };
        add(&mut sum, record, &hash);
        take(seq, record, hash, &contents)?;
        count(&mut exported, seq, hash);
    }
    let mut exported: Exported = exported.ok_or_else(|| wrong("it holds no events"))?;
    exported.checksum = hex(&sum.finalize());
    if meta(KEYS[4]).as_ref() != Some(&exported.checksum) {
        return Err(wrong("it does not match its checksum"));
    }
    if (number(KEYS[2]), number(KEYS[3])) != (Some(exported.last.0), Some(exported.records)) {
        return Err(wrong("it holds other events than it says"));
    }
    Ok(exported)
}

fn unpack(mut packed: &[u8]) -> Option<Vec<(Digest, Vec<u8>)>> {
    let mut out = Vec::new();
    while !packed.is_empty() {
        let (digest, rest) = packed.split_first_chunk::<32>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        out.push((Digest(*digest), bytes.to_vec()));
        packed = rest;
    }
    Some(out)
}
