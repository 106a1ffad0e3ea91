use openmail_agent::prelude::*;

#[mail_handler(name = "")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
