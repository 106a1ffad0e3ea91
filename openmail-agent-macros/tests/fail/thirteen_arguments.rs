use openmail_agent::prelude::*;

#[mail_handler]
async fn support(
    _1: Attempt,
    _2: Attempt,
    _3: Attempt,
    _4: Attempt,
    _5: Attempt,
    _6: Attempt,
    _7: Attempt,
    _8: Attempt,
    _9: Attempt,
    _10: Attempt,
    _11: Attempt,
    _12: Attempt,
    _13: Attempt,
) {
}

fn main() {
    let _ = handlers![support];
}
