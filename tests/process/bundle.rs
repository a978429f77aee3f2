//! Bundles as a client packs them.

use std::io::Write as _;

/// A source tree of one module with this content, in a gzip that makes it no smaller.
pub(crate) fn bundle_of(content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    archive
        .append_data(&mut header, "module.py", content)
        .unwrap();
    let level = flate2::Compression::none();
    let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
    out.write_all(&archive.into_inner().unwrap()).unwrap();
    out.finish().unwrap()
}
