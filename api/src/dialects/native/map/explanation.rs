//! Explanations.

use fasti_replay::explain;

use super::super::wire;

/// As it is answered.
pub(crate) fn explanation(explanation: explain::Explanation) -> wire::Explanation {
    let cause = |cause: explain::Cause| wire::Cause {
        seq: cause.seq.map(|seq| seq.0),
        at: cause.at.map(|at| at.to_string()),
        text: cause.text,
    };
    wire::Explanation {
        about: explanation.about,
        as_of_seq: explanation.as_of.0,
        answer: explanation.answer,
        causes: explanation.causes.into_iter().map(cause).collect(),
    }
}
