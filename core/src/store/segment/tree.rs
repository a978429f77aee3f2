//! A tree of hashes over the chain hashes of a stretch of the log. The chain proves an event only to whoever has every
//! record behind it; the root of a tree, signed with the chain's end, proves any few of them with the hashes beside
//! their paths: `k` events of `n` take at most `k * ceil(log2(n))` hashes of 32 bytes, and no record of anybody else. Pure.
//!
//! Shaped as RFC 6962 has it: the left part of `n` leaves is the largest power of two below `n`. Leaves and inner
//! nodes are hashed under keys of their own, so that neither can be taken for the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use fasti_domain::ids::Seq;

use super::anchor::{Anchor, hex};

type Hash = [u8; 32];

static LEAF_KEY: LazyLock<Hash> =
    LazyLock::new(|| blake3::derive_key("fasti 2026 log tree, leaf, version 1", b""));
static NODE_KEY: LazyLock<Hash> =
    LazyLock::new(|| blake3::derive_key("fasti 2026 log tree, inner node, version 1", b""));

fn leaf(chain_hash: &Hash) -> Hash {
    *blake3::keyed_hash(&LEAF_KEY, chain_hash).as_bytes()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    *blake3::keyed_hash(&NODE_KEY, &both).as_bytes()
}

/// Leaves in the left part of a tree of `count`, which is at least 2.
fn left_of(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The root of a tree that grows leaf by leaf; remembers one hash a level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Roots of the whole parts so far, the largest first, with their numbers of leaves.
    parts: Vec<(u64, Hash)>,
}

impl Tree {
    /// Adds the chain hash after the next record.
    pub fn push(&mut self, chain_hash: &Hash) {
        let mut last = (1, leaf(chain_hash));
        while let Some((leaves, left)) = self.parts.pop_if(|(leaves, _)| *leaves == last.0) {
            last = (2 * leaves, node(&left, &last.1));
        }
        self.parts.push(last);
    }

    /// The root; `None` without leaves.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        let mut parts = self.parts.iter().rev().map(|(_, hash)| *hash);
        let last = parts.next()?;
        Some(parts.fold(last, |right, left| node(&left, &right)))
    }
}

/// The hashes that lead from the `wanted` ones of `chain_hashes` to the root of all, in the order in which
/// [`root_from`] takes them.
#[must_use]
pub fn siblings(chain_hashes: &[Hash], wanted: &BTreeSet<usize>) -> Vec<Hash> {
    fn walk(hashes: &[Hash], first: usize, wanted: &BTreeSet<usize>, out: &mut Vec<Hash>) {
        if wanted.range(first..first + hashes.len()).next().is_none() {
            let mut tree = Tree::default();
            hashes.iter().for_each(|hash| tree.push(hash));
            out.extend(tree.root());
            return;
        }
        if hashes.len() > 1 {
            let left = usize::try_from(left_of(hashes.len() as u64)).unwrap_or(1);
            walk(&hashes[..left], first, wanted, out);
            walk(&hashes[left..], first + left, wanted, out);
        }
    }
    let mut out = Vec::new();
    if !wanted.is_empty() {
        walk(chain_hashes, 0, wanted, &mut out);
    }
    out
}

/// The root of a tree of `count` leaves of which those in `known` are known, by their places, and the rest is in
/// `siblings`. `None` if that is too little or too much.
#[must_use]
pub fn root_from(count: u64, known: &BTreeMap<u64, Hash>, siblings: &[Hash]) -> Option<Hash> {
    fn walk(
        (first, count): (u64, u64),
        known: &BTreeMap<u64, Hash>,
        rest: &mut std::slice::Iter<'_, Hash>,
    ) -> Option<Hash> {
        let end = first.checked_add(count)?;
        let Some((_, hash)) = known.range(first..end).next() else {
            return rest.next().copied();
        };
        if count == 1 {
            return Some(leaf(hash));
        }
        let left = left_of(count);
        let left_root = walk((first, left), known, rest)?;
        let right_root = walk((first + left, count - left), known, rest)?;
        Some(node(&left_root, &right_root))
    }
    let is_outside = |(place, _): (&u64, &Hash)| *place >= count;
    if known.is_empty() || known.last_key_value().is_some_and(is_outside) {
        return None;
    }
    let mut rest = siblings.iter();
    let root = walk((0, count), known, &mut rest)?;
    rest.next().is_none().then_some(root)
}

