use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use crate::model::Address;

use super::{Text, absent};

/// The longest text that is read as addresses: a longer one is no list anybody wrote.
const LONGEST: usize = 256 * 1024;

/// Addresses as an array, as one text with commas, or not at all; what is not an address is left out.
#[derive(Debug, Default, Clone)]
pub(in crate::wire) struct Addresses(pub(in crate::wire) Vec<Address>);

impl Addresses {
    pub(in crate::wire) fn first(self) -> Option<Address> {
        self.0.into_iter().next()
    }

    pub(in crate::wire) fn or(self, other: Self) -> Self {
        if self.0.is_empty() { other } else { self }
    }

    fn read(text: &str) -> Vec<Address> {
        if text.len() > LONGEST { Vec::new() } else { Address::parse_list_lossy(text) }
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressesVisitor)
    }
}

struct AddressesVisitor;

impl<'de> Visitor<'de> for AddressesVisitor {
    type Value = Addresses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("addresses")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Addresses(Addresses::read(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut addresses = Vec::new();
        while let Some(entry) = seq.next_element::<Text<'_>>()? {
            addresses.extend(entry.as_deref().map(Addresses::read).unwrap_or_default());
        }
        Ok(Addresses(addresses))
    }

    absent!(null bool number object);
}
