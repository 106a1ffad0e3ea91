//! How much may be sent, decided from a ledger, the quotas and the time: no I/O, no clock.

mod quota;

pub use quota::{Allowance, Lesson, Quotas};