/// The roots that anchors state, compared with those of a log that passes by.
#[derive(Debug, Default)]
pub(in crate::store) struct Stated {
    /// Last position and root, by first position.
    stated: BTreeMap<Seq, Vec<(Seq, String)>>,
    /// What grows: from where, up to where at most.
    growing: Vec<(Seq, Seq, Tree)>,
}

impl Stated {
    pub(in crate::store) fn by(anchors: &[Anchor]) -> Self {
        let mut stated: BTreeMap<Seq, Vec<(Seq, String)>> = BTreeMap::new();
        for anchor in anchors.iter().filter(|anchor| !anchor.tree.is_empty()) {
            let here = stated.entry(Seq(anchor.first)).or_default();
            here.push((Seq(anchor.last), anchor.tree.clone()));
        }
        Self {
            stated,
            growing: Vec::new(),
        }
    }

    /// The next record of the log; the first position of a tree that is not as it was stated.
    pub(in crate::store) fn pass(&mut self, seq: Seq, hash: &Hash) -> Option<Seq> {
        if let Some(here) = self.stated.get(&seq) {
            let last = here.iter().map(|(last, _)| *last).max().unwrap_or(seq);
            self.growing.push((seq, last, Tree::default()));
        }
        let mut wrong = None;
        for (first, _, tree) in &mut self.growing {
            tree.push(hash);
            let ends = self.stated.get(first).into_iter().flatten();
            for (_, root) in ends.filter(|(last, _)| *last == seq) {
                if tree.root().map(|root| hex(&root)).as_ref() != Some(root) {
                    wrong = wrong.or(Some(*first));
                }
            }
        }
        self.growing.retain(|(_, last, _)| *last > seq);
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u64) -> Vec<Hash> {
        (0..count)
            .map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
            .collect()
    }

    fn root(hashes: &[Hash]) -> Option<Hash> {
        let mut tree = Tree::default();
        hashes.iter().for_each(|hash| tree.push(hash));
        tree.root()
    }

    /// As RFC 6962 defines it.
    fn by_definition(hashes: &[Hash]) -> Hash {
        if let [one] = hashes {
            return leaf(one);
        }
        let (left, right) = hashes.split_at((hashes.len().div_ceil(2)).next_power_of_two());
        node(&by_definition(left), &by_definition(right))
    }

    #[test]
    fn trees_that_grow_are_those_of_the_definition() {
        for count in 1..70 {
            let hashes = hashes(count);
            assert_eq!(root(&hashes), Some(by_definition(&hashes)), "{count}");
        }
        assert_eq!(root(&[]), None);
    }

    /// Every choice of up to eleven leaves.
    fn choices(count: usize) -> impl Iterator<Item = BTreeSet<usize>> {
        (1..1_u32 << count).map(move |bits| (0..count).filter(|n| bits >> n & 1 == 1).collect())
    }

    #[test]
    fn any_choice_of_leaves_is_proven_and_nothing_else() {
        for count in 1..=9 {
            let hashes = hashes(count as u64);
            let root = root(&hashes);
            for wanted in choices(count) {
                let known: BTreeMap<u64, Hash> = wanted
                    .iter()
                    .map(|place| (*place as u64, hashes[*place]))
                    .collect();
                let mut beside = siblings(&hashes, &wanted);
                assert!(beside.len() <= wanted.len() * 4, "ceil(log2(9)) is 4");
                assert_eq!(root_from(count as u64, &known, &beside), root);
                for place in &wanted {
                    let mut other = known.clone();
                    other.insert(*place as u64, [7; 32]);
                    assert_ne!(root_from(count as u64, &other, &beside), root);
                }
                for at in 0..beside.len() {
                    beside[at][5] ^= 1;
                    assert_ne!(root_from(count as u64, &known, &beside), root);
                    beside[at][5] ^= 1;
                }
                beside.push([0; 32]);
                assert_eq!(root_from(count as u64, &known, &beside), None);
                beside.truncate(beside.len().saturating_sub(2));
                if !beside.is_empty() {
                    assert_ne!(root_from(count as u64, &known, &beside), root);
                }
            }
        }
    }

    #[test]
    fn nonsense_proves_nothing() {
        let known = BTreeMap::from([(3, [1; 32])]);
        assert_eq!(root_from(3, &known, &[]), None);
        assert_eq!(root_from(u64::MAX, &known, &[]), None);
        assert_eq!(root_from(5, &BTreeMap::new(), &[[0; 32]]), None);
    }
}
