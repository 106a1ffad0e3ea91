/// Collects handlers that were declared with [`#[mail_handler]`](macro@crate::mail_handler), by their names or paths.
///
/// ```
/// use openmail_agent::prelude::*;
///
/// mod billing {
///     use openmail_agent::prelude::*;
///
///     #[mail_handler(subject = "*invoice*")]
///     pub async fn invoices(mail: Mail) {}
/// }
///
/// #[mail_handler]
/// async fn everything_else(mail: Mail) {}
///
/// let routes: Vec<Route> = handlers![billing::invoices, everything_else];
/// assert_eq!(routes.len(), 2);
/// ```
///
/// `expected type, found function` (E0573) says that the function lacks its `#[mail_handler]`. That a name is defined twice (E0255) is said
/// of `use support::support;` beside `mod support;`: name such a handler by its path, `handlers![support::support]`.
#[macro_export]
macro_rules! handlers {
    ($($handler:path),* $(,)?) => {
        $crate::__private::Vec::<$crate::Route>::from([$(<$handler as $crate::__private::DeclaredHandler>::route()),*])
    };
}
