//! What a power cut leaves: everything synced, and of the rest whatever chance keeps.
//!
//! Strict on purpose, stricter than any one file system: a file keeps what was written before its last sync began;
//! later writes are kept, dropped or torn at sectors, each for itself and in any order; a name is kept when its
//! folder was synced after the name was made. What had been synced but was overwritten or renamed later may be
//! found in either state.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::trace::{Call, Sync};
use crate::support::chance::Chance;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// All of it is gone.
    Dropped,
    /// All of it is there, as after the mere end of a process.
    Kept,
    /// Only what came first.
    First,
    /// Some calls had their effect, others had not.
    Some,
    /// As `Some`, and sectors of a write fare differently.
    Torn,
}

impl Unsynced {
    const ALL: [Self; 5] = [
        Self::Dropped,
        Self::Kept,
        Self::First,
        Self::Some,
        Self::Torn,
    ];

    /// One of them.
    pub(crate) fn any(chance: &mut Chance) -> Self {
        Self::ALL[chance.below(Self::ALL.len())]
    }
}

#[derive(Debug, Clone)]
enum Change<'a> {
    Write(u64, &'a [u8]),
    Truncate(u64),
}

/// A change with the number of its call.
type Numbered<T> = (usize, T);

#[derive(Debug, Default)]
struct Inode<'a> {
    synced: Vec<u8>,
    unsynced: Vec<Numbered<Change<'a>>>,
}

/// A change of names.
#[derive(Debug, Clone)]
enum Naming {
    /// A file has this name from now on; the other name is gone.
    File {
        path: String,
        inode: u64,
        was: Option<String>,
    },
    Dir(String),
    DirMoved {
        from: String,
        to: String,
    },
    Gone(String),
}

impl Naming {
    /// Whether syncing the folder makes it last.
    fn is_in(&self, folder: &str) -> bool {
        let path = match self {
            Self::File { path, .. }
            | Self::Dir(path)
            | Self::DirMoved { to: path, .. }
            | Self::Gone(path) => path,
        };
        parent(path) == folder
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Names of files and folders below the recorded folder.
#[derive(Debug, Clone, Default)]
struct Names {
    files: BTreeMap<String, u64>,
    dirs: BTreeSet<String>,
}

impl Names {
    fn apply(&mut self, naming: &Naming) {
        match naming {
            Naming::File { path, inode, was } => {
                if let Some(was) = was
                    && self.files.get(was) == Some(inode)
                {
                    self.files.remove(was);
                }
                self.files.insert(path.clone(), *inode);
            }
            Naming::Dir(path) => drop(self.dirs.insert(path.clone())),
            Naming::DirMoved { from, to } => self.move_dir(from, to),
            Naming::Gone(path) => {
                self.files.remove(path);
                self.dirs.remove(path);
            }
        }
    }

    fn move_dir(&mut self, from: &str, to: &str) {
        let moved = |path: &String| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            Some(_) | None => path.clone(),
        };
        self.dirs = self.dirs.iter().map(moved).collect();
        let files = std::mem::take(&mut self.files).into_iter();
        self.files = files.map(|(path, inode)| (moved(&path), inode)).collect();
    }
}

/// A disk, fed with recorded calls from the birth of the folder on.
#[derive(Default)]
pub(crate) struct Disk<'a> {
    inodes: BTreeMap<u64, Inode<'a>>,
    /// Names as a running process sees them.
    present: Names,
    synced: Names,
    unsynced: Vec<Numbered<Naming>>,
    begun: BTreeMap<(u16, u64), usize>,
    calls: usize,
    /// Number of an inode now, for numbers that the file system used again.
    living: BTreeMap<u64, u64>,
    next: u64,
}

impl<'a> Disk<'a> {
    /// The disk after these calls.
    pub(crate) fn after(calls: &'a [Call]) -> Self {
        let mut disk = Self::default();
        for call in calls {
            disk.feed(call);
        }
        disk
    }

