//! Secrets that live in files: the sketch key, under which accounts, hashtags and texts are hashed, and the token of the
//! HTTP server. Wrong contents are faults of the config (exit code 78), never replaced by a guess.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use rand::rngs::OsRng;

use super::{Config, Exchange};
use crate::model::Keyed;

/// The variable that goes before every key file.
const VARIABLE: &str = "TAGWATCH_KEY";
/// Longest secret file in bytes; more is a wrong file.
const FILE_BYTES_MAX: u64 = 4096;
/// Fewest characters of a token: 16 hex digits are out of reach of guessing over HTTP.
const TOKEN_CHARS_MIN: usize = 16;

/// Which command asks for the sketch key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// The service: a missing key file is made.
    Run,
    /// A replay: without a key the fixed one, so that two people get the same log. Writes nothing.
    Replay,
}

/// Where the sketch key of the service is.
#[derive(Clone, PartialEq, Eq)]
pub enum SketchKey {
    /// It exists.
    Given {
        /// The 128 bits.
        key: [u8; 16],
        /// The variable or the file.
        from: String,
    },
    /// It will be made here.
    Missing {
        /// The file.
        path: PathBuf,
    },
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It has the wrong form.
    #[error("{from} must hold {wanted}, and {found}")]
    Contents {
        /// The variable or the file.
        from: String,
        /// What must be there.
        wanted: String,
        /// What is there, without the secret.
        found: String,
    },
    /// It cannot be read.
    #[error("cannot read {path}, set as {setting}: {source}")]
    Read {
        /// The file.
        path: String,
        /// The config key that names it.
        setting: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Several processes would each make one of their own.
    #[error(
        "exchange = \"kafka\" needs one sketch key for all processes, and {path} does not exist: make it once \
         (`openssl rand -hex 16 > sketch.key`), give it to every process, and set privacy.key_file or TAGWATCH_KEY"
    )]
    NotShared {
        /// The file.
        path: String,
    },
    /// It cannot be made.
    #[error("cannot make the key file {path}: {source}; set privacy.key_file or TAGWATCH_KEY")]
    Write {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// The sketch key: `TAGWATCH_KEY`, else `privacy.key_file`, else `<state.dir>/key` in a run and [`Keyed::FIXED`] in a
/// replay. A run makes a missing file, mode 0600, with a key from the system's generator.
///
/// # Errors
/// The secret has not 32 hex digits, or its file cannot be read or made. Ends with exit code 78.
pub fn sketch_key(config: &Config, command: KeyUse) -> Result<[u8; 16], SecretError> {
    let variable = std::env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned());
    sketch_key_with(config, command, variable.as_deref())
}

/// As [`sketch_key`], with the value of `TAGWATCH_KEY` as an argument; an empty one counts as none.
///
/// # Errors
/// As [`sketch_key`].
pub fn sketch_key_with(config: &Config, command: KeyUse, variable: Option<&str>) -> Result<[u8; 16], SecretError> {
    let unset = variable.is_none_or(str::is_empty) && config.privacy.key_file.is_none();
    if command == KeyUse::Replay && unset {
        return Ok(Keyed::FIXED);
    }
    match find_sketch_key(config, variable)? {
        SketchKey::Given { key, .. } => Ok(key),
        SketchKey::Missing { path } if command == KeyUse::Run => make(config, &path),
        SketchKey::Missing { path } => Err(read_error(&path, io::Error::from(io::ErrorKind::NotFound))),
    }
}

