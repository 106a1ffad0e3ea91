//! Handlers in modules and in functions, named by path and imported.

use openmail_agent::handlers;

mod desk {
    pub(crate) mod billing {
        use openmail_agent::prelude::*;

        #[mail_handler(subject = "*invoice*")]
        pub(crate) async fn invoices(_mail: Mail) {}
    }

    #[openmail_agent::mail_handler]
    pub(super) async fn support(_mail: openmail_agent::Mail) -> openmail_agent::Result<()> {
        Ok(())
    }

    #[openmail_agent::mail_handler]
    #[cfg(target_os = "none")]
    pub(super) async fn absent() {}
}

use desk::support;

#[test]
fn handlers_are_named_by_path_and_where_they_are_imported() {
    #[openmail_agent::mail_handler(fallback)]
    async fn rest() {}

    assert_eq!(handlers![desk::billing::invoices, support, crate::in_modules::desk::support, rest].len(), 4);
    assert!(handlers![].is_empty());
}
