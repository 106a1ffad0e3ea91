use openmail_agent::prelude::*;

#[mail_handler(event = "Received")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
