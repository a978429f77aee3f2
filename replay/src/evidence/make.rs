//! Making the evidence of a run out of the log and its anchors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::domain::ids::{Digest, RunId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_core::ports::ExactRead;
use fasti_core::store::{self, Anchor, AnchorKind, Attestor, Bounded, Content, GENESIS, Tree};
use sha2::{Digest as _, Sha256};

use super::find::{Found, each, story};
use super::{
    ContentLine, End, EventLine, Header, Line, Named, NoEvidence, Proof, SCHEMA, SCHEMA_VERSION,
    Stretch,
};

/// What evidence is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of which run.
    pub run: RunId,
    /// Where that is.
    pub stretch: Stretch,
    /// With the results themselves, not with their digests alone.
    pub with_results: bool,
    /// Largest file, in bytes.
    pub bytes_max: u64,
    /// Now.
    pub at: Timestamp,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Events in the file.
    pub events: u64,
    /// Results in it.
    pub results: u64,
    /// Results that the events name and nobody has any more.
    pub results_gone: u64,
    /// Public key that it is signed with, in hex.
    pub key: String,
    /// Digest of all but the last line.
    pub sha256: Digest,
}

/// Writes the evidence to `out`. Events that no anchor with a tree covers yet are anchored now, which leaves a line in
/// the manifest of the data folder `data`.
///
/// # Errors
/// See [`NoEvidence`].
pub fn make(
    log: &dyn ExactRead,
    content: &Content,
    data: &Path,
    last: Seq,
    wanted: &Wanted,
    out: &mut dyn Write,
) -> Result<Made, NoEvidence> {
    let story = story(log, wanted.run, wanted.stretch)?;
    let attestor = Attestor::open(data)?;
    let mut anchors = Anchors::new(store::anchors_of(data)?, &attestor.public_key());
    let mut file = File::new(out, wanted.bytes_max);
    file.line(&Line::Header(Header {
        schema: SCHEMA.to_owned(),
        schema_version: SCHEMA_VERSION,
        run: wanted.run.0,
        at_us: wanted.at.0,
        fasti: env!("CARGO_PKG_VERSION").to_owned(),
    }))?;
    let mut named = Named::default();
    let mut rest = story.as_slice();
    while let Some(first) = rest.first() {
        let (anchor, hashes) = anchors.over(log, first.exact.seq, last, &attestor, wanted.at)?;
        let covered = rest.partition_point(|it| it.exact.seq.0 <= anchor.last);
        prove(&mut file, &rest[..covered], anchor, &hashes)?;
        rest = &rest[covered..];
    }
    for found in &story {
        named.add(&found.entry.recorded.event);
    }
    let (mut results, mut results_gone) = (0, 0);
    for digest in named.order.iter().filter(|_| wanted.with_results) {
        let bytes = match content.read_within(*digest, file.room_for_base64())? {
            Some(Bounded::Whole(bytes)) => bytes,
            Some(Bounded::TooLong) => return Err(file.too_large()),
            None => {
                results_gone += 1;
                continue;
            }
        };
        results += 1;
        file.line(&Line::Content(ContentLine {
            sha256: digest.to_string(),
            bytes: STANDARD.encode(bytes),
        }))?;
    }
    let sha256 = Digest(file.sum.clone().finalize().into());
    let seal = attestor.seal_file(sha256);
    file.line(&Line::End(End {
        sha256: sha256.to_string(),
        key: seal.key.clone(),
        signature: seal.signature,
    }))?;
    file.out.flush()?;
    Ok(Made {
        events: story.len() as u64,
        results,
        results_gone,
        key: seal.key,
        sha256,
    })
}

/// The proof of an anchor, and the events that it proves.
fn prove(
    file: &mut File<'_>,
    events: &[Found],
    anchor: Anchor,
    hashes: &Hashes,
) -> Result<(), NoEvidence> {
    let first = anchor.first;
    let place = |seq: Seq| usize::try_from(seq.0 - first).unwrap_or(usize::MAX);
    let wanted: BTreeSet<usize> = events.iter().map(|it| place(it.exact.seq)).collect();
    let siblings = store::siblings(&hashes.after, &wanted);
    file.line(&Line::Proof(Proof {
        anchor,
        siblings: siblings
            .iter()
            .map(|hash| Digest(*hash).to_string())
            .collect(),
    }))?;
    let mut above = None;
    for found in events {
        let seq = found.exact.seq;
        let previous = (above != Some(seq)).then(|| match place(seq).checked_sub(1) {
            None => hashes.before,
            Some(before) => hashes.after[before],
        });
        file.line(&Line::Event(EventLine {
            seq: seq.0,
            previous: previous.map(|hash| Digest(hash).to_string()),
            hash: Digest(found.exact.hash).to_string(),
            record: STANDARD.encode(&found.exact.bytes),
            payload: found.payload().map(|payload| STANDARD.encode(payload)),
        }))?;
        above = Some(seq.next());
    }
    Ok(())
}

