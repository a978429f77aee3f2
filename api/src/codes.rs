//! Codes of problems: for programs, each with its status and a title. A code never changes its meaning;
//! `docs/errors/<code>.md` explains it, and the server hands these pages out under the `type` of a problem.

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal $status:literal $title:literal; )*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $( $(#[$doc])* $variant, )*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// As written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// HTTP status it comes with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )* }
            }

            /// A few words, the same every time.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }

            /// The page that explains it, in Markdown.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self { $( Self::$variant => include_str!(concat!("../../docs/errors/", $name, ".md")), )* }
            }
        }
    };
}

codes! {
    /// The bytes cannot be read as what they claim to be.
    Malformed = "malformed" 400 "The request cannot be read";
    /// No valid token.
    Unauthenticated = "unauthenticated" 401 "A valid token is needed";
    /// A right is missing.
    Forbidden = "forbidden" 403 "A right is missing";
    /// The request comes from another site's page.
    CrossSite = "cross_site" 403 "Requests from other sites are refused";
    /// Nothing there, or nothing the caller may see.
    NotFound = "not_found" 404 "There is no such thing";
    /// The path exists, not with this method.
    MethodNotAllowed = "method_not_allowed" 405 "The method does not fit the address";
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout" 408 "The request did not arrive in time";
    /// The task run has no value to give.
    ResultUnavailable = "result_unavailable" 409 "There is no result";
    /// The run is over.
    RunFinished = "run_finished" 409 "The run is already finished";
    /// What an event did cannot be taken back.
    NotUndone = "not_undone" 409 "The event cannot be undone";
    /// What an event changed was changed again.
    ChangedSince = "changed_since" 409 "It has been changed again since";
    /// The run goes on.
    RunNotFinished = "run_not_finished" 409 "The run is not finished";
    /// Nothing would be executed.
    NothingToRerun = "nothing_to_rerun" 409 "Nothing is left to run again";
    /// The run set takes no more runs.
    RunSetClosed = "run_set_closed" 409 "The run set is closed";
    /// The batch has live runs.
    BatchBusy = "batch_busy" 409 "The batch has live runs";
    /// Other batches run after it.
    BatchFollowed = "batch_followed" 409 "Other batches run after the batch";
    /// Batches use the calendar.
    CalendarBusy = "calendar_busy" 409 "The calendar is in use";
    /// Live runs use the image.
    ImageBusy = "image_busy" 409 "The image is in use";
    /// The batch changed since it was read.
    VersionMismatch = "version_mismatch" 409 "The batch has changed";
    /// A report fits no lease.
    UnknownToken = "unknown_token" 409 "No live attempt has this token";
    /// A runner that is not known.
    UnknownRunner = "unknown_runner" 409 "The runner is not known";
    /// Output was there and was removed.
    OutputRemoved = "output_removed" 410 "The output was removed";
    /// `If-Match` does not hold.
    PreconditionFailed = "precondition_failed" 412 "The condition does not hold";
    /// A body over its bound.
    TooLarge = "too_large" 413 "The request is too large";
    /// An address over its bound.
    AddressTooLong = "address_too_long" 414 "The address is too long";
    /// The body is not declared as what is wanted.
    UnsupportedMediaType = "unsupported_media_type" 415 "The type of the body does not fit";
    /// The range lies outside.
    RangeNotSatisfiable = "range_not_satisfiable" 416 "The range lies outside the content";
    /// The host is not one this server answers for.
    Misdirected = "misdirected" 421 "This server does not answer for that host";
    /// A field is wrong.
    ValidationFailed = "validation_failed" 422 "A value is wrong";
    /// Two tasks or parts of one name.
    DuplicateName = "duplicate_name" 422 "A name is used twice";
    /// The tasks wait for each other.
    CyclicDependency = "cyclic_dependency" 422 "The tasks depend on each other in a circle";
    /// The image is not registered.
    UnknownImage = "unknown_image" 422 "The image is not registered";
    /// The image is not for this tag.
    ImageTag = "image_tag" 422 "The image is not for this tag";
    /// The bundle is not there.
    UnknownBundle = "unknown_bundle" 422 "The bundle is not there";
    /// The key was used for something else.
    IdempotencyKeyReused = "idempotency_key_reused" 422 "The idempotency key was used for another request";
    /// A bound of the scheduler is reached.
    Limit = "limit" 429 "A limit is reached";
    /// A fault of the server.
    Internal = "internal" 500 "The server failed";
    /// Not yet, or not any more.
    NotReady = "not_ready" 503 "The server is not ready";
    /// Too much at a time.
    Busy = "busy" 503 "The server is busy";
    /// The disk is full.
    DiskFull = "disk_full" 507 "The disk is full";
}

impl Code {
    /// The code of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_code_has_a_page_that_speaks_of_it() {
        for code in Code::ALL {
            let page = code.page();
            let head = format!("# `{}` — {}\n", code.as_str(), code.title());
            assert!(page.starts_with(&head), "{}", code.as_str());
            assert!(
                page.contains(&format!("\nStatus {}.\n", code.status())),
                "{}",
                code.as_str()
            );
            for part in ["\n## What happened\n", "\n## What to do\n"] {
                assert!(page.contains(part), "{}: {part}", code.as_str());
            }
        }
    }

    #[test]
    fn every_page_has_a_code() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let code = name.strip_suffix(".md").unwrap();
            assert!(code == "README" || Code::named(code).is_some(), "{name}");
        }
    }

    #[test]
    fn every_refusal_of_the_domain_has_a_code() {
        // The domain's own list, so that a code added there is noticed here.
        let text = include_str!("../../core/domain/src/rejection.rs");
        let body = text.split("pub fn code(&self)").nth(1).unwrap();
        let body = body.split("pub fn kind(&self)").next().unwrap();
        let codes: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
        assert!(codes.len() > 10);
        for code in codes {
            assert!(Code::named(code).is_some(), "{code}");
        }
    }
}
