use openmail_agent::prelude::*;

#[mail_handler(timeout = "soon")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
