use openmail_agent::prelude::*;

#[mail_handler(inbox = "inb_1", event = "pod.suspended")]
async fn support(_event: Lifecycle) {}

fn main() {
    let _ = handlers![support];
}
