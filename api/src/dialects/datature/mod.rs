//! The batch interface of Datature Nexus, as the `datature` client speaks it: at the root of the server, because the
//! client drops any path of its address.
//!
//! | there | here |
//! | --- | --- |
//! | workspace | the server |
//! | project `proj_…` | a document, or a name of the configuration file; `proj_default` is always there |
//! | artifact | a predictor: a program of the configuration file, or the built-in `artifact_echo` |
//! | deployment, webhook, dataset | documents; the file of a dataset and the places of its items are blobs |
//! | secret of a webhook | a file of the data folder, never an event |
//! | job | a batch with one run: one parallel task with a part an item; `batchjob_<id of the batch>` |
//! | `startAtTime`, `stopAtTime` | the window of the run |
//! | item | a task run; its work is the process of [`item_v1`](fasti_core::protocol::item_v1) |
//! | gathered, preprocessed, predicted, delivered | the stages of the task |
//! | counters, log entries | stage counts and steps of the run |
//! | cancel, delete | the run is cancelled, the batch deleted |
//!
//! `routes` has the handlers, `wire` the JSON as published, `map` the way between that and the domain.

mod dataset_file;
mod documents;
mod errors;
mod map;
mod paging;
mod query;
pub(crate) mod routes;
mod secrets;
mod wire;

pub(crate) use errors::into_response;

/// Segments that the dialect begins with.
const FIRST: [&str; 3] = ["workspace", "workspaces", "projects"];

/// Whether a path is of this dialect.
pub(crate) fn is_ours(path: &str) -> bool {
    let first = path.strip_prefix('/').unwrap_or(path).split('/').next();
    first.is_some_and(|first| FIRST.contains(&first))
}

/// Whether a path carries its own right: that of an upload.
pub(crate) fn is_open(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').collect();
    matches!(
        segments.as_slice(),
        ["", "projects", _, "batch", "datasets", _, "upload", _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_the_dialect_are_told_apart() {
        for ours in [
            "/workspace",
            "/workspace/projects",
            "/workspaces/w/artifacts",
            "/projects/p",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["/", "/api/v1/runs", "/workspacex", "/ui/projects"] {
            assert!(!is_ours(other), "{other}");
        }
        assert!(is_open("/projects/p/batch/datasets/d/upload/t"));
        assert!(!is_open("/projects/p/batch/datasets/d"));
        assert!(!is_open("/projects/p/batch/datasets/d/upload/t/x"));
    }
}
