//! How fast the runtime is, beside the bare parts it is made of: `cargo bench`, or `cargo bench -- socket` for one figure.
//!
//! This process plays the service and loads; what is measured runs in a process of its own, one after the other, so that no
//! figure depends on what was measured before it. Ratios are of figures of one run.

mod child;
mod figures;
mod sample;
mod service;
mod subject;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench").peekable();
    if args.next_if(|arg| arg == child::SUBJECT).is_some() {
        return subject::run(&args.collect::<Vec<_>>());
    }
    let wanted: Vec<_> = args.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the bench's own runtime starts").block_on(figures::measure(&wanted)).print();
    ExitCode::SUCCESS
}
