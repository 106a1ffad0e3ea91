use openmail_agent::prelude::*;

/// Somebody forgot the attribute.
async fn support(_mail: Mail) {}

fn main() {
    let _ = handlers![support];
}
