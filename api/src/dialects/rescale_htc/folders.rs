//! Projects and tasks as they are kept: documents. A task names the batch that its jobs are runs of.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use fasti_core::domain::command::{Command, Receipt, Request};
use fasti_core::domain::definition::Tag;
use fasti_core::domain::documents::DocumentChange;
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_projector::Views;
use fasti_projector::rows::DocumentView;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::errors::Problem;
use crate::trace::traceparent;

/// Kinds of documents.
pub(super) const PROJECT: &str = "rescale.project";
pub(super) const TASK: &str = "rescale.task";
pub(super) const WORKSPACE: &str = "rescale.workspace";

/// Batches of tasks have this tag.
pub(super) const TAG: Tag = Tag::Dev;

/// What is kept of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProjectDoc {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) region: String,
    #[serde(default)]
    pub(super) repositories: Vec<String>,
    /// As it came.
    #[serde(default)]
    pub(super) dimensions: Option<Value>,
    #[serde(default)]
    pub(super) retention: Option<RetentionDoc>,
}

/// Hours until a task is deleted or archived; 0: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetentionDoc {
    #[serde(default)]
    pub(super) delete_after: u64,
    #[serde(default)]
    pub(super) archive_after: u64,
}

/// Whether a task takes jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Lifecycle {
    Active,
    Archived,
    Deleted,
}

/// What is kept of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TaskDoc {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) lifecycle: Lifecycle,
    /// Name of its batch.
    pub(super) batch: String,
    #[serde(default)]
    pub(super) archived_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) deleted_at: Option<Timestamp>,
}

/// A document with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub(super) id: String,
    pub(super) doc: T,
    pub(super) version: u32,
    pub(super) created_at: Timestamp,
    pub(super) created_by: String,
}

/// A task of a project.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) project: Kept<ProjectDoc>,
    pub(super) task: Kept<TaskDoc>,
    /// Batches that ever had its name: jobs may outlive the one they were made in.
    pub(super) batches: Vec<BatchId>,
}

impl Folder {
    /// Name of the pool that the project's limits are those of.
    pub(super) fn pool(&self) -> String {
        pool_of(&self.project.id)
    }
}

/// Name of the pool that the limits of a project are those of.
pub(super) fn pool_of(project: &str) -> String {
    format!("rescale/{project}")
}

/// Key of a task's document.
pub(super) fn task_key(project: &str, task: &str) -> String {
    format!("{project}/{task}")
}

/// A document as this dialect wrote it.
pub(super) fn kept<T: DeserializeOwned>(id: &str, view: &DocumentView) -> Result<Kept<T>, Problem> {
    let doc = serde_json::from_str(&view.body).map_err(|error| {
        Problem::internal(&format!("the document of `{id}` cannot be read: {error}"))
    })?;
    Ok(Kept {
        id: id.to_owned(),
        doc,
        version: view.version,
        created_at: view.created_at,
        created_by: view.created_by.clone(),
    })
}

/// A project.
///
/// # Errors
/// 404.
pub(super) fn project(views: &Views, id: &str) -> Result<Kept<ProjectDoc>, Problem> {
    match views.document(PROJECT, id) {
        Some(view) => kept(id, view),
        None => Err(Problem::not_found("project", &id)),
    }
}

/// A task of a project.
///
/// # Errors
/// 404.
pub(super) fn folder(views: &Views, project_id: &str, id: &str) -> Result<Folder, Problem> {
    let project = project(views, project_id)?;
    let Some(view) = views.document(TASK, &task_key(project_id, id)) else {
        return Err(Problem::not_found("task", &id));
    };
    let task: Kept<TaskDoc> = kept(id, view)?;
    Ok(Folder {
        batches: views.batches_named(&task.doc.batch, TAG),
        project,
        task,
    })
}

/// Saves a document, if it still has the version that is expected.
pub(super) async fn save<T: Serialize>(
    call: &Call,
    kind: &str,
    key: String,
    doc: &T,
    expected: Option<u32>,
) -> Result<Receipt, Problem> {
    let body = serde_json::to_string(doc).map_err(|error| Problem::internal(&error))?;
    let change = DocumentChange {
        kind: kind.to_owned(),
        key,
        body: Some(body.into()),
        expected,
        blobs: Vec::new(),
    };
    let changes = vec![change];
    submit(call, Command::ChangeDocuments { changes }).await
}

/// Has a command decided; durable once this answers.
pub(super) async fn submit(call: &Call, command: Command) -> Result<Receipt, Problem> {
    let request = Request {
        command,
        principal: call.principal.clone(),
        key: None,
        trace: traceparent(&call.headers).map(Arc::from),
    };
    Ok(call.app.parts.engine.submit(request).await?)
}

/// Asks the views once they have seen what a command of this request made.
pub(super) async fn after<T, F>(call: &Call, made: Seq, question: F) -> Result<(T, Seq), Problem>
where
    T: Send + 'static,
    F: FnOnce(&Views) -> Result<T, Problem> + Send + 'static,
{
    let seen = call.ask_after(made, |views, _| question(views)).await?;
    seen.ok_or_else(|| {
        let detail = format!("it is done, as of sequence {made}, but cannot be shown: what computes answers no longer follows the log");
        Problem::new(crate::errors::Code::NotReady, detail).retry_after(2)
    })
}

/// A new id, a UUID of version 7: later ones sort behind earlier ones.
pub(super) fn new_id(now: Timestamp) -> String {
    // Nobody has anything from guessing one; every hasher has keys of its own.
    let random = || RandomState::new().build_hasher().finish();
    let millis = now.0.div_euclid(1_000).cast_unsigned() & 0xffff_ffff_ffff;
    let (a, b) = (random() & 0xfff, random() & 0x3fff_ffff_ffff_ffff);
    let low = b | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-7{a:03x}-{:04x}-{:012x}",
        millis >> 16,
        millis & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
