//! What goes wrong with the service meanwhile.

use std::time::Duration;

use openmail_sandbox::{Fault, Operation, Sandbox};
use rand::Rng;
use rand::rngs::StdRng;

/// So many faults that have yet to come about are enough: where every attempt fails, nothing happens any more.
const ENOUGH: usize = 6;

/// Whether the socket breaks as well: then it is away for most of the time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Socket {
    Breaks,
    Stays,
}

/// Orders some of everything that production has, for the next times it can come about.
pub(super) fn order(sandbox: &Sandbox, random: &mut StdRng, socket: Socket) {
    if sandbox.look(|world| world.outstanding_faults()) >= ENOUGH {
        return;
    }
    let kinds = match socket {
        Socket::Breaks => 0..20,
        Socket::Stays => 5..18,
    };
    for _ in 0..random.random_range(1..=3) {
        let times = random.random_range(1..=2);
        match random.random_range(kinds.clone()) {
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
