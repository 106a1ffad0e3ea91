//! The program around it all: settings, start-up, dispatch, supervision and a clean stop.
//!
//! This is the only floor that spawns tasks.

mod allowed_senders;
mod belonging;
mod builder;
mod call;
mod check;
mod config;
mod crew;
mod directory;
mod dispatch;
mod environment;
mod error;
mod finding;
mod heartbeat;
mod housekeeping;
mod hydrate;
mod intake;
mod listen;
#[cfg(any(test, feature = "testing"))]
mod rehearsal;
mod role;
mod running;
mod screen;
mod settle;
mod shutdown;
mod start;
mod supervise;
mod suspension;
mod unserved;
mod work;

pub use allowed_senders::AllowedSenders;
pub use builder::Runtime;
pub use config::{Config, StoreLocation};
pub use error::{RuntimeError, RuntimeErrorKind, SettingError, StartError};
#[cfg(any(test, feature = "testing"))]
pub(crate) use rehearsal::{Rehearsal, Stage};
pub use running::RunningRuntime;
pub use shutdown::stop_signal;
