use openmail_agent::prelude::*;

#[mail_handler]
async extern "C" fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
