use std::any::TypeId;
use std::fmt;

use crate::model::{BoxError, EventKind};

use super::Context;
use super::error::GivenUp;

/// What can be an argument of a handler.
///
/// Implement it for your own types to have them made before your handler runs:
///
/// ```
/// # use openmail_agent::handler::{Context, FromContext, Mail, Needs, Rejection};
/// struct OrderNumber(u64);
///
/// impl FromContext for OrderNumber {
///     async fn from_context(context: &Context) -> Result<Self, Rejection> {
///         let mail = Mail::from_context(context).await?;
///         let digits: String = mail.subject().chars().filter(char::is_ascii_digit).collect();
///         digits.parse().map(Self).map_err(|_| Rejection::absent("no order number in the subject"))
///     }
///
///     fn needs(needs: &mut Needs) {
///         Mail::needs(needs);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a mail handler",
    label = "not an extractor",
    note = "arguments are owned: `Mail`, `Thread`, `Inbox`, `State<T>`, `Memory<T>`, `ReplyContext`, `Compose`, `Attachments`, `Lifecycle`, `SendFailure`, `Attempt`, `Cancelled`, or your own type that implements `FromContext`"
)]
pub trait FromContext: Sized + Send {
    /// Makes it from what is known of the event.
    fn from_context(context: &Context) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// Says at registration what it will need, so that what is missing is found at start and not at the first mail.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// What is there or not is an `Option`; a real failure stays one.
impl<T: FromContext> FromContext for Option<T> {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        match T::from_context(context).await {
            Ok(value) => Ok(Some(value)),
            Err(rejection) if rejection.is_absence() => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.optional::<T>();
    }
}

/// Lets the handler see for itself why there is none.
impl<T: FromContext> FromContext for Result<T, Rejection> {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        Ok(T::from_context(context).await)
    }

    fn needs(needs: &mut Needs) {
        needs.optional::<T>();
    }
}

/// Why an argument could not be made. Handed on by `?`, it says itself whether another try is of use.
#[derive(Debug)]
#[must_use = "it rejects only where it is returned"]
pub struct Rejection {
    absence: bool,
    source: BoxError,
}

impl Rejection {
    /// It is not there, and will not be on another try: the handler gives up, or sees `None`.
    pub fn absent(what: impl Into<String>) -> Self {
        Self { absence: true, source: what.into().into() }
    }

    /// It could not be had this time: the handler is tried again.
    pub fn failed(error: impl Into<BoxError>) -> Self {
        Self { absence: false, source: error.into() }
    }

    /// Whether it is simply not there.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.absence
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.absence {
            true => fmt::Display::fmt(&self.source, f),
            false => f.write_str("an argument of the handler could not be made"),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(if self.absence { &GivenUp } else { &*self.source })
    }
}

/// What the arguments of a handler will need, collected when it is registered.
#[derive(Debug, Default, Clone)]
pub struct Needs {
    states: Vec<StateNeed>,
    payloads: Vec<PayloadKind>,
    thread: bool,
}

/// A state that a handler will ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateNeed {
    pub(crate) type_id: TypeId,
    /// For the message.
    pub(crate) type_name: &'static str,
}

/// What an event must carry for an argument to be made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadKind {
    /// A mail.
    Mail,
    /// News of an inbox or pod.
    Lifecycle,
    /// A reply that failed.
    SendFailure,
    /// One inbox, which it is about.
    Inbox,
}

impl PayloadKind {
    /// Whether events of this kind carry it.
    pub(crate) fn comes_with(self, kind: &EventKind) -> bool {
        match self {
            Self::Mail => *kind == EventKind::MESSAGE_RECEIVED,
            Self::SendFailure => *kind == EventKind::REPLY_FAILED,
            Self::Inbox => !kind.as_str().starts_with("pod."),
            Self::Lifecycle => [
                EventKind::INBOX_SUSPENDED,
                EventKind::INBOX_REACTIVATED,
                EventKind::POD_SUSPENDED,
                EventKind::POD_REACTIVATED,
            ]
            .contains(kind),
        }
    }
}

impl Needs {
    /// A value of this type given to the runtime with `state`.
    pub fn state<T: 'static>(&mut self) {
        self.states.push(StateNeed { type_id: TypeId::of::<T>(), type_name: std::any::type_name::<T>() });
    }

    /// An event that carries this.
    pub fn payload(&mut self, payload: PayloadKind) {
        self.payloads.push(payload);
    }

    /// The conversation of the mail. It is read before a handler runs, and kept for one that says so; for any other that asks for it, it
    /// is read again.
    pub fn thread(&mut self) {
        self.thread = true;
    }

    /// What an argument needs that is made where it can be: nothing that must be there.
    fn optional<T: FromContext>(&mut self) {
        let mut needs = Self::default();
        T::needs(&mut needs);
        self.thread |= needs.thread;
    }

    pub(crate) fn states(&self) -> &[StateNeed] {
        &self.states
    }

    pub(crate) fn has_thread(&self) -> bool {
        self.thread
    }

    pub(crate) fn payloads(&self) -> &[PayloadKind] {
        &self.payloads
    }
}
