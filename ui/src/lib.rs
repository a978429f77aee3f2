//! The embedded web page of Fasti: its built files, compiled in, and nothing else. It talks to the native interface
//! like any other client.
//!
//! The sources are the TypeScript beside this file; `cargo xtask ui` builds `dist` from them. Building the product
//! needs no node: the built files are committed, with a list of them that is included here.

/// One file of the page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its name, without a folder.
    pub name: &'static str,
    /// Its content type.
    pub kind: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// The same in gzip; empty for a file that is not worth it.
    pub gzip: &'static [u8],
    /// Whether the name has a digest of the content in it, so that it can be kept for ever.
    pub is_hashed: bool,
}

/// All files of the page.
pub const ASSETS: &[Asset] = include!("../dist/assets.in");

/// The file of this name; `None` if there is none.
#[must_use]
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const KB: usize = 1024;

    fn packed(asset: &Asset) -> usize {
        if asset.gzip.is_empty() {
            asset.bytes.len()
        } else {
            asset.gzip.len()
        }
    }

    fn sum(of: impl Fn(&&Asset) -> bool) -> usize {
        ASSETS.iter().filter(of).map(packed).sum()
    }

    #[test]
    fn the_page_stays_within_its_budgets() {
        let index = std::str::from_utf8(asset("index.html").unwrap().bytes).unwrap();
        let is_first = |asset: &&Asset, end: &str| {
            asset.name.ends_with(end) && index.contains(&format!("/ui/{}", asset.name))
        };
        let script = sum(|asset| is_first(asset, ".js"));
        let style = sum(|asset| is_first(asset, ".css"));
        assert!(script > 0 && script <= 40 * KB, "script: {script}");
        assert!(style > 0 && style <= 8 * KB, "style: {style}");
        let all = sum(|_| true);
        assert!(all <= 120 * KB, "all: {all}");
    }

    #[test]
    fn names_of_files_that_are_kept_have_a_digest() {
        for asset in ASSETS {
            let is_digit = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            let is_digest = |part: &str| part.len() == 8 && part.bytes().all(is_digit);
            let has_digest = asset.name.split(['-', '.']).any(is_digest);
            assert_eq!(asset.is_hashed, has_digest, "{}", asset.name);
        }
    }

    #[test]
    fn the_index_has_nothing_that_the_content_policy_forbids() {
        let index = std::str::from_utf8(asset("index.html").unwrap().bytes).unwrap();
        assert!(!index.contains("style=") && !index.contains("<style"));
        assert!(!index.contains("http:") && !index.contains("https:"));
        let scripts = index.matches("<script").count();
        assert_eq!(
            scripts,
            index.matches("<script src=\"/ui/").count()
                + index.matches("<script type=\"module\" src=\"/ui/").count()
        );
    }
}
