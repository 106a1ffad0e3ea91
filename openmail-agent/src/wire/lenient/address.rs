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

/// Who wrote a mail, as a text or as an array, in which a name can look like more addresses.
#[derive(Debug, Default, Clone)]
pub(in crate::wire) struct Sender(pub(in crate::wire) Option<Address>);

impl Sender {
    pub(in crate::wire) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    fn read(text: &str) -> Self {
        Self(if text.len() > LONGEST { None } else { Address::sender(text) })
    }
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SenderVisitor)
    }
}

struct SenderVisitor;

impl<'de> Visitor<'de> for SenderVisitor {
    type Value = Sender;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sender")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Sender::read(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        // Whoever made an array of the header may have parted a name at its comma.
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element::<Text<'_>>()? {
            entries.extend(entry.owned());
        }
        Ok(Sender::read(&entries.join(", ")))
    }

    absent!(null bool number object);
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
