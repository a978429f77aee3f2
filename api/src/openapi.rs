//! The description of the native interface as an OpenAPI 3.1 document, generated from the handlers and the
//! wire types. A test holds it against the table of routes.

use std::sync::OnceLock;

use utoipa::OpenApi;

use crate::dialects::native::routes;

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
        routes::get_error_page,
        routes::list_batches,
        routes::save_batch,
        routes::validate_batch,
        routes::get_batch,
        routes::delete_batch,
        routes::pause_batch,
        routes::resume_batch,
        routes::list_versions,
        routes::get_version,
        routes::start_batch,
        routes::start_definition,
        routes::list_runs,
        routes::get_run,
        routes::list_tasks,
        routes::get_graph,
        routes::cancel_run,
        routes::rerun_run,
        routes::list_task_runs,
        routes::get_task_run,
        routes::get_result,
        routes::get_logs,
        routes::get_metrics,
        routes::list_events,
        routes::post_run_set,
        routes::list_run_sets,
        routes::get_run_set,
        routes::add_runs,
        routes::list_images,
        routes::get_image,
        routes::put_image,
        routes::delete_image,
        routes::post_bundle,
        routes::head_bundle,
        routes::list_runners,
        routes::list_workers,
        routes::preview_schedule,
    ),
    tags(
        (name = "batches", description = "Named, versioned definitions"),
        (name = "runs", description = "Executions of definitions"),
        (name = "task runs", description = "Tasks in runs: results, logs, metrics"),
        (name = "run sets", description = "Many runs made together"),
        (name = "events", description = "The log"),
        (name = "images", description = "Where the code of tasks is"),
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
        document
            .to_pretty_json()
            .expect("the document is plain data")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
            .filter(|(_, path)| path.starts_with("/api/v1/"))
            .collect();
        assert!(served.len() >= 40);
        assert_eq!(served, described());
    }

    #[test]
    fn no_route_takes_the_first_segment_of_a_dialect() {
        let taken = ["v6", "workspace", "workspaces", "projects"];
        let own = ["auth", "htc", ".well-known"];
        for row in crate::routes::table_of_tests().rows() {
            assert!(!taken.contains(&row.segments[0]), "{}", row.path());
            if row.segments[0] == "api" {
                assert!(!own.contains(&row.segments[2]), "{}", row.path());
            }
        }
    }
}
