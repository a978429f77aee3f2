//! What stands beside a log and speaks about it: segments, anchors, positions that somebody wrote down elsewhere.
//! An audit asks it about every record on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use fasti_domain::ids::Seq;

use super::anchor::{self, Anchor, AnchorKind};
use super::archive::Archive;
use super::records::Records;
use super::tree::Stated;
use crate::store::error::{Result, StoreError};

/// What an audit is to hold a log against, beyond the log's own word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Public key (hex) that every anchor must be signed with; without one, the key of the data folder.
    pub key: Option<String>,
    /// Positions with their chain hashes that must be in the log.
    pub positions: Vec<(Seq, [u8; 32])>,
}

/// What the witness found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Testimony {
    pub(in crate::store) segments: u64,
    pub(in crate::store) contents: u64,
    pub(in crate::store) anchors: u64,
    pub(in crate::store) keys: Vec<String>,
    /// Last position that somebody vouches for.
    pub(in crate::store) vouched: Seq,
}

type File = (Seq, Seq, PathBuf);

/// See the module.
pub(in crate::store) struct Witness {
    dir: PathBuf,
    /// Stretches of segments without a gap.
    stretches: VecDeque<Vec<File>>,
    records: Option<Records>,
    anchors: Vec<Anchor>,
    bad_lines: Vec<usize>,
    /// Hashes by position, and who says so.
    said: BTreeMap<Seq, Vec<([u8; 32], PathBuf)>>,
    /// Trees that anchors state.
    trees: Stated,
    /// Last position at which what was said was true.
    confirmed: Seq,
    key: Option<String>,
    found: Testimony,
}

impl Witness {
    /// Calls the witness: segments and anchors in the archive, the key in it or beside it. Without a database
    /// (`is_alone`) anchors of what was not sealed yet vouch for nothing.
    pub(in crate::store) fn call(
        archive: &Archive,
        is_alone: bool,
        expected: &Expectations,
    ) -> Result<Self> {
        let dir = archive.dir().to_owned();
        let (anchors, bad_lines) = anchor::read(&dir)?;
        let manifest = anchor::manifest_path(&dir);
        let mut said: BTreeMap<Seq, Vec<_>> = BTreeMap::new();
        for anchor in &anchors {
            if let Some(hash) = anchor.chain_hash() {
                let said = said.entry(Seq(anchor.last)).or_default();
                said.push((hash, manifest.clone()));
            }
        }
        for (seq, hash) in &expected.positions {
            let said = said.entry(*seq).or_default();
            said.push((*hash, PathBuf::from("--expect")));
        }
        let key = expected.key.clone();
        let key = key
            .or_else(|| anchor::public_key(&dir))
            .or_else(|| anchor::public_key(dir.parent()?));
        let vouching = anchors
            .iter()
            .filter(|anchor| !is_alone || anchor.kind == AnchorKind::Sealed);
        let vouched = vouching
            .map(|anchor| Seq(anchor.last))
            .chain(expected.positions.iter().map(|(seq, _)| *seq))
            .max()
            .unwrap_or(Seq(0));
        // The segments themselves are what is audited then.
        let beside = if is_alone { vec![] } else { archive.list() };
        Ok(Self {
            stretches: stretches(beside),
            trees: Stated::by(&anchors),
            dir,
            records: None,
            anchors,
            bad_lines,
            said,
            confirmed: Seq(0),
            key,
            found: Testimony {
                vouched,
                ..Testimony::default()
            },
        })
    }

    /// Whether the record at `seq`, after which the chain is at `hash`, is the one that was sealed and signed.
    /// Asked in order, from the first record on.
    pub(in crate::store) fn ask(&mut self, seq: Seq, hash: [u8; 32], log: &Path) -> Result<()> {
        if let Some(sealed) = self.sealed_hash(seq)?
            && sealed != hash
        {
            let why = "event is not the one that was sealed";
            return Err(StoreError::damaged(seq, log, why));
        }
        self.compare(seq, hash)
    }

