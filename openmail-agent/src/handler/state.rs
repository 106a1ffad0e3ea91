use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{Context, FromContext, Needs, Rejection};

/// A value given to the runtime with `state`, cloned for each call.
///
/// Put what is expensive to clone, or shared and changed, into an `Arc`.
#[derive(Debug, Clone, Copy)]
pub struct State<T>(
    /// The value.
    pub T,
);

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Clone + Send + Sync + 'static> FromContext for State<T> {
    async fn from_context(context: &Context) -> Result<Self, Rejection> {
        let state = context.states().get::<T>().cloned();
        state.map(Self).ok_or_else(|| {
            Rejection::absent(format!(
                "no state of type `{}` was given to the runtime",
                std::any::type_name::<T>()
            ))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}

/// One value of each type.
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    /// Puts a value in, in place of an earlier one of its type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    /// The value of this type.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }

    /// Whether there is a value of this type.
    pub(crate) fn contains(&self, type_id: TypeId) -> bool {
        self.0.contains_key(&type_id)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
