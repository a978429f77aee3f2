//! Container images: which image, run by which engine. The runner finds the engine and starts the container; here is
//! only what may be written down.

use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;

/// Longest reference of a container image, in bytes: what registries take, with room for a digest.
const REFERENCE_BYTES_MAX: usize = 512;

/// Longest tag of a container image, in bytes, as registries have it.
const TAG_BYTES_MAX: usize = 128;

/// A container image and what runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Container {
    /// Reference: `[registry[:port]/]name[:tag][@sha256:digest]`.
    pub image: String,
    /// Engine that runs it; the runner's choice when not given.
    #[serde(default)]
    pub engine: Option<Engine>,
}

/// A program that runs containers.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Podman.
    Podman,
    /// Docker.
    Docker,
}

impl Engine {
    /// Name of its program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }
}

impl Container {
    /// Checks the reference: it becomes an argument of the engine, and must not be taken for anything else.
    ///
    /// # Errors
    /// It is no reference.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        if is_reference(&self.image) {
            return Ok(());
        }
        let message = format!(
            "`{}` is no reference of a container image: write [registry[:port]/]name[:tag][@sha256:digest], the name in lower-case letters, digits and `._-` between slashes, {REFERENCE_BYTES_MAX} bytes at most",
            self.image.escape_debug()
        );
        Err(Rejection::invalid("container", message))
    }
}

fn is_reference(text: &str) -> bool {
    if text.len() > REFERENCE_BYTES_MAX {
        return false;
    }
    let (named, digest) = match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (text, None),
    };
    let slash = named.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match named[slash..].split_once(':') {
        Some((last, tag)) => (&named[..slash + last.len()], Some(tag)),
        None => (named, None),
    };
    let path = match name.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        Some(_) | None => name,
    };
    path.split('/').all(is_component) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

/// Whether what stands before the first slash is a registry and not a part of the name.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let is_known = port.is_some() || name.contains('.') || name == "localhost";
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && !port.starts_with('+');
    is_known && name.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_component(text: &str) -> bool {
    let is_end = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    is_end(text.bytes().next()) && is_end(text.bytes().last()) && text.bytes().all(is_inner)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_BYTES_MAX
        && text.bytes().next().is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_everything_else() {
        let digest = format!("tool@sha256:{}", "a1".repeat(32));
        for good in [
            "busybox",
            "busybox:1.36",
            "library/python:3.12-slim",
            "localhost/tiny:1",
            "registry.example.org:5000/team/tool:V1_x",
            "Registry.Example.org/tool",
            "0cb6d8dca577",
            &digest,
        ] {
            assert!(is_reference(good), "{good}");
        }
        let long = "a".repeat(REFERENCE_BYTES_MAX + 1);
        let tag = format!("a:{}", "t".repeat(TAG_BYTES_MAX + 1));
        for bad in [
            "",
            " ",
            "--privileged",
            "-v",
            "a b",
            "a\nb",
            "Tool",
            "a//b",
            "/a",
            "a/",
            "../a",
            "a:",
            "a:-x",
            "a:b:c",
            "host:port/a",
            "host:99999/a",
            "-host.org/a",
            "a@sha256:12",
            "a@md5:12",
            "docker://a",
            &long,
            &tag,
        ] {
            assert!(!is_reference(bad), "{bad:?}");
        }
    }
}
