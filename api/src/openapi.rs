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
        document.to_pretty_json().expect("the document is plain data")
    })
}
