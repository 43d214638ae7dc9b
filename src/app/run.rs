//! `tagwatch run`: the service.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::anyhow;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::running::{Ended, Service};
use super::shadow::Shadow;
use super::{Common, Exit, usable};
use crate::config::{Exchange, KeyUse, load_shadow, sketch_key};
use crate::source::kafka::Shared;

/// Everything else is in the config.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Decide by other rules too, on the same state, and tell nobody: a config file of which only [detect] and [[expected]]
    /// count, over all other layers.
    #[arg(long, value_name = "FILE")]
    pub shadow: Option<PathBuf>,
    /// Append the shadow's alert log here; put aside as PATH.1 at 256 MiB [default: shadow-alerts.ndjson in state.dir].
    #[arg(long, value_name = "PATH", requires = "shadow")]
    pub shadow_alerts: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tagwatch run --config tagwatch.toml
  TAGWATCH_KAFKA__BROKERS=kafka-1:9092 tagwatch run
  tagwatch run --config tagwatch.toml --shadow other.toml
  tagwatch run --set kafka.start=latest --set http.listen=127.0.0.1:9800

The first Ctrl-C or SIGTERM drains, writes, commits and ends with 0; a second one ends at once.";

/// Runs the service until it is told to stop.
///
/// # Errors
/// The config is wrong (78), or the service cannot go on (70).
pub fn execute(args: Args, common: &Common) -> anyhow::Result<Exit> {
    // First the shadow: it reads all layers, so that the faults of all are told at once.
    let shadow = args.shadow.as_deref().map(|file| load_shadow(&common.sources(), file)).transpose()?;
    let (config, _) = usable::config(common)?;
    if shadow.is_some() && config.exchange == Exchange::Kafka {
        let why = "--shadow needs exchange = \"in-process\": over several processes, run a second deployment with another id \
                   on the same posts, and `tagwatch compare` the two logs";
        return Err(anyhow!(why).context(Exit::Config));
    }
    let alerts = args.shadow_alerts.unwrap_or_else(|| config.state.dir.join("shadow-alerts.ndjson"));
    let shadow = shadow.map(|config| Shadow { config, alerts });
    let key = sketch_key(&config, KeyUse::Run)?;
    config.warnings().iter().for_each(|warning| warn!("{warning}"));
    let shared = Arc::<Shared>::default();
    stop_on_signals(&shared)?;
    let service = Service {
        config,
        shadow,
        key,
        format: common.format.into(),
        shared,
        listening: Box::new(|address| info!("page and API at http://{address}/")),
        on_line: Box::new(|line| info!(alert_id = line.alert_id, state = line.state.as_str(), "{}", line.explanation)),
    };
    Ok(match service.run()? {
        Ended::Drained => Exit::Done,
        Ended::Undrained => Exit::Failure,
    })
}

/// The first Ctrl-C or SIGTERM drains, a second one ends the process at once.
///
/// # Errors
/// If the system refuses a handler or a thread.
pub fn stop_on_signals(shared: &Arc<Shared>) -> anyhow::Result<()> {
    let shared = Arc::clone(shared);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return };
            loop {
                let second = tokio::select! {
                    _ = interrupt.recv() => Exit::Interrupted,
                    _ = terminate.recv() => Exit::Terminated,
                };
                if shared.stop.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(second.code()));
                }
                info!("draining; a second signal ends at once");
            }
        });
    })?;
    Ok(())
}
