//! The description of the native interface as an OpenAPI 3.1 document, generated from the handlers and the
//! wire types. A test holds it against the table of routes.

use std::sync::OnceLock;

use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::dialects::native::{routes, wire};

/// The document's root.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Fasti",
        description = "Native interface of Fasti, a batch scheduler whose log is the product. Times are RFC 3339 in UTC with milliseconds; null means absent. Errors are problem documents (RFC 9457). Every answer carries `Fasti-Seq`, the position in the log it is as of.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        routes::get_health,
        routes::get_version_of_server,
        routes::get_openapi,
        routes::get_asyncapi,
        routes::begin_session,
        routes::end_session,
        routes::get_error_page,
        routes::list_batches,
        routes::save_batch,
        routes::validate_batch,
        routes::get_batch,
        routes::delete_batch,
        routes::pause_batch,
        routes::resume_batch,
        routes::list_versions,
        routes::list_slots,
        routes::explain_absence,
        routes::get_version,
        routes::start_batch,
        routes::start_definition,
        routes::list_runs,
        routes::get_run,
        routes::list_tasks,
        routes::get_graph,
        routes::get_layout,
        routes::post_layout,
        routes::get_states,
        routes::explain_run,
        routes::compare_run,
        routes::get_evidence,
        routes::compare_versions,
        routes::cancel_run,
        routes::rerun_run,
        routes::list_task_runs,
        routes::get_task_run,
        routes::get_result,
        routes::get_logs,
        routes::get_metrics,
        routes::explain_task_run,
        routes::list_events,
        routes::get_event,
        routes::undo_event,
        routes::estimate,
        routes::get_density,
        routes::list_records,
        routes::list_anchors,
        routes::rebuild_views,
        routes::post_run_set,
        routes::list_flow_sets,
        routes::post_flow_set,
        routes::get_flow_set,
        routes::compare_flow_sets,
        routes::list_flows,
        routes::retry_flow_set,
        routes::get_flow,
        routes::list_flow_nodes,
        routes::list_flow_types,
        routes::get_flow_type,
        routes::put_flow_type,
        routes::diff_flow_type,
        routes::list_step_types,
        routes::get_step_type,
        routes::put_step_type,
        routes::list_item_sets,
        routes::post_item_set,
        routes::get_item_set,
        routes::list_items,
        routes::post_items,
        routes::list_files,
        routes::get_file,
        routes::post_file,
        routes::list_run_sets,
        routes::get_run_set,
        routes::add_runs,
        routes::list_calendars,
        routes::get_calendar,
        routes::put_calendar,
        routes::delete_calendar,
        routes::post_backfill,
        routes::pause_run_set,
        routes::resume_run_set,
        routes::cancel_run_set,
        routes::list_images,
        routes::get_image,
        routes::put_image,
        routes::delete_image,
        routes::post_environment,
        routes::get_environment,
        routes::post_bundle,
        routes::head_bundle,
        routes::list_pools,
        routes::get_pool,
        routes::put_pool,
        routes::list_runners,
        routes::drain_runner,
        routes::resume_runner,
        routes::list_workers,
        routes::preview_schedule,
        routes::put_schedule,
        routes::post_webhook,
    ),
    components(schemas(wire::Receipt)),
    tags(
        (name = "batches", description = "Named, versioned definitions"),
        (name = "runs", description = "Executions of definitions"),
        (name = "task runs", description = "Tasks in runs: results, logs, metrics"),
        (name = "run sets", description = "Many runs made together"),
        (name = "flows", description = "Many inputs through one graph, where what did not change is shared"),
        (name = "events", description = "The log"),
        (name = "log", description = "The log in its exact bytes, for audits"),
        (name = "calendars", description = "Holidays and trading days that schedules go by"),
        (name = "images", description = "Where the code of tasks is"),
        (name = "pools", description = "Named shares of capacity"),
        (name = "runners", description = "What executes"),
        (name = "schedules", description = "When batches start by themselves"),
        (name = "server", description = "The server itself"),
    )
)]
struct Document;

/// The document as JSON text.
///
/// # Panics
/// Never: the document is a constant of the program.
#[must_use]
pub fn openapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut document = Document::openapi();
        document.openapi = utoipa::openapi::OpenApiVersion::Version31;
        let mut document =
            serde_json::to_value(document).expect("the document is plain data with text keys");
        describe_receipts(&mut document);
        describe_responses(&mut document);
        format!("{document:#}")
    })
}

