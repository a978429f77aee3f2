//! The bytes of one sealed segment: a stretch of the log as a plain file of its own. Pure: no files, no clock.
//!
//! Header of format 1 (numbers little-endian), then the body, packed with zstd:
//!
//! | at | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `FstG` |
//! | 4 | 2 | format, 1 |
//! | 6 | 2 | zero |
//! | 8 | 8 | first seq |
//! | 16 | 8 | last seq |
//! | 24 | 8 | instant of the last record, µs since 1970 |
//! | 32 | 4 | frames |
//! | 36 | 4 | contents |
//! | 40 | 8 | body length as stored |
//! | 48 | 8 | body length unpacked |
//! | 56 | 32 | chain hash before the first record |
//! | 88 | 32 | chain hash after the last record |
//! | 120 | 32 | BLAKE3 over bytes 0 to 119 and the packed body |
//!
//! The body holds the frames exactly as the database has them, each after its length (4 bytes), then the
//! contents that the records name and that are small (values, payloads beside the log): SHA-256 (32), length (4),
//! bytes. A segment holds whole commits. It proves itself three times: by its digest, by its frames' own chain,
//! and by the hashes at its two ends.

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

use crate::store::frame::{self, Header};

const MAGIC: &[u8; 4] = b"FstG";
const FORMAT: u16 = 1;
const CHECKED_BYTES: usize = 120;
pub(super) const HEADER_BYTES: usize = CHECKED_BYTES + 32;
const ZSTD_LEVEL: i32 = 3;
/// Largest unpacked body that is believed: far above what sealing makes, far below what memory holds.
const MAX_BODY_BYTES: u64 = 2 << 30;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Position of its first record.
    pub first: Seq,
    /// Position of its last record.
    pub last: Seq,
    /// Instant of the last record.
    pub last_at: Timestamp,
    /// Entries of the database inside.
    pub frames: u32,
    /// Contents inside.
    pub contents: u32,
    /// Chain hash before the first record.
    pub previous: [u8; 32],
    /// Chain hash after the last record.
    pub hash: [u8; 32],
    /// BLAKE3 over everything but itself.
    pub digest: [u8; 32],
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// Size of the body unpacked, in bytes.
    pub body_bytes: u64,
}

impl SegmentInfo {
    /// Records inside.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.last.0 + 1 - self.first.0
    }
}

/// A segment in the making. Frames come in order; the caller has checked them.
#[derive(Default)]
pub(in crate::store) struct Builder {
    ends: Option<(Header, Header)>,
    frames: Vec<u8>,
    frame_count: u32,
    contents: Vec<u8>,
    content_count: u32,
}

impl Builder {
    /// Adds a frame, exactly as it is stored.
    pub(in crate::store) fn push_frame(&mut self, header: Header, bytes: &[u8]) {
        put(&mut self.frames, bytes);
        self.frame_count += 1;
        self.ends = Some(match self.ends {
            None => (header, header),
            Some((first, _)) => (first, header),
        });
    }

    /// Adds a content under its SHA-256.
    pub(in crate::store) fn push_content(&mut self, digest: Digest, bytes: &[u8]) {
        self.contents.extend_from_slice(&digest.0);
        put(&mut self.contents, bytes);
        self.content_count += 1;
    }

    /// Bytes gathered.
    pub(in crate::store) fn len(&self) -> usize {
        self.frames.len() + self.contents.len()
    }

    /// The file, and what it says about itself; `None` without a frame.
    ///
    /// # Errors
    /// zstd refuses.
    pub(in crate::store) fn finish(
        mut self,
        last_at: Timestamp,
    ) -> std::io::Result<Option<(SegmentInfo, Vec<u8>)>> {
        let Some((first, last)) = self.ends else {
            return Ok(None);
        };
        self.frames.append(&mut self.contents);
        let body = zstd::bulk::compress(&self.frames, ZSTD_LEVEL)?;
        let mut info = SegmentInfo {
            first: first.place.seq,
            last: last.last(),
            last_at,
            frames: self.frame_count,
            contents: self.content_count,
            previous: first.previous,
            hash: last.hash,
            digest: [0; 32],
            file_bytes: (HEADER_BYTES + body.len()) as u64,
            body_bytes: self.frames.len() as u64,
        };
        let mut file = encode_header(&info);
        info.digest = digest(&file, &body);
        file.extend_from_slice(&info.digest);
        file.extend_from_slice(&body);
        Ok(Some((info, file)))
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("payloads are far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn encode_header(info: &SegmentInfo) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&info.first.0.to_le_bytes());
    out.extend_from_slice(&info.last.0.to_le_bytes());
    out.extend_from_slice(&info.last_at.0.to_le_bytes());
    out.extend_from_slice(&info.frames.to_le_bytes());
    out.extend_from_slice(&info.contents.to_le_bytes());
    out.extend_from_slice(&(info.file_bytes - HEADER_BYTES as u64).to_le_bytes());
    out.extend_from_slice(&info.body_bytes.to_le_bytes());
    out.extend_from_slice(&info.previous);
    out.extend_from_slice(&info.hash);
    out
}

fn digest(checked: &[u8], body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&checked[..CHECKED_BYTES]);
    hasher.update(body);
    *hasher.finalize().as_bytes()
}

/// A segment that was read and matches its digest.
#[derive(Debug)]
pub(in crate::store) struct Segment {
    pub(in crate::store) info: SegmentInfo,
    body: Vec<u8>,
    /// First position and place in the body of every frame.
    frames: Vec<(Seq, std::ops::Range<usize>)>,
    contents: Vec<(Digest, std::ops::Range<usize>)>,
}

impl Segment {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// A fragment saying what does not fit.
    pub(in crate::store) fn decode(file: &[u8]) -> Result<Self, String> {
        let info = decode_header(file)?;
        let packed = &file[HEADER_BYTES..];
        let capacity = usize::try_from(info.body_bytes).map_err(|e| e.to_string())?;
        let body = zstd::bulk::decompress(packed, capacity)
            .map_err(|e| format!("segment does not unpack: {e}"))?;
        if body.len() != capacity {
            return Err("segment unpacks to another length than it says".into());
        }
        let mut at = 0;
        let mut frames = Vec::with_capacity(info.frames as usize);
        for _ in 0..info.frames {
            let range = take(&body, &mut at)?;
            let first: [u8; 8] = body[range.clone()]
                .get(frame::SEQ_AT..frame::SEQ_AT + 8)
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or("a frame in the segment is too short")?;
            frames.push((Seq(u64::from_le_bytes(first)), range));
        }
        let mut contents = Vec::with_capacity(info.contents as usize);
        for _ in 0..info.contents {
            let digest = body.get(at..at + 32).and_then(|d| d.try_into().ok());
            let digest = Digest(digest.ok_or("a content in the segment is cut")?);
            at += 32;
            contents.push((digest, take(&body, &mut at)?));
        }
        if at != body.len() {
            return Err("segment holds more than it says".into());
        }
        Ok(Self {
            info,
            body,
            frames,
            contents,
        })
    }

