//! Trees over stretches of the log: stated by anchors, compared by audits.

use fasti_domain::ids::Digest;

use super::super::{Attestor, Fault, anchors_of};
use super::sealing::{audit, audit_alone, sealed_log};
use super::*;

#[test]
fn sealed_anchors_state_the_tree_of_their_records_and_an_audit_compares_it() {
    let dir = sealed_log(4);
    let anchors = anchors_of(dir.path()).unwrap();
    assert!(anchors.iter().all(|anchor| anchor.tree.len() == 64));
    // Signed once more, and then over another tree, by whoever has the key.
    let last = anchors.last().unwrap();
    let bytes = |text: &str| text.parse::<Digest>().unwrap().0;
    let attestor = Attestor::open(dir.path()).unwrap();
    let range = (Seq(last.first), Seq(last.last));
    let (before, after) = (bytes(&last.previous), bytes(&last.hash));
    let sign = |tree: [u8; 32]| {
        let signed = attestor.anchor(range, (&before, &after), &tree, Timestamp(0));
        assert!(signed.unwrap().is_signed());
    };
    sign(bytes(&last.tree));
    assert!(audit(dir.path()).ok());
    assert!(audit_alone(dir.path()).ok());
    sign([7; 32]);
    for report in [audit(dir.path()), audit_alone(dir.path())] {
        let bad = report.first_bad.unwrap();
        assert_eq!((bad.seq, bad.fault), (Seq(21), Fault::Changed));
        assert!(bad.why.contains("the tree that was signed"), "{}", bad.why);
    }
}

#[test]
fn no_part_of_an_anchor_with_a_tree_can_change() {
    let dir = sealed_log(2);
    let anchor = anchors_of(dir.path()).unwrap().remove(0);
    assert!(anchor.is_signed());
    let mut other = anchor.clone();
    other.tree.clear();
    assert!(!other.is_signed(), "the tree is taken out");
    other.tree = anchor.previous.clone();
    assert!(!other.is_signed(), "another tree");
}
