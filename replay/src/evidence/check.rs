//! Checking evidence: from its bytes alone, on any machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::codec;
use fasti_core::domain::attempt::{AttemptEnd, Lease};
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{AttemptId, Digest, RunId, Seq};
use fasti_core::domain::run::RunStatus;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Entry;
use fasti_core::store::{self, Anchor, FileSeal};
use sha2::{Digest as _, Sha256};

use super::find::created;
use super::{ContentLine, End, EventLine, Header, Line, Named, Proof, SCHEMA, SCHEMA_VERSION};

/// Where evidence stops being any, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Fault {
    /// Line, from 1.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

/// What evidence proves.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The run.
    pub run: RunId,
    /// When the file was made.
    pub at: Timestamp,
    /// The events: the one with the definition, and those of the run.
    pub events: Vec<Entry>,
    /// How the run ended.
    pub status: RunStatus,
    /// The anchors that prove them.
    pub anchors: Vec<Anchor>,
    /// Public key that all is signed with, in hex.
    pub key: String,
    /// Results that the events name.
    pub results_named: u64,
    /// Those of them that are in the file.
    pub results: u64,
    /// Digest of all but the last line.
    pub sha256: Digest,
}

/// Checks evidence; with a `key` (public, in hex) that it is signed with that one.
///
/// # Errors
/// The first thing wrong.
pub fn check(mut file: impl BufRead, key: Option<&str>) -> Result<Verdict, Fault> {
    let mut checked = Checked::default();
    let mut line = 0;
    let mut bytes = Vec::new();
    loop {
        line += 1;
        let fault = |why: String| Fault { line, why };
        bytes.clear();
        let read = file.read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| fault(format!("it cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        checked.line(&bytes, key).map_err(fault)?;
    }
    checked.verdict().map_err(|why| Fault { line, why })
}

#[derive(Default)]
struct Checked {
    header: Option<Header>,
    /// The proof whose events are being read.
    proof: Option<Open>,
    anchors: Vec<Anchor>,
    events: Vec<Entry>,
    named: Named,
    contents: BTreeSet<Digest>,
    end: Option<(End, Digest)>,
    sum: Sha256,
}

/// A proof and what is known of its tree.
struct Open {
    proof: Proof,
    /// Chain hashes by their places.
    known: BTreeMap<u64, [u8; 32]>,
    last: Option<(Seq, [u8; 32])>,
}

type Checks<T = ()> = Result<T, String>;

fn hash(text: &str, what: &str) -> Checks<[u8; 32]> {
    let digest: Result<Digest, _> = text.parse();
    digest
        .map(|digest| digest.0)
        .map_err(|_| format!("{what} is no hash"))
}

fn unpacked(text: &str, what: &str) -> Checks<Vec<u8>> {
    STANDARD
        .decode(text)
        .map_err(|_| format!("{what} is not base64"))
}

impl Checked {
    fn line(&mut self, bytes: &[u8], key: Option<&str>) -> Checks {
        if self.end.is_some() {
            return Err("there is something behind the end".to_owned());
        }
        let line: Line = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is no line of evidence: {error}"))?;
        if line.text().as_bytes() != bytes {
            return Err("it is not as it was written: another form of the same JSON".to_owned());
        }
        let before = self.sum.clone();
        self.sum.update(bytes);
        match line {
            Line::Header(header) => self.header(header),
            _ if self.header.is_none() => Err("the header is missing before it".to_owned()),
            Line::Proof(proof) => self.proof(proof, key),
            Line::Event(event) => self.event(&event),
            Line::Content(content) => self.content(&content),
            Line::End(end) => self.end(end, Digest(before.finalize().into())),
        }
    }

    fn header(&mut self, header: Header) -> Checks {
        if self.header.is_some() {
            return Err("there is a second header".to_owned());
        }
        if header.schema != SCHEMA || header.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "it is `{}` version {}; this build knows `{SCHEMA}` version {SCHEMA_VERSION}",
                header.schema, header.schema_version
            ));
        }
        self.header = Some(header);
        Ok(())
    }

    fn proof(&mut self, proof: Proof, key: Option<&str>) -> Checks {
        self.close_proof()?;
        let anchor = &proof.anchor;
        let what = format!("the anchor of seq {} to {}", anchor.first, anchor.last);
        if !anchor.is_signed() {
            return Err(format!("{what} is not signed by its key"));
        }
        if key.is_some_and(|key| key != anchor.key) {
            return Err(format!("{what} is signed by another key: {}", anchor.key));
        }
        if self.anchors.iter().any(|other| other.key != anchor.key) {
            return Err(format!("{what} is signed by another key than that before"));
        }
        let count = anchor.last.checked_sub(anchor.first);
        if anchor.first == 0 || count.and_then(|n| n.checked_add(1)) != Some(anchor.count) {
            return Err(format!("{what} counts wrongly"));
        }
        if anchor.tree.is_empty() {
            return Err(format!("{what} states no tree"));
        }
        self.proof = Some(Open {
            proof,
            known: BTreeMap::new(),
            last: None,
        });
        Ok(())
    }

    /// Whether the events since the last proof lead to its tree.
    fn close_proof(&mut self) -> Checks {
        let Some(open) = self.proof.take() else {
            return Ok(());
        };
        let anchor = open.proof.anchor;
        let siblings: Checks<Vec<_>> = open
            .proof
            .siblings
            .iter()
            .map(|text| hash(text, "a hash beside the paths"))
            .collect();
        let siblings = siblings?;
        let root = store::root_from(anchor.count, &open.known, &siblings);
        if root.map(|root| Digest(root).to_string()) != Some(anchor.tree.clone()) {
            return Err(format!(
                "the events before it do not lead to the tree that was signed over seq {} to {}",
                anchor.first, anchor.last
            ));
        }
        self.anchors.push(anchor);
        Ok(())
    }

    fn event(&mut self, line: &EventLine) -> Checks {
        let event = format!("the event at seq {}", line.seq);
        let Some(open) = &mut self.proof else {
            return Err(format!("{event} has no proof before it"));
        };
        let anchor = &open.proof.anchor;
        if !(anchor.first..=anchor.last).contains(&line.seq) {
            return Err(format!("{event} is not among those that its anchor covers"));
        }
        let (seq, after) = (Seq(line.seq), hash(&line.hash, "its hash")?);
        let previous = match (&line.previous, open.last) {
            (_, Some((last, _))) if last >= seq => {
                return Err(format!("{event} stands behind a later one"));
            }
            (None, Some((last, hash))) if last.next() == seq => hash,
            (Some(text), last) if last.is_none_or(|(last, _)| last.next() != seq) => {
                hash(text, "the hash before it")?
            }
            _ => return Err(format!("{event} does not follow the one above it")),
        };
        let record = unpacked(&line.record, "its record")?;
        if store::chain(&previous, &record) != after {
            return Err(format!(
                "{event} does not lead to the hash it is said to have"
            ));
        }
        let payload = line.payload.as_deref();
        let payload = payload
            .map(|text| unpacked(text, "its payload"))
            .transpose()?;
        let stored = store::record_of(&record, payload.as_deref(), after)
            .map_err(|why| format!("{event}: {why}"))?;
        if stored.seq != seq {
            return Err(format!("{event} says that it is seq {}", stored.seq));
        }
        open.known.insert(line.seq - anchor.first, after);
        open.last = Some((seq, after));
        let entry = codec::decode(&stored).map_err(|error| format!("{event}: {error}"))?;
        self.named.add(&entry.recorded.event);
        self.events.push(entry);
        Ok(())
    }

    fn content(&mut self, line: &ContentLine) -> Checks {
        self.close_proof()?;
        let digest = Digest(hash(&line.sha256, "its digest")?);
        if codec::sha256(&unpacked(&line.bytes, "the content")?) != digest {
            return Err(format!("the content {digest} is not what its name says"));
        }
        if !self.named.seen.contains(&digest) {
            return Err(format!(
                "the content {digest} is named by no event before it"
            ));
        }
        if !self.contents.insert(digest) {
            return Err(format!("the content {digest} is there twice"));
        }
        Ok(())
    }

    fn end(&mut self, end: End, digest: Digest) -> Checks {
        self.close_proof()?;
        let seal = FileSeal {
            key: end.key.clone(),
            signature: end.signature.clone(),
        };
        if self.anchors.iter().any(|anchor| anchor.key != end.key) {
            return Err("the file is signed by another key than its anchors".to_owned());
        }
        if end.sha256 != digest.to_string() {
            return Err(
                "the bytes before it are not those that were signed: a line was changed, added or taken out"
                    .to_owned(),
            );
        }
        if !seal.is_of(digest) {
            return Err("the file is not signed by the key of its anchors".to_owned());
        }
        self.end = Some((end, digest));
        Ok(())
    }

    fn verdict(self) -> Checks<Verdict> {
        let (end, sha256) = self.end.ok_or("the file is cut: it has no end")?;
        let header = self.header.ok_or("there is no header")?;
        let run = RunId(header.run);
        let status = told(&self.events, run)?;
        Ok(Verdict {
            run,
            at: Timestamp(header.at_us),
            status,
            anchors: self.anchors,
            key: end.key,
            results_named: self.named.order.len() as u64,
            results: self.contents.len() as u64,
            events: self.events,
            sha256,
        })
    }
}

