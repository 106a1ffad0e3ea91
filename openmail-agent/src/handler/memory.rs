use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::ThreadId;
use crate::store::{Note, NoteScope};

use super::{Context, Error, FromContext, GiveUp, Needs, PayloadKind, Rejection};

/// What a conversation remembers from one mail to the next.
///
/// Starts as `T::default()`. What the handler changes is committed together with its replies when it succeeds, and
/// forgotten when it fails. It is found again by the name of the type without its modules, so renaming `T` starts anew, moving it does
/// not, and two types of one name share one place in a conversation; a field that is added needs
/// `#[serde(default)]`, or what was kept before cannot be read any more. It is kept for good: no retention applies to it.
///
/// ```
/// # use openmail_agent::handler::{Mail, Memory, Reply};
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Counted { mails: u32 }
///
/// async fn count(_mail: Mail, mut memory: Memory<Counted>) -> Reply {
///     memory.mails += 1;
///     Reply::text(format!("This was number {}.", memory.mails))
/// }
/// ```
pub struct Memory<T: Serialize> {
    value: T,
    changed: bool,
    home: Option<(Context, NoteScope)>,
}

impl<T: Serialize> Memory<T> {
    /// A memory that is kept nowhere, for a test of a handler.
    pub fn new(value: T) -> Self {
        Self { value, changed: false, home: None }
    }
}

impl<T: Serialize> Deref for Memory<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> DerefMut for Memory<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}

/// Hands the value in; a value that cannot be written as JSON fails the handler.
impl<T: Serialize> Drop for Memory<T> {
    fn drop(&mut self) {
        let Some((context, scope)) = self.home.take().filter(|_| self.changed) else { return };
        match serde_json::to_vec(&self.value) {
            Ok(value) => context.note(Note { scope, value: value.into() }),
            Err(error) => context.fail(Error::from(GiveUp::new(format!(
                "the memory `{}` cannot be written as JSON: {error}",
                short_name::<T>()
            )))),
        }
    }
}

impl<T: Serialize + fmt::Debug> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.value).finish()
    }
}

impl<T: Serialize + DeserializeOwned + Default + Send> FromContext for Memory<T> {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        let Some(thread_id) = context.event().thread_id.clone() else {
            return Err(Rejection::absent(
                "the event belongs to no thread, so there is nothing to remember it by",
            ));
        };
        let scope = memory_scope::<T>(thread_id);
        let stored = match context.noted(&scope) {
            Some(note) => Some(note.value),
            None => context.services().store.recall(&scope).await.map_err(Rejection::failed)?,
        };
        let value = match stored {
            Some(json) => serde_json::from_slice(&json).map_err(|error| {
                // Not for good: another version of the program that wrote it may share the store, and take the next try.
                Rejection::failed(Error::msg(format!(
                    "the memory `{}` cannot be read back ({error}): give its new fields `#[serde(default)]`, or rename the type to start anew",
                    short_name::<T>()
                )))
            })?,
            None => T::default(),
        };
        Ok(Self { value, changed: false, home: Some((context.clone(), scope)) })
    }

    fn needs(needs: &mut Needs) {
        needs.payload(PayloadKind::Mail);
    }
}

/// Where a conversation keeps what it remembers of this type.
pub(crate) fn memory_scope<T>(thread_id: ThreadId) -> NoteScope {
    NoteScope::Thread { thread_id, name: short_name::<T>() }
}

/// The type's name without the modules it stands in, so that moving it forgets nothing.
fn short_name<T>() -> String {
    let full = std::any::type_name::<T>();
    let mut short = String::with_capacity(full.len());
    for part in full.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_its_name_without_its_modules() {
        assert_eq!(short_name::<std::collections::BTreeMap<String, Vec<u8>>>(), "BTreeMap<String, Vec<u8>>");
        assert_eq!(short_name::<NoteScope>(), "NoteScope");
    }
}