/// Adds to every command that it may be done and cannot be shown.
fn describe_receipts(document: &mut Value) {
    let receipt = json!({
        "description": "Done, but it cannot be shown: the views no longer follow the log",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}},
    });
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    // These change nothing, or nothing that is shown.
    let is_command = |path: &str| !path.ends_with("/validate") && !path.ends_with("/preview");
    for (_, operations) in paths.filter(|(path, _)| is_command(path)) {
        let operations = operations.as_object_mut().into_iter().flatten();
        for (method, operation) in operations {
            let is_write = matches!(method.as_str(), "post" | "put" | "delete");
            if is_write && let Some(responses) = operation["responses"].as_object_mut() {
                responses.insert("202".to_owned(), receipt.clone());
            }
        }
    }
}

/// Says of every response that does not say it itself what it is: OpenAPI wants a description of each.
fn describe_responses(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        let responses = operation["responses"].as_object_mut();
        for (status, response) in responses.into_iter().flatten() {
            let Some(response) = response.as_object_mut() else {
                continue;
            };
            let text = match status.as_str() {
                "201" => "Made",
                "4XX" => "Refused; `code` says why",
                "503" => "Not at the moment",
                _ => "What was asked for",
            };
            let own = response.get("description").and_then(Value::as_str);
            if own.is_none_or(str::is_empty) {
                response.insert("description".to_owned(), Value::from(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dialects::{datature, rescale_htc};

    fn described() -> BTreeSet<(String, String)> {
        let document = serde_json::to_value(Document::openapi()).unwrap_or_default();
        let paths = document["paths"].as_object().cloned().unwrap_or_default();
        let mut out = BTreeSet::new();
        for (path, methods) in paths {
            for (method, _) in methods.as_object().into_iter().flatten() {
                out.insert((method.to_uppercase(), path.clone()));
            }
        }
        out
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let served: BTreeSet<(String, String)> = crate::routes::table_of_tests()
            .rows()
            .iter()
            .map(|row| (row.method.to_owned(), row.path()))
            .filter(|(_, path)| path.starts_with("/api/v1/") && !rescale_htc::is_own(path))
            .collect();
        assert!(served.len() >= 40);
        assert_eq!(served, described());
    }

    /// Every schema anywhere in the document.
    fn each_schema(value: &Value, see: &mut dyn FnMut(&Value)) {
        match value {
            Value::Object(fields) => {
                see(value);
                fields.values().for_each(|field| each_schema(field, see));
            }
            Value::Array(items) => items.iter().for_each(|item| each_schema(item, see)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn the_document_keeps_the_rules_of_openapi() {
        let document: Value = serde_json::from_str(openapi_json()).unwrap_or_default();
        assert_eq!(document["openapi"], "3.1.0");
        let mut responses = 0;
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                    let text = response["description"].as_str().unwrap_or_default();
                    assert!(!text.is_empty(), "{method} {path}: {status}");
                    responses += 1;
                }
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let is_in_path = path.contains(&format!(
                        "{{{}}}",
                        parameter["name"].as_str().unwrap_or_default()
                    ));
                    assert_eq!(parameter["in"] == "path", is_in_path, "{path}: {parameter}");
                    assert!(
                        !is_in_path || parameter["required"] == true,
                        "{path}: {parameter}"
                    );
                }
            }
        }
        assert!(responses > 60);
        // What is referred to is there, and defaults have the type that they are the default of.
        let mut references = 0;
        each_schema(&document, &mut |schema| {
            if let Some(target) = schema["$ref"].as_str() {
                let pointer = target.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{target}");
                references += 1;
            }
            let kinds = &schema["type"];
            if let (Some(default), Some(_)) = (schema.get("default"), kinds.as_str()) {
                let fits = match default {
                    Value::Null => kinds == "null",
                    Value::Bool(_) => kinds == "boolean",
                    Value::Number(_) => kinds == "integer" || kinds == "number",
                    Value::String(_) => kinds == "string",
                    Value::Array(_) => kinds == "array",
                    Value::Object(_) => kinds == "object",
                };
                assert!(fits, "{schema}");
            }
        });
        assert!(references > 50);
    }

    #[test]
    fn no_route_takes_the_first_segment_of_a_dialect() {
        let is_native = |path: &String| path.starts_with("/api/v1/");
        for (_, path) in described() {
            assert!(!is_native(&path) || !rescale_htc::is_own(&path), "{path}");
            assert!(!datature::is_ours(&path), "{path}");
        }
    }
}
