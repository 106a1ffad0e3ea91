use openmail_agent::prelude::*;

#[mail_handler(inbox = "Support <support@acme.openmail.sh>")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
