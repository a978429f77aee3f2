//! Fences around sled, which panics on damaged files: a panic becomes an error, and prints nothing.

use std::any::Any;
use std::cell::Cell;
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic inside comes back as its message. Calls may nest.
///
/// The state behind `work` is sled's alone; sled marks itself unusable before it panics, so nothing that
/// was half done can be taken for whole.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence_guarded_panics();
    let before = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    outcome.map_err(|cause| message(cause.as_ref()))
}

/// As [`guarded`], on a thread of its own: for opening, where sled recurses and may leave thread-local state.
pub(super) fn guarded_on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("fasti-store-open".into())
            .spawn_scoped(scope, || guarded(work))
            .map_err(|e| format!("no thread for opening the log: {e}"))?;
        thread
            .join()
            .unwrap_or_else(|cause| Err(message(cause.as_ref())))
    })
}

/// A handle of sled that is dropped behind the fence: the last one syncs, and panics when the disk refuses.
#[derive(Debug, Clone)]
pub(super) struct Fenced<T>(Option<T>);

impl<T> Fenced<T> {
    pub(super) fn new(handle: T) -> Self {
        Self(Some(handle))
    }
}

impl<T> Deref for Fenced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<T> Drop for Fenced<T> {
    fn drop(&mut self) {
        let handle = self.0.take();
        if let Err(panic) = guarded(|| drop(handle)) {
            tracing::warn!(panic, "sled could not close its files");
        }
    }
}

/// Wraps the panic hook once: panics of guarded code and of sled's own IO threads are reported as errors by
/// whoever waits for them, everything else prints as before.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let of_sled = std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled-io-"));
            if !of_sled && !GUARDED.get() {
                before(info);
            }
        }));
    });
}

fn message(cause: &(dyn Any + Send)) -> String {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown panic");
    // sled's messages can carry whole pages of data.
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        let outcome: Result<(), String> = guarded(|| panic!("page {} is gone", 7));
        assert_eq!(outcome, Err("page 7 is gone".to_owned()));
        let outcome: Result<(), String> = guarded_on_thread(|| panic!("no"));
        assert_eq!(outcome, Err("no".to_owned()));
    }

    #[test]
    fn a_panic_while_closing_goes_no_further() {
        struct Closing;
        impl Drop for Closing {
            fn drop(&mut self) {
                panic!("the disk is gone");
            }
        }
        drop(Fenced::new(Closing));
    }

    #[test]
    fn results_pass_through() {
        assert_eq!(guarded(|| 3), Ok(3));
        assert_eq!(guarded_on_thread(|| 4), Ok(4));
    }
}
