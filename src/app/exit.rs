//! Exit codes, and how an error becomes one. Scripts and service managers tell these apart: 78 is not cured by a restart,
//! 70 may be.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::config::{Faults, SecretError};

/// How a command ended.
///
/// An `Exit` is also an error context: `.context(Exit::Fatal)` on an error decides the code it ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exit {
    /// 0: it did what was asked. Also a replay with rejected lines, a drained service, a reader that closed the pipe.
    #[error("done")]
    Done,
    /// 1: it could not do what was asked.
    #[error("failed")]
    Failure,
    /// 2: the command line is wrong.
    #[error("wrong usage")]
    Usage,
    /// 70: the service cannot go on; a restart may help.
    #[error("cannot go on")]
    Fatal,
    /// 78: the config is wrong; a restart does not help.
    #[error("wrong config")]
    Config,
    /// 130: a second Ctrl-C cut the draining short.
    #[error("interrupted")]
    Interrupted,
    /// 143: a second SIGTERM cut the draining short.
    #[error("terminated")]
    Terminated,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Fatal => 70,
            Exit::Config => 78,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The code of an error: the one named in its context, else by its kind. `serves` is true for commands that run until they
/// are stopped; for the others a closed pipe means that the reader has seen enough.
pub fn of(error: &anyhow::Error, serves: bool) -> Exit {
    if let Some(exit) = error.downcast_ref::<Exit>() {
        return *exit;
    }
    if error.downcast_ref::<Faults>().is_some() || error.downcast_ref::<SecretError>().is_some() {
        return Exit::Config;
    }
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    match serves {
        true => Exit::Fatal,
        false if error.chain().any(closed) => Exit::Done,
        false => Exit::Failure,
    }
}

/// Says on stderr what went wrong and gives the code. Nothing is said where the reader of stdout has gone.
pub(super) fn report(error: &anyhow::Error, serves: bool) -> Exit {
    let exit = of(error, serves);
    let mut stderr = io::stderr().lock();
    // Where stderr is closed there is nobody left to tell.
    let _ = match error.downcast_ref::<Faults>() {
        _ if exit == Exit::Done => Ok(()),
        Some(faults) => write!(stderr, "{}", faults.render(is_styled())),
        None => writeln!(stderr, "tagwatch: {}", sentence(error)),
    };
    exit
}

/// The causes of an error in one line, without the word for the exit code.
fn sentence(error: &anyhow::Error) -> String {
    let causes: Vec<String> =
        error.chain().filter(|cause| cause.downcast_ref::<Exit>().is_none()).map(ToString::to_string).collect();
    let exit = error.downcast_ref::<Exit>().map(ToString::to_string);
    // A context is no cause of its own type; its text comes first in the chain and says nothing that the code does not.
    let skip = usize::from(exit.is_some() && causes.len() > 1 && causes.first() == exit.as_ref());
    causes[skip..].join(": ")
}

/// Whether stderr takes colours and lines.
fn is_styled() -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !no_colour
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    fn closed() -> anyhow::Error {
        anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot write")
    }

    #[test]
    fn a_reader_that_closed_the_pipe_is_no_failure_and_a_socket_of_the_service_is_one() {
        assert_eq!(of(&closed(), false), Exit::Done);
        assert_eq!(of(&closed(), true), Exit::Fatal);
    }

    #[test]
    fn the_code_in_the_context_wins_and_stays_out_of_the_sentence() {
        let error = Err::<(), _>(anyhow!("fenced by another process")).context(Exit::Fatal).expect_err("an error");
        assert_eq!(of(&error, false), Exit::Fatal);
        assert_eq!(sentence(&error), "fenced by another process");
        let error = error.context("deciding");
        assert_eq!(of(&error, false), Exit::Fatal);
    }

    #[test]
    fn faults_of_the_config_are_78_in_every_command() {
        let sources = crate::config::Sources { set: vec!["no=1".to_string()], ..Default::default() };
        let error = anyhow::Error::from(crate::config::load(sources).expect_err("a fault"));
        assert_eq!((of(&error, true), of(&error, false)), (Exit::Config, Exit::Config));
        assert_eq!(of(&anyhow!("else"), false), Exit::Failure);
        assert_eq!(of(&anyhow!("else"), true), Exit::Fatal);
    }
}