    /// Index of the frame that would hold `seq`: the last one that starts at or before it.
    pub(in crate::store) fn frame_with(&self, seq: Seq) -> usize {
        self.frames
            .partition_point(|(first, _)| *first <= seq)
            .saturating_sub(1)
    }

    /// The frame at `index`, with the position that it starts at by its own word.
    pub(in crate::store) fn frame(&self, index: usize) -> Option<(Seq, &[u8])> {
        let (first, range) = self.frames.get(index)?;
        Some((*first, &self.body[range.clone()]))
    }

    /// The contents, unchecked.
    pub(in crate::store) fn contents(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        self.contents
            .iter()
            .map(|(digest, range)| (*digest, &self.body[range.clone()]))
    }
}

fn take(body: &[u8], at: &mut usize) -> Result<std::ops::Range<usize>, String> {
    let cut = || "segment is cut inside an entry".to_owned();
    let len: [u8; 4] = body
        .get(*at..*at + 4)
        .and_then(|len| len.try_into().ok())
        .ok_or_else(cut)?;
    let start = *at + 4;
    let end = start + u32::from_le_bytes(len) as usize;
    if end > body.len() {
        return Err(cut());
    }
    *at = end;
    Ok(start..end)
}

/// Reads the header and compares the digest with the whole file.
///
/// # Errors
/// A fragment saying what does not fit.
pub(in crate::store) fn decode_header(file: &[u8]) -> Result<SegmentInfo, String> {
    let header: &[u8; HEADER_BYTES] = file
        .first_chunk()
        .ok_or_else(|| format!("segment has only {} bytes", file.len()))?;
    if &header[..4] != MAGIC {
        return Err("segment does not start as one".into());
    }
    let stored: [u8; 32] = field(header, CHECKED_BYTES);
    if digest(header, &file[HEADER_BYTES..]) != stored {
        return Err("segment does not match its digest".into());
    }
    let format = u16::from_le_bytes(field(header, 4));
    if format != FORMAT {
        return Err(format!(
            "segment has format {format}, this build reads up to {FORMAT}: use a newer Fasti"
        ));
    }
    let info = SegmentInfo {
        first: Seq(u64::from_le_bytes(field(header, 8))),
        last: Seq(u64::from_le_bytes(field(header, 16))),
        last_at: Timestamp(i64::from_le_bytes(field(header, 24))),
        frames: u32::from_le_bytes(field(header, 32)),
        contents: u32::from_le_bytes(field(header, 36)),
        previous: field(header, 56),
        hash: field(header, 88),
        digest: stored,
        file_bytes: file.len() as u64,
        body_bytes: u64::from_le_bytes(field(header, 48)),
    };
    let stored_bytes = u64::from_le_bytes(field(header, 40));
    if stored_bytes + HEADER_BYTES as u64 != info.file_bytes {
        return Err("segment is shorter or longer than it says".into());
    }
    let fits = info.body_bytes <= MAX_BODY_BYTES
        && info.first > Seq(0)
        && info.first <= info.last
        && u64::from(info.frames) <= info.records()
        && info.frames > 0;
    if !fits {
        return Err("segment claims what cannot be".into());
    }
    Ok(info)
}

/// Body length unpacked, as a header says that was not checked.
pub(super) fn body_bytes(header: &[u8; HEADER_BYTES]) -> u64 {
    u64::from_le_bytes(field(header, 48))
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..at + N]
        .try_into()
        .expect("fields lie inside the header")
}
