use openmail_agent::prelude::*;

#[mail_handler(crate = "std")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
