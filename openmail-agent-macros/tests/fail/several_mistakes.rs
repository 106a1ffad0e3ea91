use openmail_agent::prelude::*;

#[mail_handler(inbx = "inb_1", timeout = 30, retries = "3")]
fn support(_mail: &Mail) {}

fn main() {
    let _ = handlers![support];
}
