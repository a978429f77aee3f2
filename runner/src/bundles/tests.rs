//! What is unpacked, and what is refused: hostile archives leave nothing behind.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o755);
    header
}

/// A gzipped tar with `entries` of name, kind, and content or link target. Names go in raw, since the
/// builder would refuse the bad ones.
fn packed(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for &(name, kind, content) in entries {
        let is_link = kind == EntryType::Symlink || kind == EntryType::Link;
        let mut header = header(kind, if is_link { 0 } else { content.len() });
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        builder
            .append(&header, if is_link { &[] } else { content.as_bytes() })
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn check(entries: &[(&str, EntryType, &str)]) -> Result<tempfile::TempDir, String> {
    let root = tempfile::tempdir().unwrap();
    let inside = root.path().join("inside");
    fs::create_dir(&inside).unwrap();
    unpack(&packed(entries)[..], &inside).map_err(|error| error.to_string())?;
    Ok(root)
}

const FILE: EntryType = EntryType::Regular;
const FOLDER: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;

#[test]
fn files_folders_and_inner_links_are_unpacked() {
    let root = check(&[
        ("./", FOLDER, ""),
        ("./pkg/a.py", FILE, "A"),
        ("pkg/sub/", FOLDER, ""),
        ("pkg/sub/b.py", LINK, "../a.py"),
    ])
    .unwrap();
    let read = |name: &str| fs::read_to_string(root.path().join("inside").join(name)).unwrap();
    assert_eq!(read("pkg/a.py"), "A");
    assert_eq!(read("pkg/sub/b.py"), "A");
}

#[test]
fn nothing_leads_out() {
    let bad: &[&[(&str, EntryType, &str)]] = &[
        &[("../x", FILE, "")],
        &[("/x", FILE, "")],
        &[("a/../../x", FILE, "")],
        &[("l", LINK, "/etc/passwd")],
        &[("l", LINK, "../x")],
        &[("d/l", LINK, "../../x")],
        &[("d/e/up", LINK, "../.."), ("l", LINK, "d/e/up/../x")],
        // Through a link, `..` of another link would count from elsewhere.
        &[("a/b/up", LINK, "../.."), ("a/b/up/l", LINK, "../../x")],
        &[("d", LINK, "e"), ("d/x", FILE, "")],
        &[("x", EntryType::Link, "/etc/passwd")],
        &[("x", EntryType::Char, "")],
        &[("x", EntryType::Fifo, "")],
        // The second one would be written through the first.
        &[("x", LINK, "y"), ("x", FILE, "")],
        &[("x", FILE, ""), ("x", FILE, "")],
    ];
    for entries in bad {
        let message = check(entries).expect_err(&format!("{entries:?}"));
        assert!(message.contains("entry"), "{message}");
    }
}

#[test]
fn what_is_no_archive_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    assert!(unpack(&b"nonsense"[..], root.path()).is_err());
    let mut cut = packed(&[("x", FILE, "content")]);
    cut.truncate(cut.len() / 2);
    assert!(unpack(&cut[..], root.path()).is_err());
}

fn store(bytes: &[u8], digest: Option<Digest>) -> (tempfile::TempDir, Bundles, Digest) {
    let data = tempfile::tempdir().unwrap();
    let id = RunnerId::new("r").unwrap();
    let places = Arc::new(Places::new(data.path().into(), &id));
    places.make_home().unwrap();
    let digest = digest.unwrap_or_else(|| Digest(Sha256::digest(bytes).into()));
    let blob = places.blob(&digest);
    make_folder(blob.parent().unwrap()).unwrap();
    File::create(blob).unwrap().write_all(bytes).unwrap();
    (data, Bundles::new(places, &id), digest)
}

#[test]
fn a_bundle_is_unpacked_once_under_its_digest() {
    let (data, bundles, digest) = store(&packed(&[("m.py", FILE, "A")]), None);
    let folder = bundles.unpacked(&digest).unwrap();
    assert_eq!(
        folder,
        data.path().join("runner/bundles").join(digest.to_string())
    );
    fs::write(folder.join("mark"), "").unwrap();
    assert_eq!(bundles.unpacked(&digest).unwrap(), folder);
    assert!(folder.join("mark").exists() && folder.join("m.py").exists());
}

#[test]
fn a_bundle_that_is_missing_or_changed_is_not_used() {
    let (data, bundles, digest) = store(&packed(&[("m.py", FILE, "A")]), Some(Digest([9; 32])));
    let failure = bundles.unpacked(&digest).unwrap_err();
    assert!(
        failure.message.contains("another digest"),
        "{}",
        failure.message
    );
    assert_eq!(
        bundles.unpacked(&Digest([1; 32])).unwrap_err().errno,
        libc::ENOENT
    );
    assert_eq!(
        fs::read_dir(data.path().join("runner/bundles"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_run_works_in_a_tree_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    let runner = RunnerId::new("r").unwrap();
    let places = Arc::new(Places::new(data.path().into(), &runner));
    places.make_home().unwrap();
    let bytes = packed(&[("a.py", FILE, "A")]);
    let digest = Digest(Sha256::digest(&bytes).into());
    let blob = places.blob(&digest);
    make_folder(blob.parent().unwrap()).unwrap();
    fs::write(&blob, bytes).unwrap();
    let bundles = Bundles::new(places, &runner);

    let first = bundles.tree(&digest, RunId(1)).unwrap();
    fs::write(first.join("a.py"), "changed").unwrap();
    fs::write(first.join("new"), "").unwrap();
    let again = bundles.tree(&digest, RunId(1)).unwrap();
    assert!(again.join("new").exists(), "the attempts of a run share it");
    let other = bundles.tree(&digest, RunId(2)).unwrap();
    assert_eq!(fs::read(other.join("a.py")).unwrap(), b"A");
    assert!(!other.join("new").exists());
    assert!(!bundles.unpacked(&digest).unwrap().join("new").exists());
}
