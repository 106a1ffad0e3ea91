use openmail_agent::prelude::*;

#[mail_handler(concurrency = 0)]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