    fn feed(&mut self, call: &'a Call) {
        self.calls += 1;
        match call {
            Call::Open {
                path,
                inode,
                created,
                emptied,
            } => {
                if *created {
                    self.next += 1;
                    self.living.insert(*inode, self.next);
                    self.inodes.insert(self.next, Inode::default());
                    let (path, inode) = (path.clone(), self.next);
                    self.name(Naming::File {
                        path,
                        inode,
                        was: None,
                    });
                } else if *emptied {
                    self.change(*inode, Change::Truncate(0));
                }
            }
            Call::Write {
                inode,
                offset,
                bytes,
            } => self.change(*inode, Change::Write(*offset, bytes)),
            Call::Truncate { inode, len } => self.change(*inode, Change::Truncate(*len)),
            Call::SyncBegin { sync } => {
                self.begun.insert((sync.process, sync.number), self.calls);
            }
            Call::SyncEnd { sync } => self.sync(sync),
            Call::Rename { from, to } if self.present.dirs.contains(from) => {
                self.name(Naming::DirMoved {
                    from: from.clone(),
                    to: to.clone(),
                });
            }
            Call::Rename { from, to } => {
                let inode = *self
                    .present
                    .files
                    .get(from)
                    .unwrap_or_else(|| panic!("{from} was renamed to {to} and never made"));
                self.name(Naming::File {
                    path: to.clone(),
                    inode,
                    was: Some(from.clone()),
                });
            }
            Call::Unlink { path } | Call::RemoveDir { path } => {
                self.name(Naming::Gone(path.clone()));
            }
            Call::MakeDir { path } => self.name(Naming::Dir(path.clone())),
            Call::Link { from, to } => panic!("{from} was linked to {to}, which no part does"),
            Call::Mark(_) | Call::Fault { .. } => {}
        }
    }

    fn name(&mut self, naming: Naming) {
        self.present.apply(&naming);
        self.unsynced.push((self.calls, naming));
    }

    fn change(&mut self, inode: u64, change: Change<'a>) {
        let number = self.calls;
        let inode = self.living.get(&inode);
        let inode = inode.and_then(|inode| self.inodes.get_mut(inode));
        let inode = inode.expect("a file is made before it is written");
        inode.unsynced.push((number, change));
    }

    fn sync(&mut self, sync: &Sync) {
        let begun = self.begun[&(sync.process, sync.number)];
        if sync.is_dir {
            let folder = sync.path.trim_end_matches('/');
            let (lasting, open) = std::mem::take(&mut self.unsynced)
                .into_iter()
                .partition(|(number, naming)| *number < begun && naming.is_in(folder));
            self.unsynced = open;
            let lasting: Vec<Numbered<Naming>> = lasting;
            for (_, naming) in &lasting {
                self.synced.apply(naming);
            }
            return;
        }
        let inode = self.living.get(&sync.inode);
        let Some(inode) = inode.and_then(|inode| self.inodes.get_mut(inode)) else {
            return;
        };
        let open = inode
            .unsynced
            .iter()
            .position(|(number, _)| *number >= begun);
        let open = inode
            .unsynced
            .split_off(open.unwrap_or(inode.unsynced.len()));
        for (_, change) in std::mem::replace(&mut inode.unsynced, open) {
            apply(&mut inode.synced, &change);
        }
    }

    /// Makes `folder` what the next start finds.
    pub(crate) fn cut(&self, unsynced: Unsynced, chance: &mut Chance, folder: &Path) {
        let names = self.names_left(unsynced, chance);
        fs::create_dir_all(folder).unwrap();
        for dir in &names.dirs {
            if is_reachable(&names, dir) {
                fs::create_dir_all(folder.join(dir)).unwrap();
            }
        }
        for (path, inode) in &names.files {
            if is_reachable(&names, path) {
                let content = content_left(&self.inodes[inode], unsynced, chance);
                fs::write(folder.join(path), content).unwrap();
            }
        }
    }

    fn names_left(&self, unsynced: Unsynced, chance: &mut Chance) -> Names {
        let mut names = self.synced.clone();
        let first = chance.below(self.unsynced.len() + 1);
        for (at, (_, naming)) in self.unsynced.iter().enumerate() {
            let is_kept = match unsynced {
                Unsynced::Dropped => false,
                Unsynced::Kept => true,
                Unsynced::First => at < first,
                Unsynced::Some | Unsynced::Torn => chance.below(2) == 0,
            };
            if is_kept {
                names.apply(naming);
            }
        }
        names
    }
}

/// Whether all folders on the way have their names. The recorded folder itself is there.
fn is_reachable(names: &Names, path: &str) -> bool {
    let mut folder = parent(path);
    while !folder.is_empty() {
        if !names.dirs.contains(folder) {
            return false;
        }
        folder = parent(folder);
    }
    true
}

