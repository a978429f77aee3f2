//! The public stream described as an AsyncAPI 3 document, generated from the types of the events. Pure.
//!
//! One channel for each kind of event, because subjects are told apart by it, with its payload's schema as it is
//! published: without seed and tokens, and with the idempotency key where there is one.
//!
//! # Source
//! AsyncAPI 3.0.0; its schema objects are JSON Schema draft 7.

use std::sync::OnceLock;

use fasti_domain::event::EventKind;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::cloudevent::TYPE_PREFIX;

/// Version of AsyncAPI.
const ASYNCAPI: &str = "3.0.0";

/// The document as JSON text.
#[must_use]
pub fn asyncapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}", document()))
}

fn document() -> Value {
    let mut generator = SchemaSettings::draft07()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .for_deserialize()
        .into_generator();
    let payloads: Vec<(EventKind, Value)> = EventKind::ALL
        .iter()
        .map(|kind| (*kind, kind.schema(&mut generator).to_value()))
        .collect();
    let mut schemas = generator.take_definitions(true);
    leave_out(&mut schemas, "LogCreated", "seed");
    leave_out(&mut schemas, "Lease", "token");
    for (_, payload) in &payloads {
        add_key(&mut schemas, payload);
    }
    schemas.values_mut().for_each(tidy);
    let summary = |payload: &Value| schemas[name_of(payload)]["description"].clone();
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for (kind, payload) in &payloads {
        let name = kind.name();
        channels.insert(name.to_owned(), channel(name));
        operations.insert(format!("publish.{name}"), operation(name));
        let message = message(*kind, payload, &summary(payload));
        messages.insert(name.to_owned(), message);
    }
    let (channel, operation, message) = anchors();
    channels.insert("anchors".to_owned(), channel);
    operations.insert("publish.anchors".to_owned(), operation);
    messages.insert("anchor".to_owned(), message);
    schemas.insert("Headers".to_owned(), headers());
    json!({
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Fasti",
            "version": "1",
            "description": "Every event of the log, published after it is durable, in order and exactly once: message N of the stream is event N. Bodies are JSON or msgpack, as the server was told. New fields may come at any time; anything else is a new version of the event, named in `ce-type`.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {
            "host": "localhost:4222",
            "protocol": "nats",
            "description": "The server given by `--nats`, with JetStream. Streams: `FASTI_EVENTS_<TENANT>` and `FASTI_ANCHORS_<TENANT>`.",
        }},
        "channels": channels,
        "operations": operations,
        "components": {
            "parameters": parameters(),
            "messages": messages,
            "schemas": schemas,
        },
    })
}

/// Name of the schema that a payload refers to.
fn name_of(payload: &Value) -> &str {
    let reference = payload["$ref"].as_str().unwrap_or_default();
    reference.rsplit('/').next().unwrap_or_default()
}

/// Adds what is published beside the payload's own fields.
fn add_key(schemas: &mut Map<String, Value>, payload: &Value) {
    if let Some(fields) = schemas
        .get_mut(name_of(payload))
        .and_then(|schema| schema.get_mut("properties"))
        .and_then(Value::as_object_mut)
    {
        let key = json!({
            "type": "string",
            "description": "Idempotency key of the request, on its first event.",
        });
        fields.insert("idempotency_key".to_owned(), key);
    }
}

/// Takes a field out that is not published.
fn leave_out(schemas: &mut Map<String, Value>, schema: &str, field: &str) {
    let Some(schema) = schemas.get_mut(schema) else {
        return;
    };
    if let Some(fields) = schema["properties"].as_object_mut() {
        fields.remove(field);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != field);
    }
}

/// Makes descriptions out of comments: one line each, without links into the code.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text
                    .replace('\n', " ")
                    .replace("[`", "`")
                    .replace("`]", "`");
                if text == "See the module." {
                    fields.remove("description");
                }
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn channel(name: &str) -> Value {
    json!({
        "address": format!("fasti.v1.{{tenant}}.{name}.{{batch}}.{{run}}.{{runner}}"),
        "title": name,
        "parameters": {
            "tenant": {"$ref": "#/components/parameters/tenant"},
            "batch": {"$ref": "#/components/parameters/batch"},
            "run": {"$ref": "#/components/parameters/run"},
            "runner": {"$ref": "#/components/parameters/runner"},
        },
        "messages": {name: {"$ref": format!("#/components/messages/{name}")}},
    })
}

