//! The crate under another name, and handlers under names of their own.

mod my_framework {
    pub(crate) use ::openmail_agent as mail;
}

mod billing {
    use super::my_framework::mail::prelude::*;

    #[mail_handler(crate = "crate::elsewhere::my_framework::mail", name = "billing-support", timeout = "1s")]
    pub(crate) async fn support(_mail: Mail) -> Result<()> {
        Ok(())
    }
}

mod sales {
    use super::my_framework::mail as agent;

    #[agent::mail_handler(crate = "agent")]
    pub(crate) async fn support(_mail: agent::Mail) {}
}

#[test]
fn handlers_of_one_name_in_two_modules_get_names_of_their_own() {
    let routes = my_framework::mail::handlers![billing::support, sales::support];
    let names: Vec<_> = routes.iter().map(my_framework::mail::Route::name).collect();
    assert_eq!(names, ["billing-support", "support"]);
}