/// Whether the events are the story of this run, from its beginning to its end; how it ended.
fn told(events: &[Entry], run: RunId) -> Checks<RunStatus> {
    let all = || events.iter().map(|entry| &entry.recorded.event);
    let made = all().filter_map(created).collect::<Vec<_>>();
    let [made] = made.as_slice() else {
        return Err(format!("{} events make a run; one should", made.len()));
    };
    if made.run != run {
        return Err(format!("the events are of run {}, not of {run}", made.run));
    }
    let mut definitions = 0;
    let mut open: BTreeSet<AttemptId> = BTreeSet::new();
    let mut ended = None;
    for entry in events {
        let seq = entry.seq();
        let event = &entry.recorded.event;
        if matches!(event, Event::DefinitionAdded(it) if it.digest == made.definition) {
            definitions += 1;
        } else if event.run() != Some(run) {
            return Err(format!("the event at seq {seq} is not about run {run}"));
        }
        if let Event::AttemptLeased(event) = event {
            open.extend(event.leases.iter().map(Lease::attempt));
        } else if let Event::AttemptFinished(event) = event {
            for attempt in event.ends.iter().map(AttemptEnd::attempt) {
                if !open.remove(&attempt) {
                    return Err(format!(
                        "attempt {attempt} ends at seq {seq} without a lease"
                    ));
                }
            }
        } else if let Event::RunFinished(event) = event {
            ended = Some(event.status);
        }
    }
    if definitions != 1 {
        return Err(format!(
            "the definition of run {run} is there {definitions} times"
        ));
    }
    if let Some(attempt) = open.first() {
        return Err(format!("the end of attempt {attempt} is missing"));
    }
    ended.ok_or_else(|| format!("the end of run {run} is missing"))
}
