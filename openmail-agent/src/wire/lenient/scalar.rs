use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::model::Secret;

use super::absent;

/// Text, or a number written without quotes, as some deployments write ids.
#[derive(Debug, Default, Clone)]
pub(in crate::wire) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    pub(in crate::wire) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(super) fn into_inner(self) -> Option<Cow<'a, str>> {
        self.0
    }

    /// The text, where it was sent at all; it may be empty.
    pub(in crate::wire) fn owned(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }

    /// An id or the like: absent when empty.
    pub(in crate::wire) fn id<T: for<'t> From<&'t str>>(self) -> Option<T> {
        id(self.as_deref())
    }

    pub(in crate::wire) fn secret(self) -> Option<Secret> {
        self.0.map(|text| Secret::new(&text)).filter(|secret| !secret.is_empty())
    }

    /// The moment it names; absent when it names none.
    pub(in crate::wire) fn timestamp(&self) -> Option<Timestamp> {
        timestamp(self.as_deref())
    }

    /// The value of an enumeration by its name, in any case.
    pub(in crate::wire) fn named<T: for<'de> Deserialize<'de>>(&self) -> Option<T> {
        let name = self.as_deref()?.trim().to_ascii_lowercase();
        let deserializer = StrDeserializer::<serde::de::value::Error>::new(&name);
        (!name.is_empty()).then(|| T::deserialize(deserializer).ok()).flatten()
    }
}

/// An id or the like, as [`Text::id`].
pub(in crate::wire) fn id<T: for<'t> From<&'t str>>(text: Option<&str>) -> Option<T> {
    text.filter(|text| !text.trim().is_empty()).map(T::from)
}

/// The moment that is named, as [`Text::timestamp`].
pub(in crate::wire) fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    text?.trim().parse().ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    absent!(null bool list object);
}

/// A count or a size.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::wire) struct Number(pub(in crate::wire) Option<u64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Number(Some(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Number(u64::try_from(number).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Number(text.trim().parse().ok()))
    }

    absent!(null bool list object);
}

/// Yes, no, or not told.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::wire) struct Flag(pub(in crate::wire) Option<bool>);

impl Flag {
    pub(in crate::wire) fn or(self, other: Self) -> Option<bool> {
        self.0.or(other.0)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Flag(Some(flag)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Flag((number <= 1).then_some(number == 1)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Flag(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Flag(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Flag(text.trim().to_ascii_lowercase().parse().ok()))
    }

    absent!(null list object);
}
