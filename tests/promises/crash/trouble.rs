//! What goes wrong with the service meanwhile.

use std::time::Duration;

use openmail_sandbox::{Fault, Operation, Sandbox};
use rand::Rng;
use rand::rngs::StdRng;

/// So many faults that have yet to come about are enough: where every attempt fails, nothing happens any more.
const ENOUGH: usize = 6;

/// What must not go wrong for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spared {
    Nothing,
    /// The socket, which is otherwise away for most of the time.
    TheSocket,
    /// The order in which mails arrive.
    TheOrder,
}

impl Spared {
    fn spares(self, kind: u32) -> bool {
        match self {
            Self::Nothing => false,
            Self::TheSocket => matches!(kind, 0..=2 | 18 | 19),
            Self::TheOrder => matches!(kind, 5..=7 | 15 | 18),
        }
    }
}

/// Orders some of everything that production has, for the next times it can come about.
pub(super) fn order(sandbox: &Sandbox, random: &mut StdRng, spared: Spared) {
    if sandbox.look(|world| world.outstanding_faults()) >= ENOUGH {
        return;
    }
    for _ in 0..random.random_range(1..=3) {
        let times = random.random_range(1..=2);
        match random.random_range(0..20) {
            kind if spared.spares(kind) => {}
            0 | 1 => sandbox.drop_sockets(),
            2 => sandbox.close_sockets(1001),
            kind => drop(sandbox.fault_next(times, fault(kind, random))),
        }
    }
}

fn fault(kind: u32, random: &mut StdRng) -> Fault {
    match kind {
        3 | 4 => Fault::DuplicateEvent,
        5 | 6 => Fault::SwapEvents,
        7 => Fault::LoseEvent,
        8 | 9 => Fault::send_answer_lost(),
        10 => Fault::send_limited(Duration::from_secs(random.random_range(1..=3))),
        11 => Fault::send_refused(500, "internal_error"),
        12 => Fault::ProxyError { on: Some(Operation::SendEmail), status: 502 },
        13 => Fault::LoseRequest { on: Some(Operation::SendEmail) },
        14 => Fault::SlowAnswer {
            on: Some(Operation::SendEmail),
            by: Duration::from_millis(random.random_range(20..=400)),
        },
        15 => Fault::LagRow { reads: Some(random.random_range(1..=2)) },
        16 => Fault::LoseAnswer { on: Some(Operation::GetThreadMessages) },
        17 => Fault::refuse(Operation::ListMessages, 503, "unavailable"),
        18 => Fault::RefuseCursor,
        _ => Fault::CutSocket,
    }
}
