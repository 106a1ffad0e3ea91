use crate::model::BoxError;

use super::collected::Collected;
use super::{Error, Reply};

/// What a handler came to: the replies it gives back, or why it failed.
///
/// As the layers around a handler see it, it carries all that the call has given: what was drafted through
/// [`ReplyContext`](super::ReplyContext) and [`Compose`](super::Compose), and what a [`Memory`](super::Memory) remembers. An
/// outcome made in its place carries none of that.
#[derive(Debug)]
#[must_use = "an outcome is what is committed, where it is returned"]
pub struct Outcome(Result<Success, Error>);

#[derive(Debug, Default)]
struct Success {
    replies: Vec<Reply>,
    collected: Collected,
}

impl Outcome {
    /// Handled, with nothing to say.
    pub fn done() -> Self {
        Self(Ok(Success::default()))
    }

    /// Handled, with a reply.
    pub fn reply(reply: Reply) -> Self {
        Self(Ok(Success { replies: vec![reply], ..Success::default() }))
    }

    /// Failed; the error says whether it is tried again.
    pub fn failed(error: impl Into<Error>) -> Self {
        Self(Err(error.into()))
    }

    /// The replies that were given back, whatever was drafted besides; none where it failed.
    pub fn replies(&self) -> &[Reply] {
        self.0.as_ref().map_or(&[], |success| &success.replies)
    }

    /// What the handler failed with, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.0.as_ref().err()
    }

    /// The replies, or the failure.
    ///
    /// # Errors
    ///
    /// What the handler failed with.
    pub fn into_result(self) -> Result<Vec<Reply>, Error> {
        self.0.map(|success| success.replies)
    }

    /// The same with the replies changed that were given back, and all else that it carries.
    ///
    /// What was drafted through [`ReplyContext::reply`](super::ReplyContext::reply) or [`Compose`](super::Compose) stays as it is, and what
    /// [`reply_now`](super::ReplyContext::reply_now) sent is gone: a layer that is to see every word that leaves fits handlers that only
    /// give replies back.
    pub fn map_replies(self, change: impl FnMut(Reply) -> Reply) -> Self {
        Self(self.0.map(|Success { replies, collected }| Success {
            replies: replies.into_iter().map(change).collect(),
            collected,
        }))
    }

    /// The same with what was given around it, which it fails with where that failed.
    pub(super) fn within(self, mut around: Collected) -> Self {
        Self(self.0.and_then(|Success { replies, collected }| {
            around.extend(collected);
            around.take_failure().map_or(Ok(Success { replies, collected: around }), Err)
        }))
    }

    /// The replies and what goes along with them, or the failure.
    pub(super) fn into_parts(self) -> Result<(Vec<Reply>, Collected), Error> {
        self.0.map(|success| (success.replies, success.collected))
    }

    /// Whether the handler failed.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

/// What a handler may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something a mail handler can return",
    label = "not an outcome",
    note = "return `()`, `Reply`, `String`, an `Option` of these, or a `Result` of these whose error implements `std::error::Error`"
)]
pub trait IntoOutcome {
    /// Makes it an outcome.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Outcome::done()
    }
}

impl IntoOutcome for Reply {
    fn into_outcome(self) -> Outcome {
        Outcome::reply(self)
    }
}

impl IntoOutcome for String {
    fn into_outcome(self) -> Outcome {
        Outcome::reply(Reply::text(self))
    }
}

impl IntoOutcome for &'static str {
    fn into_outcome(self) -> Outcome {
        Outcome::reply(Reply::text(self))
    }
}

impl<T: IntoOutcome> IntoOutcome for Option<T> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(Outcome::done, IntoOutcome::into_outcome)
    }
}

impl<T: IntoOutcome, E: Into<BoxError>> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(value) => value.into_outcome(),
            Err(error) => Outcome::failed(Error::from_boxed(error)),
        }
    }
}
