use openmail_agent::prelude::*;

#[mail_handler(from = "Ada <ada@example.com>")]
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
