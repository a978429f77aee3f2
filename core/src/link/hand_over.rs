//! Launches on their way out: completed with what the state does not hold, cut into frames that fit. What cannot
//! be handed over at all is named, so that its end can be recorded; it must not take the connection along.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use fasti_domain::ids::Digest;
use fasti_domain::launch::{Launch, Upstream};

use super::packed;
use crate::attempt_token::attempt_token;
use crate::ports::SignTokens;
use crate::protocol::frame;
use crate::protocol::runner_v1::{
    FRAME_BYTES_MAX, INLINE_BYTES_MAX, ToRunner, UPSTREAM_BYTES_PER_LAUNCH_MAX,
};
use crate::store::{Content, StoreError};

/// Bytes of launches that go into one frame; a larger single launch goes alone.
const START_BYTES_MAX: usize = 8 << 20;

/// Launches that go into one frame, before anybody knows how long they are.
const START_LAUNCHES_MAX: usize = 256;

/// Lists of values that are known to be complete or packed. Those that no launch shares any more are dropped.
const LISTS_KNOWN_MAX: usize = 1_024;

/// Gives launches what the state does not hold: the server's environment, and small values, which are in the
/// database that only the server can read.
#[derive(Debug)]
pub(super) struct HandOver {
    content: Content,
    env: BTreeMap<String, String>,
    signer: Option<Arc<dyn SignTokens>>,
    known: Mutex<Vec<(Weak<[Upstream]>, Ready)>>,
}

/// How a list of values travels.
#[derive(Debug, Clone)]
enum Ready {
    /// In every launch.
    Inside(Arc<[Upstream]>),
    /// As a blob that all launches name.
    Packed(Digest),
}

/// Launches in frames, and those that cannot be handed over, with the reason.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) refused: Vec<(Launch, String)>,
}

impl HandOver {
    pub(super) fn new(
        content: Content,
        env: BTreeMap<String, String>,
        signer: Option<Arc<dyn SignTokens>>,
    ) -> Self {
        Self {
            content,
            env,
            signer,
            known: Mutex::default(),
        }
    }

    /// Reads and writes files: not for threads that must not block.
    pub(super) fn frames(&self, launches: Vec<Launch>) -> Frames {
        let mut done = Frames::default();
        let mut ready = Vec::with_capacity(launches.len());
        for mut launch in launches {
            match self.complete(&mut launch) {
                Ok(()) => ready.push(launch),
                Err(error) => {
                    let reason = format!("the values it begins with cannot be read: {error}");
                    done.refused.push((launch, reason));
                }
            }
        }
        while !ready.is_empty() {
            let rest = ready.split_off(ready.len().min(START_LAUNCHES_MAX));
            cut(
                std::mem::replace(&mut ready, rest),
                START_BYTES_MAX,
                &mut done,
            );
        }
        done
    }

    fn complete(&self, launch: &mut Launch) -> Result<(), StoreError> {
        for (name, value) in &self.env {
            let entry = launch.env.entry(name.clone());
            entry.or_insert_with(|| value.clone());
        }
        let token = || attempt_token(launch.attempt, launch.token);
        launch
            .env
            .entry("FASTI_TOKEN".to_owned())
            .or_insert_with(token);
        self.fill_in(launch);
        let Some(call) = launch.program.python_mut() else {
            return Ok(());
        };
        if call.upstreams.is_empty() {
            return Ok(());
        }
        match self.ready(&call.upstreams)? {
            Ready::Inside(list) => call.upstreams = list,
            Ready::Packed(digest) => {
                call.upstreams = Arc::default();
                call.packed_upstreams = Some(digest);
            }
        }
        Ok(())
    }

    /// Variables that are known only now: signed tokens, and what is put together from others. The runner never sees
    /// how they were asked for.
    fn fill_in(&self, launch: &mut Launch) {
        let Some(options) = &mut launch.options else {
            return;
        };
        for (name, token) in std::mem::take(&mut options.tokens) {
            let lifetime = Duration::from_secs(token.lifetime_seconds);
            let signer = self.signer.as_ref();
            match signer.map(|signer| signer.sign(&token.claims, lifetime)) {
                Some(Ok(signed)) => drop(launch.env.insert(name, signed)),
                Some(Err(error)) => {
                    tracing::error!(error, attempt = %launch.attempt, name, "an attempt gets no token");
                }
                None => {}
            }
        }
        let values = options.expanded(&launch.env);
        launch.env.extend(values);
        options.env_templates.clear();
    }

    /// The list as it travels; worked out once for all launches that share it.
    fn ready(&self, list: &Arc<[Upstream]>) -> Result<Ready, StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(of, _): &&(Weak<[Upstream]>, Ready)| {
            of.upgrade().is_some_and(|of| Arc::ptr_eq(&of, list))
        };
        if let Some((_, ready)) = known.iter().find(same) {
            // No event names a packed list, so each use has to say that it is still wanted.
            let is_there = match ready {
                Ready::Inside(_) => true,
                Ready::Packed(digest) => self.content.blobs.keep(*digest),
            };
            if is_there {
                return Ok(ready.clone());
            }
        }
        let ready = self.make_ready(list)?;
        // Nobody else holds a list that is in one launch only: it will not be asked for again.
        if Arc::strong_count(list) > 1 {
            known.retain(|(of, _)| of.strong_count() > 0);
            if known.len() >= LISTS_KNOWN_MAX {
                known.remove(0);
            }
            known.push((Arc::downgrade(list), ready.clone()));
        }
        Ok(ready)
    }

    fn make_ready(&self, list: &[Upstream]) -> Result<Ready, StoreError> {
        let mut filled = list.to_vec();
        let values = filled.iter_mut().flat_map(|upstream| &mut upstream.parts);
        for value in values {
            if let Some(result) = value.result.as_ref().filter(|r| r.size <= INLINE_BYTES_MAX) {
                value.inline = self.content.values.get(result.sha256)?;
            }
        }
        if packed::bytes_inside(&filled) > UPSTREAM_BYTES_PER_LAUNCH_MAX {
            let stored = packed::pack(&filled)
                .map_err(|error| error.to_string())
                .and_then(|file| {
                    let stored = self.content.blobs.put_bytes(&file);
                    stored.map_err(|error| error.to_string())
                });
            match stored {
                Ok(digest) => return Ok(Ready::Packed(digest)),
                // A full disk, most likely. As part of the launch they may be too long, but need not.
                Err(error) => {
                    tracing::warn!(error, "the values for a task could not be put into a blob");
                }
            }
        }
        Ok(Ready::Inside(filled.into()))
    }
}

/// Encodes launches together; halves them while they are too long for one frame.
fn cut(mut launches: Vec<Launch>, bytes_max: usize, done: &mut Frames) {
    let start = ToRunner::Start { launches };
    let encoded = frame::encode(&start);
    let ToRunner::Start { launches: given } = start else {
        return;
    };
    launches = given;
    match encoded {
        Ok(frame) if frame.len() <= bytes_max || launches.len() == 1 => done.frames.push(frame),
        Err(error) if launches.len() == 1 => {
            let reason = format!(
                "what it begins with is longer than the {FRAME_BYTES_MAX} bytes that a runner takes: {error}"
            );
            done.refused
                .extend(launches.into_iter().map(|launch| (launch, reason.clone())));
        }
        Ok(_) | Err(_) => {
            let rest = launches.split_off(launches.len() / 2);
            cut(launches, bytes_max, done);
            cut(rest, bytes_max, done);
        }
    }
}

#[cfg(test)]
mod tests;
