//! The dialects spoken over HTTP, each with its own wire types, errors and paging.

pub(crate) mod datature;
pub(crate) mod native;
pub(crate) mod rescale_htc;
pub(crate) mod scale_v6;

use warp::reply::Response;

use crate::errors::Problem;

/// A refusal in the words of the dialect that a path belongs to.
pub(crate) fn refusal(path: &str, problem: Problem, trace_id: &str) -> Response {
    if datature::is_ours(path) {
        return datature::into_response(&problem);
    }
    if rescale_htc::is_own(path) {
        return rescale_htc::respond(problem);
    }
    if scale_v6::is_own(path) {
        return scale_v6::refused(&problem);
    }
    problem.into_response(Some(trace_id))
}

/// Whether a path is of our own interface, not of one that other services have.
pub(crate) fn is_native(path: &str) -> bool {
    !datature::is_ours(path) && !rescale_htc::is_own(path) && !scale_v6::is_own(path)
}

/// Whether a path needs no key, or is of a dialect that says in its own way who asks.
pub(crate) fn is_open(path: &str) -> bool {
    native::is_open(path) || datature::is_open(path) || rescale_htc::is_own(path)
}
