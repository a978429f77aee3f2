//! The log in memory: what is on it survives a crash, in the bytes in which it was written.

use fasti_core::codec;
use fasti_core::domain::event::Recorded;
use fasti_core::domain::evolve;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::state::State;
use fasti_core::engine::snapshot_bytes;
use fasti_core::record::StoredRecord;

/// See the module.
#[derive(Default)]
pub(super) struct Disk {
    records: Vec<StoredRecord>,
    snapshot: Option<Vec<u8>>,
}

impl Disk {
    /// Writes one commit, whole.
    pub(super) fn append(&mut self, events: &[Recorded]) {
        let Some(first) = events.first() else {
            return;
        };
        for recorded in events {
            assert_eq!(recorded.seq.0, self.records.len() as u64 + 1);
            self.records.push(StoredRecord {
                seq: recorded.seq,
                epoch: 1,
                commit_first: first.seq,
                commit_len: u32::try_from(events.len()).expect("a commit is small"),
                record: codec::encode(recorded),
                hash: [0; 32],
            });
        }
    }

    /// Keeps the state as a snapshot; it is never ahead of the log.
    pub(super) fn write_snapshot(&mut self, state: &State) {
        assert_eq!(state.seq, self.last());
        let (_, bytes) = snapshot_bytes(state).expect("a state can be written");
        self.snapshot = Some(bytes);
    }

    pub(super) fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    pub(super) fn last(&self) -> Seq {
        Seq(self.records.len() as u64)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = Recorded> {
        let decode = |record| codec::decode(record).expect("what was written can be read");
        self.records.iter().map(decode).map(|entry| entry.recorded)
    }

    /// What a restart makes of it: the fold of everything, and of the snapshot with the rest.
    pub(super) fn fold(&self) -> State {
        let mut state = State::default();
        let mut quick: State = match &self.snapshot {
            Some(bytes) => rmp_serde::from_slice(bytes).expect("a snapshot can be read"),
            None => State::default(),
        };
        for recorded in self.events() {
            evolve(&mut state, &recorded);
            if recorded.seq > quick.seq {
                evolve(&mut quick, &recorded);
            }
        }
        assert_eq!(quick, state, "a snapshot and the rest are the whole");
        state
    }

    /// A number that two logs share only if they are equal.
    pub(super) fn trace(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for record in self.records.iter().map(|it| &it.record) {
            let at = record.at.0.to_le_bytes();
            for byte in record.name.bytes().chain(at).chain(record.payload.clone()) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash
    }
}
