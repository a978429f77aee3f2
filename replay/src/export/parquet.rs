//! An export as Parquet: a row an event. The metadata of the file has the schema's version, the range, and the
//! SHA-256 over the exact bytes and the hash of every record in turn.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use sha2::{Digest as _, Sha256};

use super::{Row, SCHEMA, SCHEMA_VERSION, Sink, hex};
use crate::error::ReplayError;

/// Rows in a row group: so many are held in memory.
const GROUP_ROWS: usize = 20_000;
/// Bytes of records after which a group ends early.
const GROUP_BYTES: usize = 64 << 20;

/// The columns, in order. Positions and numbers are below 2^63.
const COLUMNS: &str = "message event {
    required int64 seq;
    required int64 at (TIMESTAMP(MICROS, true));
    required binary name (UTF8);
    required int32 version;
    required boolean critical;
    required binary actor (UTF8);
    optional int64 causation;
    optional int64 run;
    required int32 epoch;
    required int64 commit_first;
    required int32 commit_len;
    required binary data (UTF8);
    required fixed_len_byte_array(32) hash;
    required binary record;
    optional binary contents;
}";

/// Names of the metadata.
pub(super) const KEYS: [&str; 5] = [
    "fasti.schema",
    "fasti.schema_version",
    "fasti.last_seq",
    "fasti.records",
    "fasti.sha256",
];

/// The file in the making.
pub(super) struct Rows {
    writer: SerializedFileWriter<Box<dyn Write + Send>>,
    group: Vec<Row>,
    group_bytes: usize,
    sum: Sha256,
    records: u64,
    last: u64,
}

/// Adds a record to the checksum.
pub(super) fn add(sum: &mut Sha256, record: &[u8], hash: &[u8; 32]) {
    sum.update(record);
    sum.update(hash);
}

impl Rows {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Result<Self, ReplayError> {
        let schema = Arc::new(parse_message_type(COLUMNS)?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        Ok(Self {
            writer: SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?,
            group: Vec::new(),
            group_bytes: 0,
            sum: Sha256::new(),
            records: 0,
            last: 0,
        })
    }

    fn write_group(&mut self) -> Result<(), ReplayError> {
        let rows = std::mem::take(&mut self.group);
        self.group_bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        let out = &mut group;
        let texts = |of: fn(&Row) -> Vec<u8>| -> Vec<ByteArray> {
            rows.iter().map(|row| ByteArray::from(of(row))).collect()
        };
        let longs = |of: fn(&Row) -> i64| -> Vec<i64> { rows.iter().map(of).collect() };
        let ints = |of: fn(&Row) -> i32| -> Vec<i32> { rows.iter().map(of).collect() };
        column::<Int64Type>(out, &longs(|row| long(row.stored.seq.0)), None)?;
        column::<Int64Type>(out, &longs(|row| row.stored.record.at.0), None)?;
        column::<ByteArrayType>(
            out,
            &texts(|row| row.stored.record.name.clone().into()),
            None,
        )?;
        column::<Int32Type>(out, &ints(|row| row.stored.record.version.into()), None)?;
        let critical: Vec<bool> = rows.iter().map(|row| row.stored.record.critical).collect();
        column::<BoolType>(out, &critical, None)?;
        column::<ByteArrayType>(
            out,
            &texts(|row| row.stored.record.actor.clone().into()),
            None,
        )?;
        optional::<Int64Type>(out, &rows, |row| {
            row.stored.record.causation.map(|seq| long(seq.0))
        })?;
        optional::<Int64Type>(out, &rows, |row| row.stored.record.correlation.map(long))?;
        column::<Int32Type>(out, &ints(|row| row.stored.epoch.cast_signed()), None)?;
        column::<Int64Type>(out, &longs(|row| long(row.stored.commit_first.0)), None)?;
        column::<Int32Type>(out, &ints(|row| row.stored.commit_len.cast_signed()), None)?;
        column::<ByteArrayType>(out, &texts(|row| row.data().to_string().into()), None)?;
        let hashes: Vec<FixedLenByteArray> = rows
            .iter()
            .map(|row| ByteArray::from(row.stored.hash.to_vec()).into())
            .collect();
        column::<FixedLenByteArrayType>(out, &hashes, None)?;
        column::<ByteArrayType>(out, &texts(|row| row.record.clone()), None)?;
        optional::<ByteArrayType>(out, &rows, |row| pack(&row.contents))?;
        group.close()?;
        Ok(())
    }
}

fn long(number: u64) -> i64 {
    number.cast_signed()
}

/// Contents one after another: SHA-256, length (4 bytes, little-endian), bytes.
fn pack(contents: &[(fasti_core::domain::ids::Digest, Vec<u8>)]) -> Option<ByteArray> {
    if contents.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    for (digest, bytes) in contents {
        out.extend_from_slice(&digest.0);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    Some(out.into())
}

type Group<'a> = SerializedRowGroupWriter<'a, Box<dyn Write + Send>>;

fn column<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    defined: Option<&[i16]>,
) -> Result<(), ReplayError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ReplayError::Export(
            "the schema has fewer columns than rows".into(),
        ));
    };
    column.typed::<T>().write_batch(values, defined, None)?;
    column.close()?;
    Ok(())
}

fn optional<T: DataType>(
    group: &mut Group<'_>,
    rows: &[Row],
    of: fn(&Row) -> Option<T::T>,
) -> Result<(), ReplayError> {
    let values: Vec<Option<T::T>> = rows.iter().map(of).collect();
    let defined: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column::<T>(group, &values, Some(&defined))
}

impl Sink for Rows {
    fn push(&mut self, row: &Row) -> Result<(), ReplayError> {
        add(&mut self.sum, &row.record, &row.stored.hash);
        self.records += 1;
        self.last = row.stored.seq.0;
        let contents: usize = row.contents.iter().map(|(_, bytes)| bytes.len()).sum();
        self.group_bytes += row.record.len() + contents;
        self.group.push(row.clone());
        if self.group.len() >= GROUP_ROWS || self.group_bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<String, ReplayError> {
        self.write_group()?;
        let sum = hex(&self.sum.clone().finalize());
        let values = [
            SCHEMA.to_owned(),
            SCHEMA_VERSION.to_string(),
            self.last.to_string(),
            self.records.to_string(),
            sum.clone(),
        ];
        for (key, value) in KEYS.iter().zip(values) {
            let pair = KeyValue::new((*key).to_owned(), value);
            self.writer.append_key_value_metadata(pair);
        }
        self.writer.close()?;
        Ok(sum)
    }
}
