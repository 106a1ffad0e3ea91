use std::time::Duration;

use serde::Deserialize;

use crate::model::{Fault, Operation};

/// A fault as `POST /sandbox/faults` takes it. Those of requests strike sends, unless they are an outage.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Order {
    RefuseUpgrade { status: u16 },
    CutSocket {},
    CloseSocket { code: u16 },
    DeafSocket {},
    RefuseCursor {},
    FreezeSockets {},
    DuplicateEvent {},
    LoseEvent {},
    HoldEvent {},
    SwapEvents {},
    LagRow { reads: Option<u32> },
    RefuseMail { status: u16 },
    SendLimited { retry_after: u64 },
    SendRefused { status: u16, code: String },
    ProxyError { status: u16 },
    LoseRequest {},
    LoseAnswer {},
    SlowAnswer { seconds: u64 },
    Outage {},
}

impl From<Order> for Fault {
    fn from(order: Order) -> Self {
        let on = Some(Operation::SendEmail);
        match order {
            Order::RefuseUpgrade { status } => Self::RefuseUpgrade { status },
            Order::CutSocket {} => Self::CutSocket,
            Order::CloseSocket { code } => Self::CloseSocket { code },
            Order::DeafSocket {} => Self::DeafSocket,
            Order::RefuseCursor {} => Self::RefuseCursor,
            Order::FreezeSockets {} => Self::FreezeSockets,
            Order::DuplicateEvent {} => Self::DuplicateEvent,
            Order::LoseEvent {} => Self::LoseEvent,
            Order::HoldEvent {} => Self::HoldEvent,
            Order::SwapEvents {} => Self::SwapEvents,
            Order::LagRow { reads } => Self::LagRow { reads },
            Order::RefuseMail { status } => Self::RefuseMail { status },
            Order::SendLimited { retry_after } => Self::send_limited(Duration::from_secs(retry_after)),
            Order::SendRefused { status, code } => Self::send_refused(status, code),
            Order::ProxyError { status } => Self::ProxyError { on, status },
            Order::LoseRequest {} => Self::LoseRequest { on },
            Order::LoseAnswer {} => Self::LoseAnswer { on },
            Order::SlowAnswer { seconds } => Self::SlowAnswer { on, by: Duration::from_secs(seconds) },
            Order::Outage {} => Self::LoseRequest { on: None },
        }
    }
}

/// What a fault does, in a line.
pub(crate) fn describe(fault: &Fault) -> String {
    let on = |on: &Option<Operation>| match on {
        None => "any request".to_owned(),
        Some(Operation::SendEmail) => "a send".to_owned(),
        Some(operation) => operation.name().to_owned(),
    };
    match fault {
        Fault::RefuseUpgrade { status } => format!("a new socket is refused with {status}"),
        Fault::CutSocket => "a new socket dies at once".into(),
        Fault::CloseSocket { code } => format!("a new socket is closed with {code}"),
        Fault::DeafSocket => "a subscribe is not heard".into(),
        Fault::RefuseCursor => "a cursor is refused".into(),
        Fault::FreezeSockets => "sockets are frozen".into(),
        Fault::DuplicateEvent => "an event comes twice".into(),
        Fault::LoseEvent => "an event is lost".into(),
        Fault::HoldEvent => "an event waits".into(),
        Fault::SwapEvents => "an event overtakes another".into(),
        Fault::LagRow { .. } => "a mail's row lags".into(),
        Fault::RefuseMail { status } => format!("a recipient over SMTP is refused with {status}"),
        Fault::Refuse { on: of, status, code, .. } => format!("{} is refused with {status} {code}", on(of)),
        Fault::ProxyError { on: of, status } => format!("{} meets a proxy's {status}", on(of)),
        Fault::LoseRequest { on: of } => format!("{} is cut off", on(of)),
        Fault::LoseAnswer { on: of } => format!("{} is obeyed, its answer lost", on(of)),
        Fault::SlowAnswer { on: of, by } => format!("{} is answered {} s late", on(of), by.as_secs()),
    }
}
