use openmail_agent::prelude::*;

#[mail_handler(retries = "3")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
