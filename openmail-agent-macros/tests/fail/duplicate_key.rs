use openmail_agent::prelude::*;

#[mail_handler(inbox = "inb_1", inbox = "inb_2")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
