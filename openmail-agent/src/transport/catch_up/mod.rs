//! Mail found over REST: what was missed while nothing listened, or may have been.
//!
//! The service's list of an inbox's mail is read from its newest end back to what is known, and whatever the store has not
//! seen is fed in under its message id. At the first sight of an inbox what is in it is history, and is not answered, unless
//! the inbox is younger than the store, or it came after the agent was first started, a short time before that first sight.

mod earlier;
mod error;
mod found;
mod listing;
mod news;
mod round;
mod row;
mod schedule;
mod spacing;
mod watermark;

#[cfg(test)]
#[cfg(feature = "webhook")]
mod tests;

pub(crate) use earlier::feed_earlier;
pub(crate) use round::CatchUp;
pub(crate) use row::find_row;
pub(crate) use schedule::Surroundings;
