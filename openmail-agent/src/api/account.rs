use super::{Client, Result};
use crate::model::Me;
use crate::wire::row;

impl Client {
    /// Whom the key belongs to, and how far it reaches.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`](super::ErrorKind::Unauthorized) when the key is not accepted; else as every call.
    pub async fn me(&self) -> Result<Me> {
        self.get(&["me"])?.answer(row::me).await
    }
}
