//! What the command does beside serving.

mod control;
mod failure;
mod fetch;
mod interrupts;
mod record;
mod replay;
mod rows;
mod socket;
mod table;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use interrupts::Interrupts;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(record::Arguments),
    Replay(replay::Arguments),
}

impl Command {
    pub(crate) async fn run(self) -> ExitCode {
        let ended = match self {
            Self::Record(arguments) => record::run(arguments).await,
            Self::Replay(arguments) => replay::run(arguments).await,
        };
        ended.unwrap_or_else(|failure| {
            eprintln!("error: {}", crate::with_sources(&failure));
            ExitCode::from(2)
        })
    }
}
