//! The bearer token that guards what tagwatch shows. Programs send `Authorization: Bearer <token>`; browsers, which
//! cannot, are asked for the user `tagwatch` with the token as password.

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use axum::http::{HeaderMap, header};

/// Least length of a token, in bytes: 128 bit as hex are 32, as base64 22.
pub const TOKEN_BYTES_MIN: usize = 16;
/// The user that browsers are to name.
const USER: &str = "tagwatch";

/// What a request must show. Its text is never printed.
#[derive(Clone)]
pub struct Token {
    bearer: Vec<u8>,
    basic: Vec<u8>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why `http.token_file` gives no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read http.token_file = \"{}\": {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its content is no token.
    #[error(
        "http.token_file = \"{}\" must hold one line of at least {TOKEN_BYTES_MIN} printable ASCII characters; \
         `openssl rand -hex 32` makes one",
        path.display()
    )]
    Unfit {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Reads `http.token_file`; white space around the token is ignored.
    ///
    /// # Errors
    /// The file cannot be read, or what it holds is too short or not printable.
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| TokenError::Unreadable { path: path.to_owned(), source })?;
        Token::new(text.trim()).ok_or_else(|| TokenError::Unfit { path: path.to_owned() })
    }

    /// A token from its text; none where it is too short or not printable ASCII.
    pub fn new(text: &str) -> Option<Token> {
        let fit = text.len() >= TOKEN_BYTES_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then(|| Token { bearer: text.as_bytes().to_vec(), basic: base64(format!("{USER}:{text}").as_bytes()) })
    }

    /// Whether the request shows the token.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(shown) = headers.get(header::AUTHORIZATION) else { return false };
        let mut words = shown.as_bytes().splitn(2, |byte| *byte == b' ');
        let (scheme, credentials) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let credentials = credentials.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            same(credentials, &self.bearer)
        } else {
            scheme.eq_ignore_ascii_case(b"basic") && same(credentials, &self.basic)
        }
    }
}

/// Compares without telling by its time where the first difference is. Tells the length, which is no secret.
fn same(shown: &[u8], secret: &[u8]) -> bool {
    let difference = shown.iter().zip(secret).fold(0u8, |all, (a, b)| black_box(all | (a ^ b)));
    shown.len() == secret.len() && black_box(difference) == 0
}

/// RFC 4648 base64 with padding: the form in which browsers send a password.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) & 63;
            out.push(if digit <= group.len() { DIGITS[index as usize] } else { b'=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(token: &Token, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        token.admits(&headers)
    }

    #[test]
    fn only_the_whole_token_is_admitted() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(admits(&token, "Bearer 0123456789abcdef"));
        assert!(admits(&token, "bearer  0123456789abcdef"));
        for wrong in
            ["Bearer 0123456789abcde", "Bearer 0123456789abcdeF", "Bearer", "Bearer ", "0123456789abcdef", "Digest x"]
        {
            assert!(!admits(&token, wrong), "{wrong}");
        }
        assert!(!token.admits(&HeaderMap::new()));
    }

    #[test]
    fn browsers_show_it_as_a_password() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(admits(&token, "Basic dGFnd2F0Y2g6MDEyMzQ1Njc4OWFiY2RlZg=="));
        assert!(!admits(&token, "Basic dGFnd2F0Y2g6MDEyMzQ1Njc4OWFiY2RlZw=="));
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, digits) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), digits.as_bytes());
        }
    }

    #[test]
    fn an_unfit_file_is_refused_without_showing_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let error = Token::read(&path).unwrap_err().to_string();
        assert!(error.contains("http.token_file") && error.contains("at least 16"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        std::fs::write(&path, " 0123456789abcdef\n").unwrap();
        assert!(admits(&Token::read(&path).unwrap(), "Bearer 0123456789abcdef"));
        assert!(!format!("{:?}", Token::read(&path)).contains("0123"));
        assert!(Token::read(&folder.path().join("absent")).unwrap_err().to_string().contains("cannot read"));
    }
}
