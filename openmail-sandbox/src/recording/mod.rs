#![doc = include_str!("../../docs/recording.md")]

mod capture;
mod error;
mod file;
mod mail;
mod playback;
mod recorder;
mod scrub;

pub(crate) use playback::deliver;

pub use error::{RecordingError, RecordingErrorKind};
pub use file::Recording;
pub use mail::{RecordedFile, RecordedMail};
pub use playback::Playback;
pub use recorder::{Recorder, Words};
