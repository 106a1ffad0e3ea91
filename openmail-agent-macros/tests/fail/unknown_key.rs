use openmail_agent::prelude::*;

#[mail_handler(inboxes = "inb_1")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
