//! Bodies that are no JSON, are too large, too deep, or of another type than they say.

use serde_json::json;

use super::{good, healthy, refused, save};
use crate::support::chance::Chance;
use crate::support::server::Server;
use crate::support::wire;

#[test]
fn what_is_no_json_is_refused() {
    let mut server = Server::start(&[]);
    let whole = good().to_string();
    let mut bom = b"\xef\xbb\xbf".to_vec();
    bom.extend(whole.bytes());
    let twice = format!("{whole}{whole}");
    let cases: [(&str, &[u8]); 10] = [
        ("nothing", b""),
        ("blank", b"   "),
        ("half", &whole.as_bytes()[..whole.len() / 2]),
        ("two values", twice.as_bytes()),
        ("a word", b"tasks"),
        ("no UTF-8", b"{\"name\": \"\xff\xfe\", \"tasks\": []}"),
        ("NUL", b"\0\0\0\0"),
        ("a mark of byte order", &bom),
        ("a lone surrogate", br#"{"name": "\ud800", "tasks": []}"#),
        ("XML", b"<batch name='x'/>"),
    ];
    for (what, body) in cases {
        refused(&save(&server, body), 400, "malformed", what);
    }
    healthy(&mut server);
}

#[test]
fn ten_megabytes_are_refused_or_read_to_their_end() {
    let mut server = Server::start(&[]);
    let big = vec![b'['; 10 << 20];
    refused(&save(&server, &big), 400, "malformed", "10 MB of brackets");
    let big = vec![b'x'; 10 << 20];
    refused(&save(&server, &big), 400, "malformed", "10 MB of text");
    let mut named = good();
    named["name"] = json!("x".repeat(10 << 20));
    let problem = refused(
        &save(&server, named.to_string().as_bytes()),
        422,
        "validation_failed",
        "10 MB name",
    );
    assert!(
        problem.to_string().len() < 10_000,
        "a refusal does not send the 10 MB back"
    );
    let batch = server.api().save(&good());
    for path in [
        format!("/api/v1/batches/{batch}/runs"),
        "/api/v1/images/x".to_owned(),
    ] {
        let method = if path.ends_with("runs") {
            "POST"
        } else {
            "PUT"
        };
        let reply = wire::request(server.address(), method, &path, &[], &big);
        refused(&reply, 413, "too_large", &path);
    }
    let huge = [("Content-Length", "99999999999999")];
    let reply = wire::request(server.address(), "POST", "/api/v1/batches", &huge, b"{");
    refused(&reply, 413, "too_large", "a length of 100 TB");
    healthy(&mut server);
}

#[test]
fn nesting_is_bounded() {
    let mut server = Server::start(&[]);
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [100, 10_000, 1_000_000] {
            let inner = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            refused(&save(&server, inner.as_bytes()), 400, "malformed", "alone");
            let text = format!(
                r#"{{"name":"n","tasks":[{{"name":"t","command":["true"],"configuration_json":{inner}}}]}}"#
            );
            refused(
                &save(&server, text.as_bytes()),
                400,
                "malformed",
                "in a configuration",
            );
        }
    }
    healthy(&mut server);
}

#[test]
fn a_body_is_what_it_says_it_is() {
    let mut server = Server::start(&[]);
    let body = good().to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "nonsense",
    ] {
        let headers = [("Content-Type", kind)];
        let reply = wire::request(
            server.address(),
            "POST",
            "/api/v1/batches",
            &headers,
            body.as_bytes(),
        );
        refused(&reply, 415, "unsupported_media_type", kind);
    }
    let good_type = [("Content-Type", "application/json; charset=utf-8")];
    let reply = wire::request(
        server.address(),
        "POST",
        "/api/v1/batches",
        &good_type,
        body.as_bytes(),
    );
    assert_eq!(reply.status, 201, "{reply:?}");
    healthy(&mut server);
}

#[test]
fn random_changes_never_cause_a_fault() {
    let mut server = Server::start(&[]);
    let mut chance = Chance::new();
    let whole = good().to_string().into_bytes();
    let spare = b"{}[]\",:0-9.eE\\u\0\xff ntf";
    let mut refusals = 0;
    for _ in 0..600 {
        let mut body = whole.clone();
        for _ in 0..=chance.below(3) {
            if body.is_empty() {
                break;
            }
            let at = chance.below(body.len());
            match chance.below(4) {
                0 => body[at] = spare[chance.below(spare.len())],
                1 => drop(body.remove(at)),
                2 => body.insert(at, spare[chance.below(spare.len())]),
                _ => body.truncate(at.max(1)),
            }
        }
        let path = "/api/v1/batches/validate";
        let reply = wire::request(server.address(), "POST", path, &[], &body);
        let text = String::from_utf8_lossy(&body);
        assert!(
            matches!(reply.status, 200 | 400 | 422),
            "{}: {text}",
            reply.status
        );
        if reply.status != 200 {
            reply.problem();
            refusals += 1;
        }
    }
    assert!(refusals > 100, "{refusals}");
    healthy(&mut server);
}
