use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::api;
use crate::model::{BoxError, Chain};

/// The longest that the service's word on when to call again is followed: whatever stands in front of it may say anything.
const SERVICE_MOST: Duration = Duration::from_secs(60 * 60);

/// The result of a handler, and of `main`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error, made by `?` from whatever failed.
///
/// A handler that returns one is tried again with growing pauses, until its retries are used up and the mail becomes a dead
/// letter. [`GiveUp`] and [`RetryAfter`], anywhere in the chain of causes, say otherwise; so does an [`api::Error`] that says
/// when to call again.
///
/// It does not implement [`std::error::Error`] itself, which is what lets `?` make it from everything that does.
pub struct Error(BoxError);

impl Error {
    /// An error from a message.
    #[must_use]
    pub fn msg(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }

    /// Makes an error of a boxed one, or of anything that converts into one, such as an `anyhow::Error`. `?` cannot, since neither implements
    /// [`std::error::Error`].
    ///
    /// ```
    /// # use openmail_agent::handler::{Error, Result};
    /// # fn ask_model() -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> { Ok(String::new()) }
    /// fn answer() -> Result<String> {
    ///     ask_model().map_err(Error::from_boxed)
    /// }
    /// ```
    #[must_use]
    pub fn from_boxed(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }

    /// What it says of trying again.
    #[must_use]
    pub fn verdict(&self) -> RetryVerdict {
        self.chain().find_map(RetryVerdict::read).unwrap_or(RetryVerdict::Retry)
    }

    /// The error and its causes, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let outermost: &(dyn StdError + 'static) = &*self.0;
        std::iter::successors(Some(outermost), |error| (*error).source())
    }

    /// The error of this type, if that is what it is.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// For a `main` that returns a `Box<dyn std::error::Error>`.
impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// The whole chain in one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chain = self.chain();
        if let Some(first) = chain.next() {
            write!(f, "{first}")?;
        }
        chain.try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// As `Display`, since `main` prints a returned error this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a failed handler asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryVerdict {
    /// Try again with growing pauses.
    Retry,
    /// Try again after this long.
    After(Duration),
    /// Never again: the mail becomes a dead letter.
    Never,
}

impl RetryVerdict {
    fn read(error: &(dyn StdError + 'static)) -> Option<Self> {
        if error.is::<GiveUp>() || error.is::<GivenUp>() {
            return Some(Self::Never);
        }
        // That the service will never do it says nothing of the handler: another key, or another try, may go another way.
        if let Some(api::Retry::After(wait)) = error.downcast_ref().map(api::Error::retry) {
            return Some(Self::After(wait.min(SERVICE_MOST)));
        }
        let asked = error.downcast_ref::<RetryAfter>().map(|after| &after.asked);
        asked.or_else(|| error.downcast_ref()).map(|asked| Self::After(asked.0))
    }
}

/// Says that trying again is of no use: the mail becomes a dead letter at once.
///
/// ```
/// # use openmail_agent::handler::{GiveUp, Reply, Result};
/// fn parse(order: &str) -> Result<u64> {
///     order.parse().map_err(|_| GiveUp::new("the order number is not a number").into())
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it gives up only where it is returned"]
pub struct GiveUp {
    reason: String,
    mark: GivenUp,
}

impl GiveUp {
    /// Gives up for this reason, which the operator reads.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), mark: GivenUp }
    }

    /// Gives up because of an error, which the operator reads with its causes.
    pub fn because(error: impl Into<BoxError>) -> Self {
        Self::new(Chain(&*error.into()).to_string())
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// The mark is the source, so that it is found even behind a wrapper that hides the type in front of it.
impl StdError for GiveUp {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.mark)
    }
}

/// What is left of a [`GiveUp`] where its type is hidden, and what says the same of other errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not to be tried again")
    }
}

impl StdError for GivenUp {}

/// Says when to try again, where the handler knows better than the growing pauses. It counts as a try like any other.
///
/// ```
/// # use std::time::Duration;
/// # use openmail_agent::handler::{Result, RetryAfter};
/// # struct Busy; impl Busy { fn seconds(&self) -> u64 { 30 } }
/// # fn ask() -> Result<String, Busy> { Err(Busy) }
/// fn answer() -> Result<String> {
///     ask().map_err(|busy| RetryAfter::new(Duration::from_secs(busy.seconds())).because("the model is busy"))
/// }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "it asks for another try only where it is returned"]
pub struct RetryAfter {
    asked: Asked,
}

