//! The config of a shadow: the service's own in all its layers, and over them a file of which only `[detect]` and
//! `[[expected]]` count. A shadow looks at the same state at the same time, so it cannot differ in anything else.

use std::path::Path;
use std::sync::Arc;

use super::fault::{Fault, Faults, Layer};
use super::file::{Setting, read_toml};
use super::layer::{Sources, read, read_file};
use super::{Config, check, expected};

/// Reads the layers of `sources` and over them the file of a shadow. Where that has a list of expected events, its list
/// counts whole; `expected = []` is one without entries.
///
/// # Errors
/// Everything that is wrong in any layer, at once, and every key of the file that a shadow cannot have.
pub fn load_shadow(sources: &Sources, path: &Path) -> Result<Config, Faults> {
    let mut faults = Vec::new();
    let mut settings = read(sources, &mut faults);
    let mut own = Vec::new();
    match read_file(path, Layer::Shadow, "--shadow") {
        Ok(source) => read_toml(Arc::new(source), &mut own, &mut faults),
        Err(fault) => faults.push(fault),
    }
    let (fitting, strange): (Vec<Setting>, Vec<Setting>) = own.into_iter().partition(|setting| fits(&setting.key));
    faults.extend(strange.iter().map(|setting| Fault {
        message: format!("{} has no place in a shadow: it differs in [detect] and [[expected]] alone", setting.key),
        help: Some("set it for both, in the file of --config".to_string()),
        place: Some(setting.key_place(0)),
    }));
    settings.extend(fitting);
    check::check(&settings, faults).map_err(Faults::new)
}

fn fits(key: &str) -> bool {
    key == "detect" || key.starts_with("detect.") || expected::owns(key)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::config::load;

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    const LIST: &str =
        "[[expected]]\nhashtag = \"vote\"\nfrom = 2026-01-01T00:00:00Z\nto = 2026-02-01T00:00:00Z\nreason = \"a\"\n";

    #[test]
    fn a_shadow_is_the_config_with_other_rules() {
        let folder = tempfile::tempdir().unwrap();
        let main = file(
            &folder,
            "main.toml",
            &format!("[detect]\nquiet = \"20m\"\n[time]\nwatermark_delay = \"30s\"\n{LIST}"),
        );
        let set = vec!["detect.burst_enter=60".to_string(), "track.shards=3".to_string()];
        let sources = Sources { file: Some(main), set, ..Sources::default() };
        let config = load(sources.clone()).unwrap();
        let shadow = |text: &str| load_shadow(&sources, &file(&folder, "shadow.toml", text)).unwrap();
        assert_eq!(shadow(""), config);
        let other = shadow("[detect]\nburst_enter = 70\n");
        assert_eq!((other.detect.burst_enter, config.detect.burst_enter), (70.0, 60.0), "it goes over flags too");
        assert_eq!((other.detect.quiet, &other.time, other.track.shards), (config.detect.quiet, &config.time, 3));
        assert_ne!(other.version, config.version);
        assert_eq!(other.expected, config.expected);
        assert_eq!(shadow("expected = []").expected, []);
        let list = shadow(&LIST.replace("vote", "march")).expected;
        assert_eq!(list.iter().map(|entry| entry.hashtags.to_string()).collect::<Vec<_>>(), ["#march"]);
    }

    #[test]
    fn what_a_shadow_cannot_have_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let text = "id = \"x\"\n[detect]\nburst_exit = 90\nburst = 3\n[time]\nwatermark_delay = \"1s\"\n[[expected]]\nreason = \"\"\n";
        let sources = Sources { set: vec!["track.shards=0".to_string()], ..Sources::default() };
        let faults = load_shadow(&sources, &file(&folder, "shadow.toml", text)).expect_err("faults");
        let alone = "has no place in a shadow: it differs in [detect] and [[expected]] alone";
        let expected = [
            "track.shards (0) must be a whole number from 1 to 256",
            &format!("id {alone}"),
            "detect.burst_exit (90) must be below detect.burst_enter (50)",
            "unknown key detect.burst",
            &format!("time.watermark_delay {alone}"),
            "an expected event needs hashtag or pattern",
            "an expected event needs from",
            "an expected event needs to",
            "expected.reason (empty) says nothing",
        ];
        assert_eq!(faults.messages().collect::<Vec<_>>(), expected);
        let drawn = faults.to_string();
        assert!(drawn.contains("shadow.toml:1:1]") && drawn.contains("shadow.toml:5:2]"), "{drawn}");
        let missing = load_shadow(&sources, &folder.path().join("none.toml")).expect_err("no file").to_string();
        assert!(missing.contains("none.toml") && missing.contains("check the path after --shadow"), "{missing}");
    }
}
