//! What the code that `#[mail_handler]` and `handlers!` write refers to. Not for use by hand, and free to change.

pub use std::time::Duration;
pub use std::vec::Vec;

use crate::handler::FromContext;
pub use crate::router::Route;

/// A handler that `#[mail_handler]` has declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a declared mail handler",
    label = "not declared with `#[mail_handler]`",
    note = "put `#[mail_handler]` on the function, or give it to the runtime as a `Route`"
)]
pub trait DeclaredHandler {
    /// The handler with what it is for.
    fn route() -> Route;
}

/// Holds that a type can be an argument.
pub fn assert_argument<T: FromContext>() {}