impl RetryAfter {
    /// Asks for another try after this long.
    pub fn new(wait: Duration) -> Self {
        Self { asked: Asked(wait) }
    }

    /// Asks for it because of an error, which the operator reads with its causes.
    #[must_use]
    pub fn because(self, error: impl Into<BoxError>) -> Error {
        crate::model::Error::because(Chain(&*error.into()).to_string(), self).into()
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another try was asked for")
    }
}

/// As with [`GiveUp`].
impl StdError for RetryAfter {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.asked)
    }
}

#[derive(Debug, Clone, Copy)]
struct Asked(Duration);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}", humantime::format_duration(self.0))
    }
}

impl StdError for Asked {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Rejection;

    #[test]
    fn a_plain_error_asks_for_another_try() {
        assert_eq!(Error::msg("the model is busy").verdict(), RetryVerdict::Retry);
    }

    #[test]
    fn a_verdict_is_found_behind_other_errors() {
        let inner = crate::model::Error::because("outer", GiveUp::new("no such order"));
        assert_eq!(Error::from(inner).verdict(), RetryVerdict::Never);
        let later = Duration::from_secs(90);
        assert_eq!(Error::from(RetryAfter::new(later)).verdict(), RetryVerdict::After(later));
        let because = RetryAfter::new(later).because("the model is busy");
        assert_eq!(because.verdict(), RetryVerdict::After(later));
        assert_eq!(because.to_string(), "the model is busy: another try was asked for: in 1m 30s");
    }

    #[test]
    fn what_an_error_was_because_of_is_told_with_it() {
        let gone = || crate::model::Error::because(Plain, std::io::Error::other("no route to host"));
        assert_eq!(GiveUp::because(gone()).to_string(), "the model cannot be asked: no route to host");
        let after = RetryAfter::new(Duration::from_secs(90)).because(gone());
        assert!(after.to_string().starts_with("the model cannot be asked: no route to host: "), "{after}");
    }

    #[derive(Debug)]
    struct Plain;

    impl fmt::Display for Plain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the model cannot be asked")
        }
    }

    /// What `anyhow` makes of an error when it is boxed: its words and its cause, and no way to its type.
    #[derive(Debug)]
    struct Hidden(BoxError);

    impl fmt::Display for Hidden {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(&self.0, f)
        }
    }

    impl StdError for Hidden {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.0.source()
        }
    }

    #[test]
    fn a_verdict_is_found_behind_what_hides_its_type() {
        let never = Error::from(Hidden(GiveUp::new("no such order").into()));
        assert_eq!(never.verdict(), RetryVerdict::Never);
        let later = Duration::from_secs(90);
        let after = Error::from(Hidden(RetryAfter::new(later).into()));
        assert_eq!(after.verdict(), RetryVerdict::After(later));
    }

    #[test]
    fn this_crate_s_own_errors_say_what_they_mean() {
        assert_eq!(Error::from(Rejection::absent("no order number")).verdict(), RetryVerdict::Never);
        let failed = Rejection::failed(RetryAfter::new(Duration::from_secs(9)));
        assert_eq!(Error::from(failed).verdict(), RetryVerdict::After(Duration::from_secs(9)));
        assert_eq!(Error::from(Rejection::failed("away")).verdict(), RetryVerdict::Retry);
        let busy = |wait: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, wait.parse().unwrap());
            Error::from(api::from_answer(503, &headers, b"", jiff::Timestamp::UNIX_EPOCH)).verdict()
        };
        assert_eq!(busy("7"), RetryVerdict::After(Duration::from_secs(7)));
        assert_eq!(busy("86400"), RetryVerdict::After(SERVICE_MOST));
    }

    #[test]
    fn a_main_of_any_kind_takes_it_with_its_causes() {
        fn boxed() -> Result<(), Box<dyn StdError>> {
            Err(Error::from(GiveUp::new("no such order")))?
        }
        fn shared() -> Result<(), BoxError> {
            Err(Error::from(GiveUp::new("no such order")))?
        }
        fn back() -> Result<()> {
            shared().map_err(Error::from_boxed)
        }
        assert!(boxed().unwrap_err().is::<GiveUp>());
        assert!(shared().unwrap_err().is::<GiveUp>());
        assert_eq!(back().unwrap_err().verdict(), RetryVerdict::Never);
    }

    #[test]
    fn the_whole_chain_is_shown_once() {
        let error = Error::from(crate::model::Error::because("cannot answer", std::fmt::Error));
        assert_eq!(format!("{error}"), format!("cannot answer: {}", std::fmt::Error));
    }
}
