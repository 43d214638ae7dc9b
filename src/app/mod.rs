//! The commands. The only place that names every stage; one file a command. stdout carries data, stderr messages.

use std::process::ExitCode;

use clap::Parser;

pub mod check;
pub mod cli;
pub mod compare;
mod counting;
mod deciding;
pub mod demo;
pub mod evaluate;
pub mod exit;
pub mod logging;
mod moved;
pub mod pipeline;
pub mod playing;
pub mod replay;
pub mod replaying;
mod restoring;
pub mod run;
pub mod running;
pub mod scenarios;
mod scores;
mod scribe;
mod several;
pub mod shadow;
pub mod simulate;
mod source_counts;
pub mod topics;
mod usable;

use cli::{Cli, Command};
pub use cli::{Common, InputFormat};
pub use exit::Exit;

/// Reads the command line, runs the command, says what went wrong, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version are answers on stdout, usage errors go to stderr; a reader that is gone wants neither.
            let _ = answer.print();
            return ExitCode::from(if answer.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    let Cli { command, common } = cli;
    let serves = matches!(command, Command::Run(_) | Command::Demo(_));
    match logging::start(&common).and_then(|()| execute(command, &common)) {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error, serves).into(),
    }
}

fn execute(command: Command, common: &Common) -> anyhow::Result<Exit> {
    match command {
        Command::Demo(args) => demo::execute(args, common),
        Command::Run(args) => run::execute(args, common),
        Command::Replay(args) => replay::execute(args, common),
        Command::Evaluate(args) => evaluate::execute(args, common),
        Command::Compare(args) => compare::execute(args, common),
        Command::Check(args) => check::execute(args, common),
        Command::Topics(args) => topics::execute(args, common),
        Command::Simulate(args) => simulate::execute(args, common),
    }
}
