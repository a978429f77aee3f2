//! Record bytes: fixed for ever, bounded, and read back as they were.

use fasti_domain::ids::Digest;
use proptest::prelude::*;

use super::super::envelope::{CHAIN_KEY, MAX_RECORD_BYTES, Payload, decode};
use super::super::{
    GENESIS, MAX_ACTOR_BYTES, MAX_INLINE_BYTES, MAX_KEY_BYTES, MAX_NAME_BYTES, MAX_TRACE_BYTES,
    Place, chain, check, digest_of, encode,
};
use super::*;

fn sample() -> NewRecord {
    NewRecord {
        at: Timestamp(1_700_000_000_000_000),
        actor: "user:ann".into(),
        causation: Some(Seq(6)),
        correlation: None,
        key: None,
        trace: Some("00-abc-def-01".into()),
        name: "run.created".into(),
        version: 2,
        critical: true,
        payload: vec![1, 2, 3],
    }
}

const PLACE: Place = Place {
    seq: Seq(9),
    epoch: 3,
    commit_first: Seq(8),
    commit_len: 4,
};

#[test]
fn bytes_never_change() {
    // Logs of every earlier build are read by this: a difference here is a log that cannot be read.
    let mut bytes = Vec::new();
    encode(&sample(), PLACE, &mut bytes);
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "010b0200090000000000000000401e18240a0600030000000100000004000000060000000000000008007573\
         65723a616e6e0b0072756e2e637265617465640d0030302d6162632d6465662d303103000000010203"
            .replace(char::is_whitespace, "")
    );
    let hash = chain(&GENESIS, &bytes);
    assert_eq!(
        Digest(hash).to_string(),
        "a21bf3688f06dab276fd71ab7ccb2c4417de38fb5a4e765c3007884899803f76"
    );
}

#[test]
fn bounds_are_refused_with_the_field() {
    let long = NewRecord {
        actor: "a".repeat(257),
        ..sample()
    };
    assert!(check(&long).unwrap_err().to_string().contains("actor"));
    assert!(
        check(&NewRecord {
            name: "n".repeat(129),
            ..sample()
        })
        .is_err()
    );
    assert!(
        check(&NewRecord {
            trace: Some("t".repeat(513)),
            ..sample()
        })
        .is_err()
    );
    assert!(check(&sample()).is_ok());
}

#[test]
fn the_largest_record_stays_below_its_bound() {
    let record = NewRecord {
        actor: "a".repeat(MAX_ACTOR_BYTES),
        name: "n".repeat(MAX_NAME_BYTES),
        trace: Some("t".repeat(MAX_TRACE_BYTES)),
        correlation: Some(1),
        key: Some("k".repeat(MAX_KEY_BYTES)),
        payload: vec![0; MAX_INLINE_BYTES],
        ..sample()
    };
    let mut bytes = Vec::new();
    encode(&record, PLACE, &mut bytes);
    assert!(bytes.len() <= MAX_RECORD_BYTES, "{}", bytes.len());
}

#[test]
fn cut_or_extended_bytes_are_errors() {
    let mut bytes = Vec::new();
    encode(&sample(), PLACE, &mut bytes);
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    bytes.push(0);
    assert!(decode(&bytes).is_err());
}

proptest! {
    #[test]
    fn decode_reverses_encode(
        at in any::<i64>(), actor in ".{0,60}", causation in any::<Option<u64>>(),
        correlation in any::<Option<u64>>(), trace in proptest::option::of(".{0,60}"),
        key in proptest::option::of(".{0,60}"), name in "[a-z.]{0,40}", version in any::<u16>(), critical in any::<bool>(),
        payload in proptest::collection::vec(any::<u8>(), 0..6000),
        first in 1..u64::MAX / 2, index in 0..1000_u32, epoch in any::<u32>(),
    ) {
        let record = NewRecord {
            at: Timestamp(at), actor, causation: causation.map(Seq), correlation, key, trace, name,
            version, critical, payload,
        };
        let place = Place {
            seq: Seq(first + u64::from(index)), epoch, commit_first: Seq(first), commit_len: 1000,
        };
        let mut bytes = Vec::new();
        encode(&record, place, &mut bytes);
        let envelope = decode(&bytes).unwrap();
        prop_assert_eq!(envelope.place, place);
        match envelope.payload {
            Payload::Inline(inline) => prop_assert_eq!(inline, &record.payload[..]),
            Payload::Beside { digest, len } => {
                prop_assert_eq!(digest, digest_of(&record.payload));
                prop_assert_eq!(len, record.payload.len() as u64);
            }
        }
        let back = envelope.into_record(record.payload.clone(), [0; 32]);
        prop_assert_eq!(back.record, record);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&bytes));
    }
}

#[test]
fn the_chain_is_one_hash_whatever_the_length() {
    for len in [0, 1, 300, 991, 992, 993, 1024, 4000, 40_000] {
        let bytes = vec![0x5a; len];
        let mut whole = vec![7; 32];
        whole.extend_from_slice(&bytes);
        let expected = blake3::keyed_hash(&CHAIN_KEY, &whole);
        assert_eq!(chain(&[7; 32], &bytes), *expected.as_bytes(), "{len}");
    }
}
