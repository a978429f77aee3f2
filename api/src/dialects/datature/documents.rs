//! Documents of the dialect, read and changed as what they are.

use fasti_core::domain::access::Principal;
use fasti_core::domain::command::{Command, Receipt, Request};
use fasti_core::domain::documents::DocumentChange;
use fasti_core::domain::ids::{Digest, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::DocumentView;
use fasti_projector::{Order, Views};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::map::ms;
use super::paging::{Page, Wanted};
use crate::call::Call;
use crate::errors::{Code, Problem};
use crate::trace::traceparent;

/// A sort of documents of a project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    /// Kind of the documents.
    pub(super) kind: &'static str,
    /// What ids begin with, without the underscore.
    pub(super) prefix: &'static str,
}

/// Datasets.
pub(super) const DATASETS: Sort = Sort {
    kind: "datature.dataset",
    prefix: "dataset",
};
/// Webhooks.
pub(super) const WEBHOOKS: Sort = Sort {
    kind: "datature.webhook",
    prefix: "webhook",
};
/// Deployments.
pub(super) const DEPLOYMENTS: Sort = Sort {
    kind: "datature.deployment",
    prefix: "deploy",
};
/// Projects; their own ids are the keys.
pub(super) const PROJECTS: &str = "datature.project";

/// Times that a change is tried again that another one came before.
const CHANGES_MAX: usize = 5;

/// A document as it is now.
#[derive(Debug, Clone)]
pub(super) struct Stored<T> {
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) created_by: String,
    pub(super) value: T,
}

impl Sort {
    /// An id that nothing has.
    pub(super) fn new_id(self) -> String {
        format!("{}_{}", self.prefix, Uuid::now_v7())
    }

    fn key(project: &str, id: &str) -> String {
        format!("{project}/{id}")
    }

    /// One document, while the views are held.
    ///
    /// # Errors
    /// 404.
    pub(super) fn find<T: DeserializeOwned>(
        self,
        views: &Views,
        project: &str,
        id: &str,
    ) -> Result<Stored<T>, Problem> {
        let missing = || Problem::not_found(self.prefix, &id);
        let view = views.document(self.kind, &Self::key(project, id));
        stored(id, view.ok_or_else(missing)?)
    }

