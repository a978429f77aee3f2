//! What was recorded: one record a call, in an order that agrees with cause and effect, and between them the marks
//! of the test: "by now I had been told this".

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HEADER_BYTES: usize = 32;
const MARK: u8 = 13;

/// One call, or one mark. Paths are below the recorded folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// A file was made (`created`) or emptied by opening it.
    Open {
        path: String,
        inode: u64,
        created: bool,
        emptied: bool,
    },
    Write {
        inode: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        inode: u64,
        len: u64,
    },
    SyncBegin {
        sync: Sync,
    },
    /// Only of syncs that were done.
    SyncEnd {
        sync: Sync,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    MakeDir {
        path: String,
    },
    RemoveDir {
        path: String,
    },
    Link {
        from: String,
        to: String,
    },
    /// The test's own.
    Mark(Vec<u8>),
    /// Something was made to fail here.
    Fault {
        path: String,
        what: String,
    },
}

/// Begin and end of one sync bear the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sync {
    pub(crate) process: u16,
    pub(crate) number: u64,
    pub(crate) inode: u64,
    pub(crate) path: String,
    pub(crate) is_dir: bool,
}

/// The file of a trace. Cheap to clone; marks may be added from any thread.
#[derive(Clone)]
pub(crate) struct Trace {
    path: PathBuf,
    file: Arc<File>,
}

impl Trace {
    pub(super) fn at(path: &Path) -> Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        Self {
            path: path.to_owned(),
            file: Arc::new(file),
        }
    }

    /// Adds a mark after everything that has happened.
    pub(crate) fn mark(&self, text: &str) {
        let mut record = vec![0; HEADER_BYTES];
        record[0] = MARK;
        let len = u32::try_from(text.len()).unwrap();
        record[24..28].copy_from_slice(&len.to_le_bytes());
        record.extend(text.as_bytes());
        // One write: records of several writers do not mix.
        assert_eq!((&*self.file).write(&record).unwrap(), record.len());
    }

    /// Everything recorded so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let bytes = std::fs::read(&self.path).unwrap();
        let mut rest = bytes.as_slice();
        let mut calls = Vec::new();
        while !rest.is_empty() {
            let (call, next) = decode(rest);
            calls.push(call);
            rest = next;
        }
        calls
    }

    /// Forgets what was recorded.
    pub(crate) fn clear(&self) {
        self.file.set_len(0).unwrap();
    }
}

fn decode(bytes: &[u8]) -> (Call, &[u8]) {
    let (head, rest) = bytes.split_at(HEADER_BYTES);
    let u16_at = |at: usize| u16::from_le_bytes(head[at..at + 2].try_into().unwrap());
    let u64_at = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
    let data = u32::from_le_bytes(head[24..28].try_into().unwrap());
    let (path, rest) = rest.split_at(usize::from(u16_at(2)));
    let (other, rest) = rest.split_at(usize::from(u16_at(4)));
    let (data, rest) = rest.split_at(usize::try_from(data).unwrap());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (flags, inode, number) = (head[1], u64_at(8), u64_at(16));
    let path = text(path);
    let sync = || Sync {
        process: u16_at(6),
        number,
        inode,
        path: path.clone(),
        is_dir: flags & 4 != 0,
    };
    let call = match head[0] {
        1 => Call::Open {
            path,
            inode,
            created: flags & 1 != 0,
            emptied: flags & 2 != 0,
        },
        2 => Call::Write {
            inode,
            offset: number,
            bytes: data.to_vec(),
        },
        3 => Call::Truncate { inode, len: number },
        4 => Call::SyncBegin { sync: sync() },
        5 => Call::SyncEnd { sync: sync() },
        6 => Call::Rename {
            from: path,
            to: text(other),
        },
        7 => Call::Unlink { path },
        8 => Call::MakeDir { path },
        9 => Call::RemoveDir { path },
        10 => Call::Link {
            from: path,
            to: text(other),
        },
        MARK => Call::Mark(data.to_vec()),
        14 => Call::Fault {
            path,
            what: text(other),
        },
        kind => panic!("a record of kind {kind}"),
    };
    (call, rest)
}
