//! The four layers: the built-in file, the config file, the environment, flags. A layer overrides the ones before it, but
//! what it says is checked even where a later one overrides it: a fault that sleeps is still a fault.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{Fault, Layer, Source};
use super::file::{CLIENT, Setting, Written, loose, read_toml};

/// The file that is the defaults.
pub const DEFAULTS: &str = include_str!("../../config/tagwatch.toml");

/// Longest config file in bytes; more is a wrong file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Prefix of every variable that tagwatch reads.
const PREFIX: &str = "TAGWATCH_";

/// Variables with the prefix that are not keys. Those that begin with `TAGWATCH_TEST_` belong to the tests.
const NOT_KEYS: [&str; 4] = ["TAGWATCH_CONFIG", "TAGWATCH_KEY", "TAGWATCH_LOG", "TAGWATCH_SHARED"];

/// Where settings come from besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The config file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `TAGWATCH_` are ignored.
    pub env: Vec<(String, String)>,
    /// Values of `--set`, each `key=value`, the last of a key wins.
    pub set: Vec<String>,
}

impl Sources {
    /// A file, this process's environment, and the values of `--set`.
    pub fn of_process(file: Option<PathBuf>, set: Vec<String>) -> Sources {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Sources { file, env, set }
    }
}

/// All settings, the weakest layer first.
pub(super) fn read(sources: &Sources, faults: &mut Vec<Fault>) -> Vec<Setting> {
    let mut settings = Vec::new();
    let built_in =
        Source { layer: Layer::BuiltIn, index: 0, name: "built-in defaults".to_string(), text: DEFAULTS.to_string() };
    read_toml(Arc::new(built_in), &mut settings, faults);
    if let Some(path) = &sources.file {
        match read_file(path, Layer::File, "--config or in TAGWATCH_CONFIG; without either the defaults are used") {
            Ok(source) => read_toml(Arc::new(source), &mut settings, faults),
            Err(fault) => faults.push(fault),
        }
    }
    let mut env = sources.env.clone();
    env.sort();
    settings.extend(env.iter().enumerate().filter_map(|(index, (name, value))| variable(index, name, value, faults)));
    settings.extend(sources.set.iter().enumerate().filter_map(|(index, text)| flag(index, text, faults)));
    settings
}

/// A file as a layer. `named_by` continues "check the path after".
pub(super) fn read_file(path: &Path, layer: Layer, named_by: &str) -> Result<Source, Fault> {
    let name = path.display().to_string();
    let fault = |why: String, help: &str| {
        Fault::nowhere(format!("cannot read the config file {name}: {why}"), Some(help.to_string()))
    };
    let way_out = &format!("check the path after {named_by}");
    let file = File::open(path).map_err(|error| fault(error.to_string(), way_out))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| fault(error.to_string(), way_out))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(fault("it is larger than 1MiB".to_string(), way_out));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fault(format!("byte {at} is not UTF-8"), "save it as UTF-8")
    })?;
    Ok(Source { layer, index: 0, name, text })
}

fn variable(index: usize, name: &str, value: &str, faults: &mut Vec<Fault>) -> Option<Setting> {
    let rest = name.strip_prefix(PREFIX)?;
    if NOT_KEYS.contains(&name) || rest.starts_with("TEST_") || is_service_link(rest) {
        return None;
    }
    let setting = loose(Layer::Environment, index, name, variable_key(rest), value);
    if value.contains('\u{fffd}') {
        let message = format!("{name} is not UTF-8");
        faults.push(Fault { message, help: None, place: Some(setting.place()) });
        return None;
    }
    Some(setting)
}

/// `KAFKA__POSTS_TOPIC` is `kafka.posts_topic`; below `KAFKA__CLIENT__` every underscore is a dot, as no property of
/// librdkafka has an underscore in its name.
fn variable_key(rest: &str) -> String {
    let lower = rest.to_ascii_lowercase();
    match lower.strip_prefix("kafka__client__") {
        Some(property) => format!("{CLIENT}.{}", property.replace("__", ".").replace('_', ".")),
        None => lower.replace("__", "."),
    }
}

/// The variable that sets a key.
pub(super) fn variable_of(key: &str) -> String {
    let name = match key.strip_prefix(CLIENT).and_then(|rest| rest.strip_prefix('.')) {
        Some(property) => format!("kafka__client__{}", property.replace('.', "_")),
        None => key.replace('.', "__"),
    };
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// Kubernetes sets `TAGWATCH_SERVICE_HOST`, `TAGWATCH_PORT_9700_TCP_ADDR` and the like in every pod of a namespace that
/// has a Service called `tagwatch` (or `tagwatch-…`). Refusing them would keep the pod from starting.
fn is_service_link(rest: &str) -> bool {
    if rest.contains("__") {
        return false;
    }
    let ends = |suffix: &str| rest == suffix || rest.strip_suffix(suffix).is_some_and(|head| head.ends_with('_'));
    let link = |word: &str| rest.starts_with(&format!("{word}_")) || rest.contains(&format!("_{word}_"));
    ends("SERVICE_HOST") || link("SERVICE_PORT") || ends("SERVICE_PORT") || ends("PORT") || is_port_link(rest)
}

/// `…PORT_9700_TCP`, `…PORT_9700_TCP_ADDR`.
fn is_port_link(rest: &str) -> bool {
    let tail = match rest.strip_prefix("PORT_") {
        Some(tail) => Some(tail),
        None => rest.rsplit_once("_PORT_").map(|(_, tail)| tail),
    };
    // "…_PORT_9700_TCP_PORT" ends in PORT and was taken above.
    tail.is_some_and(|tail| {
        let (number, rest) = tail.split_once('_').unwrap_or((tail, ""));
        number.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].iter().any(|protocol| rest.starts_with(protocol))
    })
}

fn flag(index: usize, text: &str, faults: &mut Vec<Fault>) -> Option<Setting> {
    let Some((key, value)) = text.split_once('=') else {
        let setting = loose(Layer::Flag, index, &format!("--set {text}"), text.to_string(), "");
        faults.push(Fault {
            message: format!("--set {text} has no value"),
            help: Some("write --set key=value; an empty value is key=".to_string()),
            place: Some(setting.key_place(0)),
        });
        return None;
    };
    Some(loose(Layer::Flag, index, &format!("--set {key}"), key.trim().to_string(), value))
}

/// How the value would be written for the layer: what a way out can be copied from.
pub(super) fn spelled(layer: Layer, key: &str) -> String {
    match layer {
        Layer::BuiltIn | Layer::File | Layer::Shadow => key.to_string(),
        Layer::Environment => variable_of(key),
        Layer::Flag => format!("--set {key}=..."),
    }
}

/// The value's text, for messages; one line, not endless, no secret.
pub(super) fn shown(key: &str, value: &Written) -> String {
    let text = match value {
        _ if super::file::is_secret(key) => return "***".to_string(),
        Written::Quoted(text) | Written::Bare(text) | Written::Loose(text) => text,
        Written::Other(what) => return (*what).to_string(),
    };
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.is_empty() { "empty".to_string() } else { short }
}
