use openmail_agent::prelude::*;

#[mail_handler(inbox = ["$id", "$my-inbox"])]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
