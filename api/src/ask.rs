//! Questions to the views: wait until they have seen enough, then ask everything for one answer at one moment.

use std::time::Duration;

use fasti_core::domain::access::{Principal, Right};
use fasti_core::domain::ids::Seq;
use fasti_projector::{Access, PastError, Views, ViewsError, WaitError};
use tokio::sync::OwnedSemaphorePermit;
use warp::http::Method;

use crate::call::Call;
use crate::dialects;
use crate::errors::{Code, Problem};
use crate::query::AsOf;

/// Longest wait for a position the caller asks for.
const MIN_SEQ_WAIT: Duration = Duration::from_secs(5);

/// Longest wait for a position that a command of the caller made.
const OWN_WRITE_WAIT: Duration = Duration::from_secs(30);

/// Who asks, while the views are held.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) principal: Principal,
}

impl Asker {
    /// Whether the asker may see what belongs so.
    pub(crate) fn may_read(&self, access: Access<'_>) -> bool {
        access.permits(&self.principal, Right::Read)
    }
}

impl Call {
    /// Asks the views once they have seen `min_seq`; answers with the position they were at.
    ///
    /// # Errors
    /// Those of the question, or 503 if the views are not that far.
    pub(crate) async fn ask<T, F>(
        &self,
        min_seq: Option<Seq>,
        question: F,
    ) -> Result<(T, Seq), Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Views, &Asker) -> Result<T, Problem> + Send + 'static,
    {
        if let Some(min_seq) = min_seq {
            self.wait_for(min_seq, MIN_SEQ_WAIT).await.map_err(|_| {
                let seen = self.app.parts.feed.last();
                Problem::new(
                    Code::NotReady,
                    format!("sequence {min_seq} was not reached within 5 s (the log is at {seen}); ask again, or without min_seq"),
                )
                .retry_after(1)
            })?;
        }
        let moment = self.as_of()?;
        let turn = match moment {
            Some(_) => Some(self.turn().await?),
            None => None,
        };
        let (views, past) = (self.app.parts.views.clone(), self.app.parts.past.clone());
        let asker = Asker {
            principal: self.principal.clone(),
        };
        // Old runs are read from disk.
        let asked = tokio::task::spawn_blocking(move || {
            // Held until the answer is there, also when whoever asked has gone: the work goes on all the same.
            let _turn = turn;
            if let Some(moment) = moment {
                let seq = match moment {
                    AsOf::Seq(seq) => seq,
                    AsOf::Time(at) => past.seq_at(at)?,
                };
                let views = past.at(seq)?;
                return question(&views, &asker).map(|answer| (answer, seq));
            }
            let views = views.read();
            question(&views, &asker).map(|answer| (answer, views.as_of()))
        });
        asked.await.map_err(|error| Problem::internal(&error))?
    }

    /// As [`Call::ask`] about what a command of this request made; `None` when it will never be seen, because the
    /// views no longer follow the log.
    ///
    /// # Errors
    /// Those of the question, or 503 if the views fall behind for long.
    pub(crate) async fn ask_after<T, F>(
        &self,
        made: Seq,
        question: F,
    ) -> Result<Option<(T, Seq)>, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Views, &Asker) -> Result<T, Problem> + Send + 'static,
    {
        match self.wait_for(made, OWN_WRITE_WAIT).await {
            Ok(()) => self.ask(None, question).await.map(Some),
            Err(WaitError::Stopped) => Ok(None),
            Err(WaitError::TimedOut) => Err(Problem::new(
                Code::NotReady,
                format!("it is done, as of sequence {made}, but cannot be shown yet; read it with min_seq={made}"),
            )
            .retry_after(2)),
        }
    }

    /// Does something that takes a while, as one of few at a time. Its turn lasts as long as the work does, also when
    /// whoever asked hangs up meanwhile.
    ///
    /// # Errors
    /// 503 when many others ask for such work.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| Problem::internal(&error))
    }

    /// Permission for what takes a while, such as the views of a moment. Whoever waits for it takes no thread: those
    /// are for questions about now.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = self.app.past_turns.clone().acquire_owned();
        match tokio::time::timeout(MIN_SEQ_WAIT, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Problem::new(
                Code::Busy,
                "many others ask for the past, or for other things that take a while, just now; ask again",
            )
            .retry_after(1)),
        }
    }

    /// The moment that a read asks for; `None`: now. Whatever is asked, only a read can be about the past.
    fn as_of(&self) -> Result<Option<AsOf>, Problem> {
        if self.method != Method::GET && self.method != Method::HEAD {
            return Ok(None);
        }
        // Clients of other services send parameters twice, and know nothing of this one.
        if !dialects::is_native(&self.path) {
            return Ok(None);
        }
        let moment = self.query()?.as_of()?;
        if let Some(AsOf::Time(at)) = moment
            && at > self.app.parts.clock.now()
        {
            return Err(Problem::invalid("as_of", format!("{at} is still to come")));
        }
        Ok(moment)
    }

    async fn wait_for(&self, seq: Seq, longest: Duration) -> Result<(), WaitError> {
        let reached = self.app.parts.views.wait_for(seq);
        let waited = tokio::time::timeout(longest, reached).await;
        waited.unwrap_or(Err(WaitError::TimedOut))
    }
}

impl From<PastError> for Problem {
    fn from(error: PastError) -> Self {
        match error {
            PastError::TooEarly(_) | PastError::TooLate(_) => {
                Self::invalid("as_of", error.to_string())
            }
            PastError::Views(error) => error.into(),
        }
    }
}

impl From<ViewsError> for Problem {
    fn from(error: ViewsError) -> Self {
        Self::internal(&error)
    }
}
