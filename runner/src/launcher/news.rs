//! From the slots' threads to the event loop: what happened, and a bell.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::supervisor::Input;

/// What the slots have to say. Bounded by their number: each says two things about an attempt.
#[derive(Debug, Default)]
pub(crate) struct News {
    waiting: Mutex<Vec<Input>>,
    bell: Notify,
}

impl News {
    /// Say something.
    pub(crate) fn push(&self, input: Input) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(input);
        self.bell.notify_one();
    }

    /// Wait until something was said since the last [`take`](Self::take).
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Everything said, in order.
    pub(crate) fn take(&self) -> Vec<Input> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
