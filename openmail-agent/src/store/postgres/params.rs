use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use super::pool::Params;

/// A parameter that says nothing of itself: the client writes all of them into its log, and they are mail.
struct Mute<'p>(&'p (dyn ToSql + Sync));

/// The parameters as they are handed to the client.
pub(super) fn mute<'p>(params: Params<'p>) -> impl ExactSizeIterator<Item = impl ToSql + Sync + 'p> + 'p {
    params.iter().map(|param| Mute(*param))
}

impl fmt::Debug for Mute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl ToSql for Mute<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    /// Whether it does is asked when it is written.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    fn encode_format(&self, ty: &Type) -> Format {
        self.0.encode_format(ty)
    }
}
