//! What the attribute takes. Warnings are errors here: what the attribute writes must never cause one.
#![deny(warnings, missing_docs, unreachable_pub)]

mod all_keys;
mod called_in_a_test;
mod elsewhere;
mod in_modules;
mod own_types;
