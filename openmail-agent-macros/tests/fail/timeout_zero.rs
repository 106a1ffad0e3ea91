use openmail_agent::prelude::*;

#[mail_handler(timeout = "0s")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
