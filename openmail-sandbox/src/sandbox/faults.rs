use bytes::Bytes;

use super::Sandbox;
use crate::{
    model::{Drift, Fault, FaultId},
    world::{Frame, World},
};

impl Sandbox {
    /// Orders a fault that lasts until it is [lifted](Self::lift).
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared.change(|world| world.faults.order(fault, None))
    }

    /// Orders a fault for the next `times` occurrences. Faults of one kind strike in the order they were given.
    pub fn fault_next(&self, times: u32, fault: Fault) -> FaultId {
        self.shared.change(|world| world.faults.order(fault, Some(times)))
    }

    /// Ends a fault. Events it held back are sent.
    pub fn lift(&self, fault: FaultId) {
        self.shared.change(|world| world.lift_fault(fault));
    }

    /// Ends every fault. Held events are sent, lagging rows appear.
    pub fn lift_all(&self) {
        self.shared.change(World::lift_all_faults);
    }

    /// Makes every lagging row visible.
    pub fn release_rows(&self) {
        self.shared.change(World::release_rows);
    }

    /// Cuts every open socket at once, without a close frame.
    pub fn drop_sockets(&self) {
        self.shared.change(World::drop_sockets);
    }

    /// Closes every open socket with a code, after what is already on its way.
    pub fn close_sockets(&self, code: u16) {
        self.shared.change(|world| world.close_sockets(code));
    }

    /// Sends any text to every socket that has a confirmed subscription. Returns how many those are.
    pub fn send_raw_frame(&self, text: impl Into<String>) -> usize {
        self.to_sockets(|subscribed| subscribed, Frame::Text(text.into()))
    }

    /// Sends any bytes to every socket that has a confirmed subscription. Returns how many those are.
    pub fn send_raw_bytes(&self, bytes: impl Into<Bytes>) -> usize {
        self.to_sockets(|subscribed| subscribed, Frame::Binary(bytes.into()))
    }

    /// Makes the deployment differ from the contract in this way from now on.
    pub fn drift(&self, drift: Drift) {
        self.shared.change(|world| world.settings.drifts.insert(drift));
    }

    /// Brings the deployment back to the contract in this way.
    pub fn undrift(&self, drift: Drift) {
        self.shared.change(|world| world.settings.drifts.remove(&drift));
    }

    fn to_sockets(&self, which: impl Fn(bool) -> bool, frame: Frame) -> usize {
        self.shared.change(|world| {
            let chosen = world.connections.values_mut().filter(|c| which(!c.subscriptions.is_empty()));
            chosen.map(|connection| connection.push(frame.clone())).count()
        })
    }
}
