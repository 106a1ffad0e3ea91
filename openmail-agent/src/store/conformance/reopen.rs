use super::Backend;

pub(super) async fn run<B: Backend>(_make: &impl Fn() -> B) {}