fn operation(name: &str) -> Value {
    json!({"action": "send", "channel": {"$ref": format!("#/channels/{name}")}})
}

fn message(kind: EventKind, payload: &Value, summary: &Value) -> Value {
    let name = kind.name();
    json!({
        "name": format!("{TYPE_PREFIX}.{name}.v{}", kind.version()),
        "title": name,
        "summary": summary,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": payload,
    })
}

/// What the server signs about its log: channel, operation, message.
fn anchors() -> (Value, Value, Value) {
    let channel = json!({
        "address": "fasti.anchors.v1.{tenant}",
        "title": "anchors",
        "parameters": {"tenant": {"$ref": "#/components/parameters/tenant"}},
        "messages": {"anchor": {"$ref": "#/components/messages/anchor"}},
    });
    let message = json!({
        "name": "anchor",
        "title": "anchor",
        "summary": "What the server signs about its log, as in the manifest of sealed segments.",
        "payload": {"type": "object"},
    });
    (channel, operation("anchors"), message)
}

fn parameters() -> Value {
    json!({
        "tenant": {"description": "Set by `--nats-tenant`.", "default": "default"},
        "batch": {"description": "Id of the batch; `-` where there is none."},
        "run": {"description": "Number of the run; `-` where there is none."},
        "runner": {"description": "Name of the runner; `-` where there is none."},
    })
}

/// The attributes of CloudEvents in binary mode, and what ties a message to the log.
fn headers() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let matching = |pattern: &str, description: &str| json!({"type": "string", "pattern": pattern, "description": description});
    let instant = |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    json!({
        "type": "object",
        "required": ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-recordedtime",
            "ce-sequence", "ce-authtype", "ce-datacontenttype", "fasti-hash", "fasti-epoch", "fasti-commit"],
        "properties": {
            "ce-specversion": {"const": "1.0"},
            "ce-id": matching("^[0-9a-f]{32}-[0-9]+$", "<log id>-<sequence>, the same however often it is sent; also `Nats-Msg-Id`"),
            "ce-source": matching("^/fasti/[0-9a-f]{32}$", "the log"),
            "ce-type": matching("^dev\\.fasti\\.[a-z_]+\\.[a-z_]+\\.v[0-9]+$", "kind and version of the payload"),
            "ce-subject": text("what it is about: `run/8231`, `task_run/8232`, `batch/<id>`, …"),
            "ce-time": instant("when it happened"),
            "ce-recordedtime": instant("when it was recorded"),
            "ce-sequence": matching("^[0-9]{20}$", "position in the log"),
            "ce-correlationid": matching("^[0-9]+$", "the run"),
            "ce-causationid": text("id of the event that led to it"),
            "ce-traceparent": text("W3C trace context"),
            "ce-authtype": text("what kind of caller asked"),
            "ce-authid": text("who asked"),
            "ce-datacontenttype": {"enum": ["application/json", "application/msgpack"]},
            "ce-dataref": text("address in the native API where a payload above 512 KiB is"),
            "fasti-hash": matching("^[0-9a-f]{64}$", "the log's chain hash up to this event"),
            "fasti-record": text("the exact record, sealed, in base64"),
            "fasti-record-at": text("name of the object that holds it where it is larger than 256 KiB"),
            "fasti-epoch": matching("^[0-9]+$", "epoch of the writer"),
            "fasti-commit": matching("^[0-9]+/[0-9]+$", "first sequence and length of the commit"),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 300, "{}", found.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_event_has_a_channel_a_message_and_a_described_payload() {
        let document = document();
        for kind in EventKind::ALL {
            let name = kind.name();
            let message = &document["components"]["messages"][name];
            let payload = name_of(&message["payload"]);
            let schema = &document["components"]["schemas"][payload];
            assert_eq!(schema["type"], "object", "{name}");
            assert!(message["summary"].is_string(), "{name} has no description");
            let address = document["channels"][name]["address"].as_str().unwrap();
            assert!(address.contains(name), "{address}");
        }
    }

    #[test]
    fn no_secret_is_promised() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        assert!(schemas["LogCreated"]["properties"]["seed"].is_null());
        assert!(schemas["Lease"]["properties"]["token"].is_null());
        for (name, schema) in schemas.as_object().unwrap() {
            let fields = schema["properties"].as_object();
            let secret =
                fields.is_some_and(|it| it.contains_key("seed") || it.contains_key("token"));
            assert!(!secret, "{name}");
        }
    }
}
