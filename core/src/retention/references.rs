//! Who names what: one walk over the log. In memory about 150 bytes a result that was ever named and 40 a run, for as
//! long as the walk is looked at.

use std::collections::{HashMap, HashSet};

use fasti_domain::event::Event;
use fasti_domain::ids::{Digest, RunId, Seq};
use fasti_domain::time::Timestamp;

use crate::codec::{self, CodecError};
use crate::store::{LogReader, StoreError};

/// Events that name contents, or say who uses them until when.
const WANTED: [&str; 5] = [
    "attempt.finished",
    "run.created",
    "run.finished",
    "bundle.registered",
    "definition.added",
];

/// Why the log could not be gone through.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is no event.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Until when something was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// No run ever did.
    Never,
    /// The last run that did ended then.
    Until(Timestamp),
    /// A run that is not over does, or the log itself.
    Still,
}

/// What the events of a log name.
#[derive(Debug, Default)]
pub struct References {
    /// When runs ended; `None`: they go on.
    runs: HashMap<RunId, Option<Timestamp>>,
    results: HashMap<Digest, Vec<RunId>>,
    bundles: HashMap<Digest, Vec<RunId>>,
    /// Bundles of definitions.
    bundle_of: HashMap<Digest, Digest>,
    payloads: HashSet<Digest>,
    /// Last event looked at.
    seq: Seq,
}

impl References {
    /// Walks over the log from where it left off; `pace` is called now and then.
    ///
    /// # Errors
    /// The log is damaged, or of a later version.
    pub fn read(&mut self, reader: &LogReader, pace: &mut dyn FnMut()) -> Result<(), SurveyError> {
        let mut wrong = None;
        reader.survey(self.seq.next(), &WANTED, &mut |seq, beside, stored| {
            self.payloads.extend(beside);
            self.seq = seq;
            if let Some(stored) = stored
                && wrong.is_none()
            {
                match codec::decode(stored) {
                    Ok(entry) => self.take(&entry.recorded.event, entry.recorded.at),
                    Err(error) => wrong = Some(error),
                }
            }
            if seq.0.is_multiple_of(10_000) {
                pace();
            }
        })?;
        match wrong {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    fn take(&mut self, event: &Event, at: Timestamp) {
        if let Event::AttemptFinished(event) = event {
            for result in event.ends.iter().filter_map(|end| end.result.as_ref()) {
                name(&mut self.results, result.sha256, event.run);
            }
        } else if let Event::RunCreated(event) = event {
            self.runs.insert(event.run, None);
            for result in event.reused.iter().filter_map(|it| it.result.as_ref()) {
                name(&mut self.results, result.sha256, event.run);
            }
            if let Some(bundle) = self.bundle_of.get(&event.definition) {
                name(&mut self.bundles, *bundle, event.run);
            }
        } else if let Event::RunFinished(event) = event {
            self.runs.insert(event.run, Some(at));
        } else if let Event::BundleRegistered(event) = event {
            self.bundles.entry(event.digest).or_default();
        } else if let Event::DefinitionAdded(event) = event
            && let Some(bundle) = event.definition.bundle
        {
            self.bundle_of.insert(event.digest, bundle);
        }
    }

    /// When a run ended: `None` if there never was one of this id.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<Used> {
        let ended = self.runs.get(&run)?;
        Some(ended.map_or(Used::Still, Used::Until))
    }

    /// Whether the log itself needs it: a payload.
    #[must_use]
    pub fn is_payload(&self, digest: Digest) -> bool {
        self.payloads.contains(&digest)
    }

    /// Until when a result was used; `None` if it is none.
    #[must_use]
    pub fn result(&self, digest: Digest) -> Option<Used> {
        self.results.get(&digest).map(|runs| self.until(runs))
    }

    /// Until when a bundle was used; `None` if it is none.
    #[must_use]
    pub fn bundle(&self, digest: Digest) -> Option<Used> {
        self.bundles.get(&digest).map(|runs| self.until(runs))
    }

    fn until(&self, runs: &[RunId]) -> Used {
        let ends = runs.iter().filter_map(|run| self.run(*run));
        ends.max().unwrap_or(Used::Never)
    }
}

fn name(names: &mut HashMap<Digest, Vec<RunId>>, digest: Digest, run: RunId) {
    let runs = names.entry(digest).or_default();
    if runs.last() != Some(&run) {
        runs.push(run);
    }
}
