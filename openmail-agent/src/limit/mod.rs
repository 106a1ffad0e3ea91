//! How much may be sent, decided from a ledger, the quotas and the time: no I/O, no clock.

mod ledger;
mod loops;
mod pause;
mod quota;

pub use ledger::{CLOCKS_APART, Decision, Ledger, Slot};
pub use loops::LoopLimits;
pub(crate) use loops::{Loops, Partner};
pub use pause::Pause;
pub use quota::{Allowance, Lesson, Quotas};
