//! The attribute macro of `openmail-agent`.
//!
//! Use it through `openmail_agent`, which the code it writes names.

mod check;
mod expand;
mod function;
mod mistakes;
mod settings;

use proc_macro::TokenStream;

/// Makes an `async fn` a mail handler, to be collected with `handlers!`.
///
/// The function stays as it is and can be called, in a unit test for example. Beside it goes what it is for:
///
/// ```
/// use openmail_agent::prelude::*;
///
/// /// Answers customers.
/// #[mail_handler(inbox = "support@acme.openmail.sh", timeout = "2m")]
/// async fn support(mail: Mail) -> Result<Reply> {
///     Ok(Reply::text(format!("We read your mail about {:?}.", mail.subject())))
/// }
///
/// let routes = handlers![support];
/// assert_eq!(routes[0].name(), "support");
/// ```
///
/// The first paragraph of its documentation is its description in the log at start. Without any key it takes every mail
/// of every inbox.
///
/// # Keys
///
/// All are optional. Those marked with * take several values, `inbox = ["inb_1", "inb_2"]`, and mean any of them.
///
/// | key | example | |
/// |---|---|---|
/// | `inbox` * | `inbox = "support@acme.openmail.sh"` | serves this inbox only: an address, an id such as `"inb_8f3a"`, or `"$name"` for one that the configuration binds |
/// | `external_id` * | `external_id = "user_abc123"` | serves the inboxes to which the account gave this name |
/// | `pod` * | `pod = "pod_1"` | serves the inboxes of this pod, later ones too |
/// | `event` * | `event = "inbox.suspended"` | takes events of this kind instead of mail; suspensions are announced over webhooks only |
/// | `from` * | `from = "example.com"` | takes mail from this domain, or address: `"ada@example.com"` |
/// | `subject` * | `subject = "*invoice*"` | takes mail with such a subject |
/// | `fallback` | `fallback` | takes only what no other handler takes |
/// | `timeout` | `timeout = "90s"` | how long one try may take; five minutes if not said |
/// | `retries` | `retries = 2` | how many further tries there are after a failure; 10 if not said, over 26 to 51 minutes |
/// | `concurrency` | `concurrency = 4` | how many mails it works on at once |
/// | `name` | `name = "billing-support"` | its name in the log and the store, which no other handler of the program may have; that of the function if not said |
/// | `crate` | `crate = "my_framework::openmail_agent"` | where this crate is found, under another name or in a crate that hands it on |
///
/// The name is part of what makes a reply unique: a handler that is renamed while a mail waits for its next try may answer that mail a
/// second time.
///
/// `inbox`, `external_id` and `pod` exclude each other. Who is asked first when several handlers fit, and what patterns
/// mean, is told in `openmail_agent::router`.
///
/// ```
/// use openmail_agent::prelude::*;
///
/// /// Looks into questions about invoices.
/// #[mail_handler(
///     inbox = ["$support", "$sales"],
///     from = "example.com",
///     subject = ["*invoice*", "*bill*"],
///     timeout = "1h 30m",
///     retries = 2,
///     concurrency = 4
/// )]
/// async fn invoices(mail: Mail, ctx: ReplyContext) -> Result<Option<Reply>> {
///     Ok(mail.new_text().is_empty().then(|| Reply::text("Your mail was empty.")))
/// }
///
/// /// Told when an inbox is cut off, and when it comes back.
/// #[mail_handler(event = ["inbox.suspended", "inbox.reactivated"])]
/// async fn standing(event: Lifecycle) {}
///
/// /// Takes what nobody else takes.
/// #[mail_handler(fallback)]
/// async fn rest(mail: Mail) {}
///
/// assert_eq!(handlers![invoices, standing, rest].len(), 3);
/// ```
///
/// # The function
///
/// It is an `async fn` without generics, of at most twelve arguments, each owned. What can be an argument and what can be a
/// result is told in `openmail_agent::handler`; one that cannot is reported on itself.
///
/// Beside it stands a hidden type of the same name, by which `handlers!` finds the route. So `mod support;` and
/// `use support::support;` do not go together (E0255: the name is defined twice): write `handlers![support::support]`, without the `use`.
#[proc_macro_attribute]
pub fn mail_handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::mail_handler(arguments.into(), item.into()).into()
}
