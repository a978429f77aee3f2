//! A NATS server: whether it is there, new enough, and keeps streams. Speaks no more of its protocol than the
//! line with which every server greets.

use std::io::{BufRead, BufReader};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use super::Finding;

const PATIENCE: Duration = Duration::from_secs(3);
const PORT_DEFAULT: u16 = 4222;
const OLDEST: [u64; 3] = [2, 12, 3];

pub(super) fn look(url: &str) -> Finding {
    match greeting(url) {
        Ok(line) => judge(url, &line),
        Err(why) => Finding::fail("nats", format!("{url} does not answer: {why}")),
    }
}

fn greeting(url: &str) -> Result<String, String> {
    let address = address(url);
    let mut found = address
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    let first = found.next().ok_or("the name has no address")?;
    let stream = TcpStream::connect_timeout(&first, PATIENCE).map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    Ok(line)
}

/// `host:port` of an address such as `nats://user:word@host:4222/`.
fn address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
        port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']'))
    });
    if has_port {
        host.to_owned()
    } else {
        format!("{host}:{PORT_DEFAULT}")
    }
}

fn judge(url: &str, line: &str) -> Finding {
    let info: Option<Value> = line
        .strip_prefix("INFO ")
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(info) = info else {
        return Finding::fail("nats", format!("what answers at {url} is no NATS server"));
    };
    let version = info["version"].as_str().unwrap_or("unknown");
    let numbers = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u64>().ok());
    let numbers: Vec<u64> = numbers.take(OLDEST.len()).collect();
    let oldest = OLDEST.map(|number| number.to_string()).join(".");
    if numbers.as_slice() < OLDEST.as_slice() {
        let text = format!("{url} is version {version}: {oldest} is the oldest that works");
        return Finding::fail("nats", text);
    }
    if info["jetstream"] != true {
        return Finding::fail("nats", format!("{url} keeps no streams: start it with -js"));
    }
    Finding::ok(
        "nats",
        format!("{url} is version {version} and keeps streams"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(address("nats://localhost"), "localhost:4222");
        assert_eq!(address("nats://u:p@h:4333/x"), "h:4333");
        assert_eq!(address("127.0.0.1:1"), "127.0.0.1:1");
        assert_eq!(address("nats://[::1]"), "[::1]:4222");
        assert_eq!(address("nats://[::1]:5"), "[::1]:5");
    }

    #[test]
    fn the_greeting_says_whether_it_serves() {
        let level = |text: &str| judge("u", text).level;
        assert_eq!(
            level("INFO {\"version\":\"2.12.3\",\"jetstream\":true}\r\n"),
            Level::Ok
        );
        assert_eq!(
            level("INFO {\"version\":\"2.14.0-beta.1\",\"jetstream\":true}\r\n"),
            Level::Ok
        );
        assert_eq!(level("INFO {\"version\":\"2.12.3\"}\r\n"), Level::Fail);
        assert_eq!(
            level("INFO {\"version\":\"2.10.1\",\"jetstream\":true}\r\n"),
            Level::Fail
        );
        assert_eq!(level("HTTP/1.1 400 Bad Request\r\n"), Level::Fail);
    }
}
