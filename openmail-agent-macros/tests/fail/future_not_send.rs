use openmail_agent::prelude::*;

#[mail_handler]
async fn support(_mail: Mail) {
    let here = std::rc::Rc::new(7);
    std::future::ready(()).await;
    drop(here);
}

fn main() {
    let _ = handlers![support];
}
