//! The folder of sealed segments: which there are, and reading them. Files are only ever added here, whole and
//! synced; nobody changes one.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use fasti_domain::ids::Seq;

use super::format::{HEADER_BYTES, Segment, SegmentInfo, body_bytes, decode_header};
use crate::store::durable;
use crate::store::error::{Result, StoreError};

/// Unpacked segments kept for readers: a few megabytes each.
const CACHED_SEGMENTS: usize = 3;

/// The sealed segments of a data folder, or of a folder of segments alone.
#[derive(Debug)]
pub(in crate::store) struct Archive {
    dir: PathBuf,
    /// Last position and file by first position.
    files: RwLock<BTreeMap<Seq, (Seq, PathBuf)>>,
    recent: Mutex<VecDeque<Arc<Segment>>>,
}

/// Name of the file with these records.
fn file_name(first: Seq, last: Seq) -> String {
    format!("{:020}-{:020}.seg", first.0, last.0)
}

fn parse_name(path: &Path) -> Option<(Seq, Seq)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    let (first, last) = name.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some((Seq(first), Seq(last)))
}

impl Archive {
    /// Looks into `dir`, which need not be there.
    pub(in crate::store) fn look(dir: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let entries = match fs::read_dir(dir) {
            Ok(entries) => Some(entries),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(StoreError::io("reading directory", dir, e)),
        };
        for entry in entries.into_iter().flatten() {
            let path = entry
                .map_err(|e| StoreError::io("reading directory", dir, e))?
                .path();
            if let Some((first, last)) = parse_name(&path) {
                files.insert(first, (last, path));
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            files: RwLock::new(files),
            recent: Mutex::default(),
        })
    }

    /// The folder.
    pub(in crate::store) fn dir(&self) -> &Path {
        &self.dir
    }

    /// First and last position and file of every segment, in order.
    pub(in crate::store) fn list(&self) -> Vec<(Seq, Seq, PathBuf)> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files
            .iter()
            .map(|(first, (last, path))| (*first, *last, path.clone()))
            .collect()
    }

    /// Last position up to which sealing came; 0 if it never began.
    pub(in crate::store) fn last(&self) -> Seq {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files
            .values()
            .map(|(last, _)| *last)
            .max()
            .unwrap_or(Seq(0))
    }

    /// File of the segment that holds `seq`.
    pub(in crate::store) fn file_with(&self, seq: Seq) -> Option<PathBuf> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let (_, (last, path)) = files.range(..=seq).next_back()?;
        (seq <= *last).then(|| path.clone())
    }

    /// The segment that holds `seq`; `None` if there is none.
    pub(in crate::store) fn segment_with(&self, seq: Seq) -> Result<Option<Arc<Segment>>> {
        let Some(path) = self.file_with(seq) else {
            return Ok(None);
        };
        let holds = |segment: &Arc<Segment>| segment.info.first <= seq && seq <= segment.info.last;
        if let Some(found) = self.recent().iter().find(|segment| holds(segment)) {
            return Ok(Some(Arc::clone(found)));
        }
        let segment = Arc::new(read(&path, seq)?);
        if !holds(&segment) {
            let why = "segment holds other events than its name says";
            return Err(StoreError::damaged(seq, &path, why));
        }
        let mut recent = self.recent();
        recent.push_front(Arc::clone(&segment));
        recent.truncate(CACHED_SEGMENTS);
        Ok(Some(segment))
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Segment>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a segment, durably: temporary file, fsync, rename, fsync of the folder.
    pub(in crate::store) fn add(&self, info: &SegmentInfo, file: &[u8]) -> Result<PathBuf> {
        durable::make_dir(&self.dir)?;
        let path = self.dir.join(file_name(info.first, info.last));
        durable::replace_file(&self.dir, &path, &[file])?;
        if let Some(parent) = self.dir.parent() {
            durable::sync_dir(parent)?;
        }
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(info.first, (info.last, path.clone()));
        Ok(path)
    }

    /// What the segment at `path` says about itself, compared with its digest but not unpacked.
    pub(in crate::store) fn info(path: &Path, seq: Seq) -> Result<SegmentInfo> {
        decode_header(&bytes(path, seq)?).map_err(|why| StoreError::damaged(seq, path, why))
    }

    /// Size of the frames and contents in the segment at `path`, by its own word.
    pub(in crate::store) fn body_bytes(path: &Path) -> Result<u64> {
        use std::io::Read;
        let mut header = [0; HEADER_BYTES];
        fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut header))
            .map_err(|e| StoreError::io("reading", path, e))?;
        Ok(body_bytes(&header))
    }
}

fn bytes(path: &Path, seq: Seq) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| {
        if e.kind() == std::io::ErrorKind::NotFound {
            return StoreError::damaged(seq, path, "segment is missing");
        }
        StoreError::io("reading", path, e)
    })
}

/// Reads a segment; damage is reported at `seq`.
pub(in crate::store) fn read(path: &Path, seq: Seq) -> Result<Segment> {
    Segment::decode(&bytes(path, seq)?).map_err(|why| StoreError::damaged(seq, path, why))
}
