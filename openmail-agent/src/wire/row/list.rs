use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::Page;
use crate::wire::lenient::{List, Number, Object};

/// A list as `{"data": […], "total": n}`, under the resource's own name, or bare.
pub(super) struct Rows<T> {
    rows: Vec<Object<T>>,
    total: Option<u64>,
}

impl<T> Rows<T> {
    /// The rows that can be read, and how many cannot.
    pub(super) fn into_page<M>(self, read: impl Fn(T) -> Option<M>) -> Page<M> {
        let rows = self.rows.len();
        let items: Vec<M> = self.rows.into_iter().filter_map(|row| row.0).filter_map(read).collect();
        let unreadable = rows - items.len();
        Page { items, total: self.total, unreadable }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
    type Value = Rows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            rows.push(row);
        }
        Ok(Rows { rows, total: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut list: Option<Vec<Object<T>>> = None;
        let mut total = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "data" | "inboxes" | "messages" | "threads" | "pods" | "apiKeys" | "api_keys" | "keys" => {
                    let List(rows) = map.next_value()?;
                    list = list.filter(|earlier| !earlier.is_empty()).or(Some(rows));
                }
                "total" => total = map.next_value::<Number>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // An object without any list is another answer altogether: to take it for "nothing there" would lose mail.
        let rows = list.ok_or_else(|| serde::de::Error::missing_field("data"))?;
        Ok(Rows { rows, total })
    }
}
