use openmail_agent::prelude::*;

#[mail_handler(event = "inbox.suspended", from = "example.com")]
async fn support(_event: Lifecycle) {}

fn main() {
    let _ = handlers![support];
}