/// Where the service's sketch key is; makes nothing. `variable` is the value of `TAGWATCH_KEY`.
///
/// # Errors
/// As [`sketch_key`].
pub fn find_sketch_key(config: &Config, variable: Option<&str>) -> Result<SketchKey, SecretError> {
    if let Some(text) = variable.filter(|text| !text.is_empty()) {
        return Ok(SketchKey::Given { key: parse(text, VARIABLE)?, from: VARIABLE.to_string() });
    }
    let path = config.privacy.key_file.clone().unwrap_or_else(|| config.state.dir.join("key"));
    match read(&path) {
        Ok(text) => {
            let from = path.display().to_string();
            Ok(SketchKey::Given { key: parse(&text, &from)?, from })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && config.exchange == Exchange::Kafka => {
            Err(SecretError::NotShared { path: path.display().to_string() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SketchKey::Missing { path }),
        Err(error) => Err(read_error(&path, error)),
    }
}

/// The token of `http.token_file`; none where the key is empty.
///
/// # Errors
/// The file cannot be read, or holds no token: one line of 16 or more visible ASCII characters. Ends with exit code 78.
pub fn http_token(config: &Config) -> Result<Option<String>, SecretError> {
    let Some(path) = &config.http.token_file else { return Ok(None) };
    let from = path.display().to_string();
    let text =
        read(path).map_err(|source| SecretError::Read { path: from.clone(), setting: "http.token_file", source })?;
    let token = without_newline(&text);
    if token.len() >= TOKEN_CHARS_MIN && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Some(token.to_string()));
    }
    let wanted = format!("one line of {TOKEN_CHARS_MIN} or more visible ASCII characters");
    Err(SecretError::Contents { from, wanted, found: format!("has {} bytes that are not", text.len()) })
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    // Other bytes than UTF-8 fail the check of the contents.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_error(path: &Path, source: io::Error) -> SecretError {
    SecretError::Read { path: path.display().to_string(), setting: "privacy.key_file", source }
}

fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// 32 hex digits and at most a newline.
fn parse(text: &str, from: &str) -> Result<[u8; 16], SecretError> {
    let digits = without_newline(text);
    let contents = |found: String| SecretError::Contents {
        from: from.to_string(),
        wanted: "32 hex digits (128 bits)".to_string(),
        found,
    };
    if let Some(at) = digits.bytes().position(|b| !b.is_ascii_hexdigit()) {
        return Err(contents(format!("character {} is none", at + 1)));
    }
    if digits.len() != 32 {
        return Err(contents(format!("holds {}", digits.len())));
    }
    let bits = u128::from_str_radix(digits, 16).map_err(|error| contents(error.to_string()))?;
    Ok(bits.to_be_bytes())
}

/// Makes the key file. Written aside and linked into place, so that a crash leaves no half key and, where two processes
/// start at once, both take the one that came first.
fn make(config: &Config, path: &Path) -> Result<[u8; 16], SecretError> {
    let failed = |source: io::Error| SecretError::Write { path: path.display().to_string(), source };
    let mut key = [0_u8; 16];
    OsRng.try_fill_bytes(&mut key).map_err(|error| failed(io::Error::other(error)))?;
    if config.privacy.key_file.is_none() {
        fs::create_dir_all(&config.state.dir).map_err(failed)?;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Temporary files are made with mode 0600.
    let mut aside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(aside, "{:032x}", u128::from_be_bytes(key)).map_err(failed)?;
    aside.as_file().sync_all().map_err(failed)?;
    match aside.persist_noclobber(path) {
        Ok(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?,
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let text = read(path).map_err(|error| read_error(path, error))?;
            return parse(&text, &path.display().to_string());
        }
        Err(error) => return Err(failed(error.error)),
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::{Sources, load};

    /// The defaults with one key set.
    fn with(set: &str) -> Config {
        load(Sources { set: vec![set.to_string()], ..Sources::default() }).unwrap()
    }

    #[test]
    fn a_run_makes_its_key_once_and_a_replay_has_a_fixed_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("state/of/it");
        let config = with(&format!("state.dir={}", dir.display()));
        let key = |command, variable| sketch_key_with(&config, command, variable);
        assert_eq!(key(KeyUse::Replay, None).unwrap(), Keyed::FIXED);
        assert!(!dir.exists());
        let made = key(KeyUse::Run, None).unwrap();
        assert_eq!(key(KeyUse::Run, Some("")).unwrap(), made);
        let written = std::fs::read_to_string(dir.join("key")).unwrap();
        assert_eq!(written, format!("{:032x}\n", u128::from_be_bytes(made)));
        assert_eq!(std::fs::metadata(dir.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        // A replay does not look into the state, and the variable goes before everything.
        assert_eq!(key(KeyUse::Replay, None).unwrap(), Keyed::FIXED);
        let given = "000102030405060708090A0b0c0d0e0f";
        let bytes: [u8; 16] = std::array::from_fn(|i| i as u8);
        assert_eq!(key(KeyUse::Run, Some(given)).unwrap(), bytes);
        assert_eq!(key(KeyUse::Replay, Some(given)).unwrap(), bytes);
        let other = with(&format!("state.dir={}", folder.path().join("other").display()));
        assert_ne!(sketch_key_with(&other, KeyUse::Run, None).unwrap(), made);
        // Each of several processes would make one of its own.
        let several = Config { exchange: Exchange::Kafka, ..with(&format!("state.dir={}", folder.path().display())) };
        let refused = sketch_key_with(&several, KeyUse::Run, None).unwrap_err().to_string();
        assert!(refused.contains("one sketch key for all processes"), "{refused}");
    }

    #[test]
    fn a_configured_key_file_serves_both_commands_and_must_hold_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let config = with(&format!("privacy.key_file={}", path.display()));
        let error = |command| sketch_key_with(&config, command, None).expect_err("no key").to_string();
        assert!(error(KeyUse::Replay).contains("set as privacy.key_file"), "{}", error(KeyUse::Replay));
        let made = sketch_key_with(&config, KeyUse::Run, None).unwrap();
        assert_eq!(sketch_key_with(&config, KeyUse::Replay, None).unwrap(), made);
        let contents = [
            ("", "holds 0"),
            ("0123\n", "holds 4"),
            ("+00102030405060708090a0b0c0d0e0f", "character 1 is none"),
            ("000102030405060708090a0b0c0d0e0g\n", "character 32 is none"),
            ("000102030405060708090a0b0c0d0e0f\n\n", "character 33 is none"),
        ];
        for (text, found) in contents {
            std::fs::write(&path, text).unwrap();
            let told = error(KeyUse::Run);
            assert_eq!(told, format!("{} must hold 32 hex digits (128 bits), and {found}", path.display()));
            // Wrong contents are never replaced.
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_token_is_one_line_that_cannot_be_guessed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let config = with(&format!("http.token_file={}", path.display()));
        assert!(http_token(&config).expect_err("no file").to_string().contains("set as http.token_file"));
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        assert_eq!(http_token(&config).unwrap().as_deref(), Some("0123456789abcdef"));
        for wrong in ["", "short", "two lines of text\nare none\n", "with spaces in it 12345678"] {
            std::fs::write(&path, wrong).unwrap();
            let told = http_token(&config).expect_err("no token").to_string();
            assert!(told.contains("one line of 16 or more visible ASCII characters"), "{told}");
            assert!(wrong.is_empty() || !told.contains(wrong), "{told}");
        }
        assert_eq!(http_token(&crate::config::defaults()).unwrap(), None);
    }
}
