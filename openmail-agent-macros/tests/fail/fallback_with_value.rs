use openmail_agent::prelude::*;

#[mail_handler(fallback = true)]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
