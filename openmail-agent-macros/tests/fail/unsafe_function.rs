use openmail_agent::prelude::*;

#[mail_handler]
async unsafe fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
