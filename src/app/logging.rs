//! Log lines on stderr: text for a terminal, one JSON object a line for everything else.

use std::io::{self, IsTerminal};

use anyhow::{Context, anyhow};
use tracing_subscriber::EnvFilter;

use super::cli::{Common, LogFormat};
use super::exit::Exit;

/// The variable with a filter in the syntax of tracing-subscriber; goes before `-q` and `-v`.
const VARIABLE: &str = "TAGWATCH_LOG";

/// Starts logging for the whole process.
///
/// # Errors
/// `TAGWATCH_LOG` is no filter; ends with exit code 78.
pub fn start(common: &Common) -> anyhow::Result<()> {
    let filter = filter(common, std::env::var(VARIABLE).ok().as_deref())?;
    let json = match common.log_format {
        Some(LogFormat::Json) => true,
        Some(LogFormat::Text) => false,
        None => !io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process, as tests do, keeps the first.
    let _ = match json {
        true => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        false => builder.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
    };
    Ok(())
}

fn filter(common: &Common, variable: Option<&str>) -> anyhow::Result<EnvFilter> {
    if let Some(text) = variable.filter(|text| !text.is_empty()) {
        return EnvFilter::try_new(text)
            .map_err(|error| anyhow!("{VARIABLE} ({text}) is no filter such as info or tagwatch=debug: {error}"))
            .context(Exit::Config);
    }
    let directives = match (common.quiet, common.verbose) {
        (true, _) => "warn",
        (false, 0) => "info",
        (false, 1) => "info,tagwatch=debug",
        (false, _) => "debug,tagwatch=trace",
    };
    Ok(EnvFilter::new(directives))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(quiet: bool, verbose: u8) -> Common {
        Common { config: None, set: Vec::new(), format: Default::default(), log_format: None, quiet, verbose }
    }

    #[test]
    fn the_variable_goes_before_the_flags() {
        let shown = |common: &Common, variable| filter(common, variable).expect("a filter").to_string();
        assert_eq!(shown(&common(false, 0), None), "info");
        assert_eq!(shown(&common(true, 0), None), "warn");
        assert!(shown(&common(false, 1), None).contains("tagwatch=debug"));
        assert_eq!(shown(&common(true, 0), Some("error")), "error");
        assert_eq!(shown(&common(true, 0), Some("")), "warn");
    }

    #[test]
    fn a_filter_that_is_none_is_a_fault_of_the_config() {
        let error = filter(&common(false, 0), Some("tagwatch=loud")).expect_err("no filter");
        assert_eq!(super::super::exit::of(&error, true), Exit::Config);
    }
}
