use openmail_agent::prelude::*;

struct Support {}

fn main() {
    let _ = handlers![Support];
}