/// Chain hashes of a stretch.
struct Hashes {
    before: [u8; 32],
    /// After each record.
    after: Vec<[u8; 32]>,
}

/// The anchors that there are.
struct Anchors {
    /// Those with a tree, by first position.
    treed: Vec<Anchor>,
    /// Chain hash after the last position of every sealed segment, and its first position.
    sealed: BTreeMap<Seq, (Seq, String)>,
}

impl Anchors {
    /// Those of a manifest that are signed with this key.
    fn new(anchors: Vec<Anchor>, key: &str) -> Self {
        let is_good = |anchor: &Anchor| anchor.key == key && anchor.is_signed();
        let mut found = Self {
            treed: Vec::new(),
            sealed: BTreeMap::new(),
        };
        for anchor in anchors.into_iter().filter(is_good) {
            if anchor.kind == AnchorKind::Sealed {
                let known = (Seq(anchor.first), anchor.hash.clone());
                found.sealed.insert(Seq(anchor.last), known);
            }
            if !anchor.tree.is_empty() {
                found.treed.push(anchor);
            }
        }
        found
    }

    /// An anchor with a tree that has `seq` in it, signed now if there is none, and the chain hashes in that tree.
    fn over(
        &mut self,
        log: &dyn ExactRead,
        seq: Seq,
        last: Seq,
        attestor: &Attestor,
        at: Timestamp,
    ) -> Result<(Anchor, Hashes), NoEvidence> {
        let covers = |anchor: &&Anchor| anchor.first <= seq.0 && seq.0 <= anchor.last;
        // Of a tail that was anchored several times the latest has most of the run in it.
        let known = self.treed.iter().filter(covers).max_by_key(|it| it.last);
        if let Some(anchor) = known.cloned() {
            let (hashes, root) = read(log, (Seq(anchor.first), Seq(anchor.last)))?;
            if Digest(root).to_string() != anchor.tree {
                return Err(changed(Seq(anchor.first)));
            }
            return Ok((anchor, hashes));
        }
        let (first, until) = self.bounds(seq, last);
        let (hashes, root) = read(log, (first, until))?;
        let end = hashes.after.last().copied().unwrap_or(hashes.before);
        let said = self.sealed.get(&until).map(|(_, hash)| hash.as_str());
        if said.is_some_and(|said| said != Digest(end).to_string()) {
            return Err(changed(first));
        }
        let anchor = attestor.anchor((first, until), (&hashes.before, &end), &root, at)?;
        self.treed.push(anchor.clone());
        Ok((anchor, hashes))
    }

    /// The stretch to anchor around `seq`: a segment that was sealed without a tree, or what lies between segments.
    fn bounds(&self, seq: Seq, last: Seq) -> (Seq, Seq) {
        let before = self.sealed.range(..seq).next_back();
        let after = self.sealed.range(seq..).next();
        let first = match (before, after) {
            (_, Some((_, (first, _)))) if *first <= seq => *first,
            (Some((end, _)), _) => end.next(),
            (None, _) => Seq(1),
        };
        let until = match after {
            Some((end, (first, _))) if *first <= seq => *end,
            Some((_, (first, _))) => Seq(first.0 - 1),
            None => last,
        };
        (first, until)
    }
}

fn changed(seq: Seq) -> NoEvidence {
    let why = "the records from here on are not those that were signed".to_owned();
    NoEvidence::Damaged { seq, why }
}

/// The chain hashes of a stretch, and the root over them.
fn read(log: &dyn ExactRead, (first, last): (Seq, Seq)) -> Result<(Hashes, [u8; 32]), NoEvidence> {
    let mut before = GENESIS;
    let begin = Seq(first.0.saturating_sub(1));
    let mut after = Vec::new();
    let mut tree = Tree::default();
    each(log, (begin, last), &mut |exact| {
        if exact.seq < first {
            before = exact.hash;
        } else {
            tree.push(&exact.hash);
            after.push(exact.hash);
        }
        Ok(true)
    })?;
    let root = tree.root().ok_or_else(|| changed(first))?;
    Ok((Hashes { before, after }, root))
}

/// The file in the making.
struct File<'a> {
    out: &'a mut dyn Write,
    sum: Sha256,
    bytes: u64,
    bytes_max: u64,
}

impl<'a> File<'a> {
    fn new(out: &'a mut dyn Write, bytes_max: u64) -> Self {
        Self {
            out,
            sum: Sha256::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Bytes that could still go into the file, were nothing written with them.
    fn room_for_base64(&self) -> u64 {
        self.bytes_max.saturating_sub(self.bytes) / 4 * 3
    }

    fn too_large(&self) -> NoEvidence {
        let bytes_max = self.bytes_max;
        NoEvidence::TooLarge { bytes_max }
    }

    fn line(&mut self, line: &Line) -> Result<(), NoEvidence> {
        let text = line.text();
        self.bytes += text.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(self.too_large());
        }
        self.sum.update(text.as_bytes());
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }
}
