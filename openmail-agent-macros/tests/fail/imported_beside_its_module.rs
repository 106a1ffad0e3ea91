use openmail_agent::prelude::*;

mod support {
    use openmail_agent::prelude::*;

    #[mail_handler]
    pub async fn support(_mail: Mail) {}
}

use support::support;

fn main() {
    let _ = handlers![support];
}
