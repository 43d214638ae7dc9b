//! What a config must be besides well written: properties that librdkafka knows and, where state lies in a folder, one that
//! can be written.
//! `run` and `check` ask the same questions and end with 78.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;

use super::{Common, Exit};
use crate::config::{Config, Exchange, http_token, load_with_origins};
use crate::kafka;

/// The config of all layers with who set what, if the service can run with it. Makes no file and asks no broker.
///
/// # Errors
/// All that is wrong with it; ends with exit code 78.
pub fn config(common: &Common) -> anyhow::Result<(Config, BTreeMap<String, String>)> {
    let (config, origins) = load_with_origins(&common.sources())?;
    http_token(&config)?;
    let mut faults = kafka::client::faults(&config.kafka);
    // Over Kafka nothing is kept here, not even the sketch key.
    if config.exchange == Exchange::InProcess {
        faults.extend(unwritable(&config.state.dir).map(|why| ("state.dir".to_owned(), why)));
    }
    if faults.is_empty() {
        return Ok((config, origins));
    }
    let said = faults.iter().map(|(key, why)| {
        let origin = origins.get(key).map_or("default", String::as_str);
        format!("{key} ({origin}): {why}")
    });
    Err(anyhow!("{}", said.collect::<Vec<_>>().join("\ntagwatch: ")).context(Exit::Config))
}

/// Why the folder, or the nearest one above it that exists, takes no file.
fn unwritable(dir: &Path) -> Option<String> {
    let there = dir.ancestors().find(|folder| folder.exists()).filter(|folder| !folder.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    // Unnamed, so that nobody sees it.
    let error = tempfile::tempfile_in(there).err()?;
    let cause = std::io::Error::from(error.kind());
    Some(format!(
        "{} cannot be written, {} takes no file: {cause}; set it to a folder of its own",
        dir.display(),
        there.display()
    ))
}
