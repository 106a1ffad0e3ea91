//! `record` and `replay`, as processes, on real sockets.

mod process;
mod record;
mod refusals;
mod replay;
