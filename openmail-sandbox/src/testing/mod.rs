#![doc = include_str!("../../docs/testing.md")]

mod answer;
mod assertions;
mod correspondent;
mod letter;

pub use answer::Answer;
pub use correspondent::Correspondent;
pub use letter::Letter;
