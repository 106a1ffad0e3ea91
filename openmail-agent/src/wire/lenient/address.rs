use std::borrow::Cow;
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
        Ok(match Texts::deserialize(deserializer)? {
            Texts::None => Self::default(),
            Texts::One(text) => Self::read(&text),
            // Whoever made an array of the header may have parted a name at its comma.
            Texts::Array(texts) => Self::read(&texts.join(", ")),
        })
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Texts::deserialize(deserializer)? {
            Texts::None => Vec::new(),
            Texts::One(text) => Self::read(&text),
            Texts::Array(texts) => texts.iter().flat_map(|text| Self::read(text)).collect(),
        }))
    }
}

/// A text, or an array of texts.
#[derive(Default)]
enum Texts<'a> {
    #[default]
    None,
    One(Cow<'a, str>),
    Array(Vec<Cow<'a, str>>),
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("addresses")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Texts::One(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Texts::One(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = seq.next_element::<Text<'_>>()? {
            texts.extend(entry.into_inner());
        }
        Ok(Texts::Array(texts))
    }

    absent!(null bool number object);
}
