use openmail_agent::prelude::*;

#[mail_handler(timeout = 30)]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
