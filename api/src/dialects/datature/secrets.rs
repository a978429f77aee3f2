//! Keys that deliveries are signed with: files of the data folder that only its owner reads, never events. A request
//! names the file; a new key takes the place of the old one at once.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use fasti_core::protocol::item_v1::SecretPath;

use super::errors::bad;
use crate::call::Call;
use crate::errors::Problem;

/// Bytes of a key at most.
const KEY_BYTES_MAX: usize = 4_096;

/// A key as the client sends it.
///
/// # Errors
/// 400: it is no base64, or of no length.
pub(super) fn key(contents: &str) -> Result<Vec<u8>, Problem> {
    let text = contents.strip_prefix("whsec_").unwrap_or(contents);
    let decoded = STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text));
    match decoded {
        Ok(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => Ok(key),
        // What was sent is not repeated: it may be a secret all the same.
        Ok(_) | Err(_) => Err(bad(
            "secret.contents",
            format_args!("is no base64 of 1 to {KEY_BYTES_MAX} bytes"),
        )),
    }
}

/// Keeps a key under a name.
///
/// # Errors
/// 500: the disk does not take it.
pub(super) async fn keep(call: &Call, name: &str, key: Vec<u8>) -> Result<(), Problem> {
    let path = path(call, name)?;
    let work = tokio::task::spawn_blocking(move || write(&path, &key));
    let done = work.await.map_err(|error| Problem::internal(&error))?;
    done.map_err(|error| Problem::internal(&format!("a secret cannot be kept: {error}")))
}

/// The key of a name; `None` when there is none.
pub(super) async fn read(call: &Call, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    match tokio::fs::read(path(call, name)?).await {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// Forgets a key. What stays after an error is read by nobody.
pub(super) async fn forget(call: &Call, name: &str) {
    if let Ok(path) = path(call, name) {
        tokio::fs::remove_file(path).await.ok();
    }
}

fn path(call: &Call, name: &str) -> Result<std::path::PathBuf, Problem> {
    let path = SecretPath::new(name).ok_or_else(|| Problem::internal(&"a name of no secret"))?;
    Ok(call.app.config.data.join(path.relative()))
}

/// Whole or not at all, and there to stay.
fn write(path: &Path, key: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets").join("w");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn keys_are_base64() {
        assert_eq!(key("c2VjcmV0").unwrap(), b"secret");
        assert_eq!(key("whsec_c2VjcmV0").unwrap(), b"secret");
        assert_eq!(key("c2VjcmU").unwrap(), b"secre");
        for bad in ["", "not base64!", "====", "c2VjcmV0\n"] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