fn content_left(inode: &Inode<'_>, unsynced: Unsynced, chance: &mut Chance) -> Vec<u8> {
    let mut content = inode.synced.clone();
    let first = chance.below(inode.unsynced.len() + 1);
    for (at, (_, change)) in inode.unsynced.iter().enumerate() {
        let is_kept = match unsynced {
            Unsynced::Dropped => false,
            Unsynced::Kept => true,
            Unsynced::First => at < first,
            Unsynced::Some | Unsynced::Torn => chance.below(2) == 0,
        };
        match change {
            Change::Write(offset, bytes) if unsynced == Unsynced::Torn => {
                tear(&mut content, *offset, bytes, chance);
            }
            _ if is_kept => apply(&mut content, change),
            // The new length may be there without what belongs into it.
            Change::Write(offset, bytes)
                if unsynced != Unsynced::Dropped && chance.below(4) == 0 =>
            {
                let end = usize::try_from(*offset).unwrap() + bytes.len();
                content.resize(content.len().max(end), 0);
            }
            Change::Write(..) | Change::Truncate(_) => {}
        }
    }
    content
}

fn apply(content: &mut Vec<u8>, change: &Change<'_>) {
    match change {
        Change::Write(offset, bytes) => {
            let offset = usize::try_from(*offset).unwrap();
            let end = offset + bytes.len();
            content.resize(content.len().max(end), 0);
            content[offset..end].copy_from_slice(bytes);
        }
        Change::Truncate(len) => content.resize(usize::try_from(*len).unwrap(), 0),
    }
}

/// Writes some of the sectors.
fn tear(content: &mut Vec<u8>, offset: u64, bytes: &[u8], chance: &mut Chance) {
    let mut at = usize::try_from(offset).unwrap();
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = (SECTOR_BYTES - at % SECTOR_BYTES).min(rest.len());
        let (sector, after) = rest.split_at(len);
        if chance.below(2) == 0 {
            content.resize(content.len().max(at + len), 0);
            content[at..at + len].copy_from_slice(sector);
        }
        (at, rest) = (at + len, after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(number: u64, inode: u64, path: &str, is_dir: bool) -> [Call; 2] {
        let sync = Sync {
            process: 1,
            number,
            inode,
            path: path.to_owned(),
            is_dir,
        };
        [
            Call::SyncBegin { sync: sync.clone() },
            Call::SyncEnd { sync },
        ]
    }

    fn left(calls: &[Call], unsynced: Unsynced) -> BTreeMap<String, Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        Disk::after(calls).cut(unsynced, &mut Chance::of(1), dir.path());
        let files = fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
        files
            .map(|file| {
                (
                    file.file_name().into_string().unwrap(),
                    fs::read(file.path()).unwrap(),
                )
            })
            .collect()
    }

    fn history() -> Vec<Call> {
        let open = |path: &str, inode| Call::Open {
            path: path.to_owned(),
            inode,
            created: true,
            emptied: false,
        };
        let write = |offset, bytes: &[u8]| Call::Write {
            inode: 7,
            offset,
            bytes: bytes.to_vec(),
        };
        let mut calls = vec![open("a", 7), write(0, b"old")];
        calls.extend(sync(1, 7, "a", false));
        calls.extend(sync(2, 1, "", true));
        calls.push(write(0, b"newer"));
        calls.push(Call::Rename {
            from: "a".to_owned(),
            to: "b".to_owned(),
        });
        calls
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_may_go() {
        let calls = history();
        let one =
            |name: &str, content: &[u8]| BTreeMap::from([(name.to_owned(), content.to_vec())]);
        assert_eq!(left(&calls, Unsynced::Dropped), one("a", b"old"));
        assert_eq!(left(&calls, Unsynced::Kept), one("b", b"newer"));
        let before_the_folder = &calls[..4];
        assert!(left(before_the_folder, Unsynced::Dropped).is_empty());
    }

    #[test]
    fn a_write_during_a_sync_is_not_synced_by_it() {
        let mut calls = history();
        let [begin, end] = sync(3, 7, "b", false);
        let late = Call::Write {
            inode: 7,
            offset: 0,
            bytes: b"LATER".to_vec(),
        };
        calls.extend([begin, late, end]);
        calls.extend(sync(4, 1, "", true));
        assert_eq!(left(&calls, Unsynced::Dropped)["b"], b"newer");
    }
}
