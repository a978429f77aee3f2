//! Requests that no client would send, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back; an empty `head` when the connection was closed without an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Value of a header, without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The problem document that it must be.
    pub(crate) fn problem(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{} {text}",
            self.head
        );
        let problem: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {text}"));
        for member in ["type", "title", "detail", "code"] {
            let value = problem[member].as_str().unwrap_or_default();
            assert!(!value.is_empty(), "`{member}` is missing: {text}");
        }
        assert_eq!(problem["status"], self.status, "{text}");
        problem
    }
}

/// A request with any method, path, headers and body, on a connection of its own. `Host`, `Content-Type`
/// and `Connection` are added unless given.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    let usual = [
        ("Host", address),
        ("Content-Type", "application/json"),
        ("Connection", "close"),
    ];
    let given = |name: &str| {
        headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let added = usual.iter().filter(|(name, _)| !given(name));
    for (name, value) in headers.iter().chain(added) {
        bytes.extend(format!("{name}: {value}\r\n").bytes());
    }
    if !given("Content-Length")
        && !given("Transfer-Encoding")
        && (!body.is_empty() || method == "POST")
    {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    exchange(address, &bytes)
}

/// Sends bytes and reads until the other side closes.
fn exchange(address: &str, bytes: &[u8]) -> Reply {
    talk(address, bytes, false)
}

/// Sends bytes, says that there are no more, and reads until the other side closes.
pub(crate) fn last_words(address: &str, bytes: &[u8]) -> Reply {
    talk(address, bytes, true)
}

fn talk(address: &str, bytes: &[u8], are_last: bool) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // The server may answer and close before it has everything.
    drop(stream.write_all(bytes));
    if are_last {
        drop(stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    parse(&answer)
}

fn parse(answer: &[u8]) -> Reply {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return Reply {
            status: 0,
            head: String::new(),
            body: Vec::new(),
        };
    };
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut reply = Reply {
        status,
        head,
        body: answer[end + 4..].to_vec(),
    };
    if reply.header("transfer-encoding") == Some("chunked") {
        reply.body = joined(&reply.body);
    }
    reply
}

/// The content of chunks.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).unwrap_or(0);
        let chunk = rest.get(end + 2..end + 2 + size).unwrap_or_default();
        content.extend(chunk);
        rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
    }
    content
}
