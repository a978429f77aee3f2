//! A sandbox: a data folder with the log of another one up to some event, in which nothing has an effect outside.
//!
//! The mark is a file in the folder, written before anything else is: a clone that was broken off is marked, too. Who
//! serves such a folder starts no runner, takes none, and neither publishes nor delivers anything.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use fasti_core::domain::ids::Seq;
use fasti_core::store::Rebuild;
use serde::{Deserialize, Serialize};

use crate::error::ReplayError;
use crate::export::{self, Origin, Selection};

/// File that marks a sandbox.
const MARK: &str = "sandbox.json";

/// What the mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Last event that was taken over; `None` while the clone is not whole.
    pub at_seq: Option<u64>,
}

/// What was cloned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloned {
    /// Last event.
    pub last: Seq,
    /// Chain hash after it.
    pub hash: [u8; 32],
}

/// What the data folder is marked as; `None`: it is no sandbox.
///
/// # Errors
/// There is a mark that cannot be read: what it marks is a sandbox all the same.
pub fn mark(data: &Path) -> std::io::Result<Option<Mark>> {
    match fs::read(data.join(MARK)) {
        Ok(bytes) => Ok(Some(
            serde_json::from_slice(&bytes).unwrap_or(Mark { at_seq: None }),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a sandbox in `to`, which must not be there yet or be empty, of the log in `from` up to the commit of the event
/// `at` (of the last one, if `None`). Definitions and small results come along; large results, bundles and
/// output stay where they are.
///
/// # Errors
/// The folder is in use, there are no such events, or the disk refuses.
pub fn clone(
    from: &Origin,
    at: Option<Seq>,
    to: &Path,
    progress: &mut dyn FnMut(Seq),
) -> Result<Cloned, ReplayError> {
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ReplayError::NotEmpty { dir: to.to_owned() });
    }
    let mut rebuild = Rebuild::begin(to)?;
    write_mark(to, &Mark { at_seq: None })?;
    let selection = Selection {
        from: from.clone(),
        first: Seq(1),
        last: at,
    };
    let mut last = Seq(0);
    export::each_exact(&selection, &mut |seq, record, hash, contents| {
        for (digest, content) in contents {
            rebuild.put_content(*digest, content)?;
        }
        rebuild.push(record, hash)?;
        last = seq;
        if seq.0.is_multiple_of(10_000) {
            progress(seq);
        }
        Ok(())
    })?;
    if at.is_some_and(|at| at > last) || last == Seq(0) {
        let first = at.unwrap_or(Seq(1));
        return Err(ReplayError::NoEvents { first });
    }
    let rebuilt = rebuild.finish(false)?;
    let end = rebuilt.end;
    write_mark(
        to,
        &Mark {
            at_seq: Some(end.seq.0),
        },
    )?;
    Ok(Cloned {
        last: end.seq,
        hash: end.hash,
    })
}

/// Temporary file, sync, rename, sync of the folder.
fn write_mark(dir: &Path, mark: &Mark) -> std::io::Result<()> {
    let path: PathBuf = dir.join(MARK);
    let half = dir.join("sandbox.json.tmp");
    let mut file = fs::File::create(&half)?;
    file.write_all(serde_json::to_string(mark)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&half, &path)?;
    fs::File::open(dir)?.sync_all()
}