    /// One document.
    ///
    /// # Errors
    /// 404.
    pub(super) async fn get<T>(
        self,
        call: &Call,
        project: &str,
        id: &str,
    ) -> Result<Stored<T>, Problem>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let (project, id) = (project.to_owned(), id.to_owned());
        let found = call.ask(None, move |views, _| self.find(views, &project, &id));
        found.await.map(|(stored, _)| stored)
    }

    /// All documents of a project, oldest first.
    pub(super) async fn all<T>(self, call: &Call, project: &str) -> Result<Vec<Stored<T>>, Problem>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let prefix = format!("{project}/");
        let found = call.ask(None, move |views, _| {
            let all = views.documents(self.kind, &prefix, None);
            all.map(|(key, view)| stored(&key[prefix.len()..], view))
                .collect()
        });
        found.await.map(|(all, _)| all)
    }

    /// A page of them, oldest first.
    ///
    /// # Errors
    /// 400.
    pub(super) async fn page<T, W>(
        self,
        call: &Call,
        project: &str,
        show: impl Fn(Stored<T>) -> W + Send + 'static,
    ) -> Result<Page<W>, Problem>
    where
        T: DeserializeOwned,
        W: Send + 'static,
    {
        let wanted = Wanted::read(&call.query)?;
        let prefix = format!("{project}/");
        let asked = call.ask(None, move |views, _| {
            wanted.page(|order, beyond, limit| {
                let beyond = beyond.map(|id| format!("{prefix}{id}"));
                let beyond = beyond.as_deref();
                let take = |found: &mut dyn Iterator<Item = (&str, &DocumentView)>| {
                    found
                        .take(limit)
                        .map(|(key, view)| {
                            let id = &key[prefix.len()..];
                            stored(id, view).map(|stored| (id.to_owned(), show(stored)))
                        })
                        .collect()
                };
                match order {
                    Order::Ascending => take(&mut views.documents(self.kind, &prefix, beyond)),
                    Order::Descending => {
                        take(&mut views.documents_back(self.kind, &prefix, beyond))
                    }
                }
            })
        });
        asked.await.map(|(page, _)| page)
    }

    /// Makes one.
    ///
    /// # Errors
    /// Those of the command.
    pub(super) async fn create<T: Serialize>(
        self,
        call: &Call,
        project: &str,
        id: String,
        value: T,
    ) -> Result<Stored<T>, Problem> {
        let change = self.change(project, &id, Some(&value), Some(0), Vec::new())?;
        let receipt = submit_changes(call, &call.principal, vec![change]).await?;
        let now_ms = ms(receipt.at);
        Ok(Stored {
            id,
            version: 1,
            created_ms: now_ms,
            updated_ms: now_ms,
            created_by: call.principal.user.clone(),
            value,
        })
    }

    /// Changes one as `change` says; again if another change came in between.
    ///
    /// # Errors
    /// 404, and those of `change` and of the command.
    pub(super) async fn update<T>(
        self,
        call: &Call,
        project: &str,
        id: &str,
        change: impl Fn(&mut T) -> Result<Vec<Digest>, Problem>,
    ) -> Result<Stored<T>, Problem>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        for _ in 0..CHANGES_MAX {
            let mut stored: Stored<T> = self.get(call, project, id).await?;
            let blobs = change(&mut stored.value)?;
            let who = self.writer(call, &stored.created_by);
            let expected = Some(stored.version);
            let body = self.change(project, id, Some(&stored.value), expected, blobs)?;
            match submit_changes(call, &who, vec![body]).await {
                Ok(receipt) => {
                    stored.version += 1;
                    stored.updated_ms = ms(receipt.at);
                    return Ok(stored);
                }
                Err(problem) if problem.code() == Code::VersionMismatch => {}
                Err(problem) => return Err(problem),
            }
        }
        Err(Problem::new(
            Code::Busy,
            "others change the same thing all the time; try again",
        )
        .retry_after(1))
    }

    /// An upload shows no key: it is made in the name of whoever made the document.
    fn writer(self, call: &Call, created_by: &str) -> Principal {
        if call.principal.user.is_empty() {
            return Principal::user(created_by, Vec::new(), false);
        }
        call.principal.clone()
    }

    /// Removes one.
    ///
    /// # Errors
    /// Those of the command.
    pub(super) async fn remove(self, call: &Call, project: &str, id: &str) -> Result<(), Problem> {
        let change = self.change::<()>(project, id, None, None, Vec::new())?;
        submit_changes(call, &call.principal, vec![change])
            .await
            .map(drop)
    }

    fn change<T: Serialize>(
        self,
        project: &str,
        id: &str,
        value: Option<&T>,
        expected: Option<u32>,
        blobs: Vec<Digest>,
    ) -> Result<DocumentChange, Problem> {
        let body = value.map(serde_json::to_string).transpose();
        let body = body.map_err(|error| Problem::internal(&error))?;
        Ok(DocumentChange {
            kind: self.kind.to_owned(),
            key: Self::key(project, id),
            body: body.map(Into::into),
            expected,
            blobs,
        })
    }
}

fn stored<T: DeserializeOwned>(id: &str, view: &DocumentView) -> Result<Stored<T>, Problem> {
    let value = serde_json::from_str(&view.body)
        .map_err(|error| Problem::internal(&format!("document {id}: {error}")))?;
    Ok(Stored {
        id: id.to_owned(),
        version: view.version,
        created_ms: ms(view.created_at),
        updated_ms: ms(view.updated_at),
        created_by: view.created_by.clone(),
        value,
    })
}

/// Changes documents, and waits a little until the views have seen it, so that the next question finds it. What is
/// done is answered as done, whatever the views do.
pub(super) async fn submit_changes(
    call: &Call,
    who: &Principal,
    changes: Vec<DocumentChange>,
) -> Result<Receipt, Problem> {
    let receipt = submit(call, who, Command::ChangeDocuments { changes }).await?;
    seen(call, receipt.seq).await;
    Ok(receipt)
}

/// Gives a command.
///
/// # Errors
/// Why it is refused.
pub(super) async fn submit(
    call: &Call,
    who: &Principal,
    command: Command,
) -> Result<Receipt, Problem> {
    let request = Request {
        command,
        principal: who.clone(),
        key: None,
        trace: traceparent(&call.headers).map(Into::into),
    };
    Ok(call.app.parts.engine.submit(request).await?)
}

/// Waits until the views have seen an event, as long as that makes sense.
pub(super) async fn seen(call: &Call, seq: Seq) {
    call.ask_after(seq, |_, _| Ok(())).await.ok();
}

/// The time now, in milliseconds.
pub(super) fn now(call: &Call) -> Timestamp {
    call.app.parts.clock.now()
}