    /// Compares a position with what was said about it.
    pub(in crate::store) fn compare(&mut self, seq: Seq, hash: [u8; 32]) -> Result<()> {
        if let Some(first) = self.trees.pass(seq, &hash) {
            let why = format!("the tree that was signed over seq {first} to {seq} is not theirs");
            return Err(StoreError::damaged(
                first,
                &anchor::manifest_path(&self.dir),
                why,
            ));
        }
        for (said, who) in self.said.get(&seq).into_iter().flatten() {
            if *said != hash {
                let why = format!(
                    "the hash there is not the one that was anchored: the log was written anew somewhere from seq {} to {seq}",
                    self.confirmed.next()
                );
                return Err(StoreError::damaged(self.confirmed.next(), who, why));
            }
            self.confirmed = seq;
        }
        Ok(())
    }

    /// Chain hash after `seq` as it was sealed.
    fn sealed_hash(&mut self, seq: Seq) -> Result<Option<[u8; 32]>> {
        if self.records.is_none() {
            let starts = self.stretches.front().and_then(|files| files.first());
            if starts.is_none_or(|(first, ..)| *first > seq) {
                return Ok(None);
            }
            self.records = self.stretches.pop_front().map(Records::new);
        }
        let Some(records) = &mut self.records else {
            return Ok(None);
        };
        let at = records.next_seq();
        if at != seq {
            let why = "a segment begins inside of another";
            return Err(StoreError::damaged(at.min(seq), &self.dir, why));
        }
        let hash = records.step()?.map(|step| step.hash);
        if hash.is_none() {
            self.found.segments += records.segments_seen;
            self.found.contents += records.contents_seen;
            self.records = None;
            return self.sealed_hash(seq);
        }
        Ok(hash)
    }

    /// Hears the witness to the end: what is sealed beyond the end of the log, then who signed what.
    pub(in crate::store) fn dismiss(mut self, end: Seq) -> Result<Testimony> {
        let mut next = end.next();
        while self.sealed_hash(next)?.is_some() {
            self.found.vouched = self.found.vouched.max(next);
            next = next.next();
        }
        if let Some(records) = self.records.take() {
            self.found.segments += records.segments_seen;
            self.found.contents += records.contents_seen;
        }
        for rest in self.stretches.iter().flatten() {
            self.found.vouched = self.found.vouched.max(rest.1);
        }
        self.check_signatures()?;
        Ok(self.found)
    }

    fn check_signatures(&mut self) -> Result<()> {
        let path = anchor::manifest_path(&self.dir);
        let damaged = |why: String| StoreError::damaged(Seq(0), &path, why);
        if let Some(line) = self.bad_lines.first() {
            return Err(damaged(format!("line {line} is not as it was written")));
        }
        let mut keys = BTreeSet::new();
        let mut sealed = BTreeMap::new();
        for anchor in &self.anchors {
            let what = || format!("the anchor of seq {} to {}", anchor.first, anchor.last);
            if !anchor.is_signed() {
                return Err(damaged(format!("{} is not signed by its key", what())));
            }
            if self.key.as_ref().is_some_and(|key| *key != anchor.key) {
                let why = format!("{} is signed by another key: {}", what(), anchor.key);
                return Err(damaged(why));
            }
            keys.insert(anchor.key.clone());
            if anchor.kind == AnchorKind::Sealed {
                sealed.insert((anchor.first, anchor.last), anchor.digest.clone());
            }
        }
        for (first, last, path) in Archive::look(&self.dir)?.list() {
            let info = Archive::info(&path, first)?;
            let digest = sealed.get(&(first.0, last.0));
            if digest.is_some_and(|digest| *digest != anchor::hex(&info.digest)) {
                let why = "segment is not the one that was signed";
                return Err(StoreError::damaged(first, &path, why));
            }
        }
        self.found.anchors = self.anchors.len() as u64;
        self.found.keys = keys.into_iter().collect();
        Ok(())
    }
}

/// Files in order, cut where one is missing.
pub(in crate::store) fn stretches(files: Vec<File>) -> VecDeque<Vec<File>> {
    let mut out: VecDeque<Vec<File>> = VecDeque::new();
    for file in files {
        match out.back_mut() {
            Some(stretch)
                if stretch
                    .last()
                    .is_some_and(|before| before.1.next() == file.0) =>
            {
                stretch.push(file);
            }
            _ => out.push_back(vec![file]),
        }
    }
    out
}
