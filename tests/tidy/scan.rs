//! Reads Rust source as far as the house rules need it: words and punctuation with their lines, comments and strings
//! apart, which lines are test code, which paths are named, how long functions are. Not a parser; on anything it does
//! not know it goes on with the next token.

use std::ops::RangeInclusive;

/// Keywords that stand before a path and are no part of it, as in `use ::a::b`.
const BEFORE_PATHS: &[&str] = &[
    "as", "dyn", "else", "for", "if", "impl", "in", "let", "match", "move", "mut", "ref", "return", "use", "where",
    "while",
];

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Identifier or keyword.
    Word,
    /// `::` or one character of punctuation.
    Mark,
    /// The inside of a string or character literal.
    Text,
    /// A comment with its slashes.
    Comment,
}

/// One token.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// The line it begins in, from 1.
    pub line: usize,
}

impl Token {
    fn is(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }
}

/// A path as named: `use crate::{a, b::C}` names `crate::a` and `crate::b::C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPath {
    /// Its parts; the first may be `crate`, `super` or a crate's name.
    pub parts: Vec<String>,
    /// The line of its last part.
    pub line: usize,
    /// The inline modules around it within the file.
    pub within: Vec<String>,
}

/// A source file, read.
pub struct Source {
    /// All tokens in order.
    pub tokens: Vec<Token>,
    /// Lines of code that only tests see: items under `#[cfg(test)]` or `#[test]`.
    pub test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Reads a file's text.
    pub fn read(text: &str) -> Source {
        let tokens = tokens(text);
        let code: Vec<&Token> = tokens.iter().filter(|token| token.kind != Kind::Comment).collect();
        let test_lines = test_lines(&code);
        Source { tokens, test_lines }
    }

    /// Whether only tests see the line.
    pub fn is_test(&self, line: usize) -> bool {
        self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Tokens but comments.
    pub fn code(&self) -> Vec<&Token> {
        self.tokens.iter().filter(|token| token.kind != Kind::Comment).collect()
    }

    /// All paths of two parts and more, and all `use`s and `extern crate`s of a crate by its bare name.
    pub fn paths(&self) -> Vec<NamedPath> {
        let code = self.code();
        let (mut found, mut at) = (Vec::new(), 0);
        let mut modules: Vec<(String, usize)> = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = code.get(at) {
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth = depth.saturating_sub(1);
                modules.retain(|(_, opened)| *opened <= depth);
            } else if token.is_word("mod") && code.get(at + 2).is_some_and(|next| next.is("{")) {
                modules.push((code[at + 1].text.clone(), depth + 1));
                at += 1;
            } else if token.kind == Kind::Word && !BEFORE_PATHS.contains(&token.text.as_str()) {
                let names_crate = at > 0 && (code[at - 1].is_word("use") || code[at - 1].is_word("crate"));
                let mut paths = Vec::new();
                at = path_tree(&code, at, &[], &mut paths);
                let within: Vec<String> = modules.iter().map(|(name, _)| name.clone()).collect();
                for (parts, line) in paths {
                    if parts.len() > 1 || names_crate {
                        found.push(NamedPath { parts, line, within: within.clone() });
                    }
                }
                continue;
            }
            at += 1;
        }
        found
    }

    /// Line, name and length in lines of every function with a body.
    pub fn functions(&self) -> Vec<(usize, String, usize)> {
        let code = self.code();
        let starts = code.iter().enumerate().filter(|(_, token)| token.is_word("fn"));
        let measured = starts.filter_map(|(at, token)| {
            let name = code.get(at + 1).filter(|name| name.kind == Kind::Word)?;
            let end = item_end(&code, at).filter(|&end| code[end].is("}"))?;
            Some((token.line, name.text.clone(), code[end].line - token.line + 1))
        });
        measured.collect()
    }
}

/// Reads the path that begins with the word at `at`, groups included, and returns where it ends.
fn path_tree(code: &[&Token], mut at: usize, before: &[String], found: &mut Vec<(Vec<String>, usize)>) -> usize {
    let mut parts = before.to_vec();
    let mut line = code[at].line;
    loop {
        match code.get(at) {
            Some(token) if token.kind == Kind::Word || token.is("*") => {
                line = token.line;
                // `use a::{self}` names a.
                if token.text != "self" || parts.is_empty() {
                    parts.push(token.text.clone());
                }
                at += 1;
            }
            Some(token) if token.is("{") && !parts.is_empty() => {
                at += 1;
                while let Some(token) = code.get(at).filter(|token| !token.is("}")) {
                    if token.kind == Kind::Word || token.is("*") {
                        at = path_tree(code, at, &parts, found);
                        if code.get(at).is_some_and(|token| token.is_word("as")) {
                            at += 2;
                        }
                    } else {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        if !code.get(at).is_some_and(|token| token.is("::")) {
            break;
        }
        let goes_on = |token: &&Token| token.kind == Kind::Word || token.is("{") || token.is("*");
        if !code.get(at + 1).is_some_and(goes_on) {
            break;
        }
        at += 1;
    }
    found.push((parts, line));
    at
}

/// Index of the `}` or `;` that ends the item around or after `at`.
fn item_end(code: &[&Token], at: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (index, token) in code.iter().enumerate().skip(at) {
        match token.text.as_str() {
            _ if token.kind != Kind::Mark => {}
            "{" => braces += 1,
            "}" if braces <= 1 => return Some(index),
            "}" => braces -= 1,
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            ";" if braces == 0 && brackets == 0 => return Some(index),
            _ => {}
        }
    }
    None
}

/// Lines of the items under `#[test]`, `#[cfg(test)]` and the like; the whole file under `#![cfg(test)]`.
fn test_lines(code: &[&Token]) -> Vec<RangeInclusive<usize>> {
    let mut lines = Vec::new();
    for (at, token) in code.iter().enumerate().filter(|(_, token)| token.is("#")) {
        let inner = code.get(at + 1).is_some_and(|next| next.is("!"));
        let open = at + 1 + usize::from(inner);
        let rest = code.get(open + 1..).unwrap_or_default();
        let close = rest.iter().position(|token| token.is("]")).unwrap_or(0);
        let words: Vec<&str> = rest[..close].iter().map(|token| token.text.as_str()).collect();
        let of_tests = matches!(words.as_slice(), ["test"] | ["cfg", "(", "test", ")"] | ["tokio", "::", "test", ..]);
        if of_tests && inner {
            lines.push(1..=usize::MAX);
        } else if of_tests && let Some(end) = item_end(code, open + 2 + close) {
            lines.push(token.line..=code[end].line);
        }
    }
    lines
}

/// Splits a text into tokens.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let (kind, skip, end) = next_token(&chars, at);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text: chars[at + skip..end.max(at + skip)].iter().collect(), line });
        }
        // A literal's text ends before its closing quotes; its length includes them.
        let next = if kind == Some(Kind::Text) { literal_end(&chars, at) } else { end };
        line += chars[at..next].iter().filter(|&&c| c == '\n').count();
        at = next;
    }
    tokens
}

/// Kind of the token at `at`, how many characters precede its text, and where its text ends.
fn next_token(chars: &[char], at: usize) -> (Option<Kind>, usize, usize) {
    let get = |offset: usize| chars.get(at + offset).copied().unwrap_or(' ');
    let run = |from: usize, test: &dyn Fn(char) -> bool| {
        chars[from..].iter().position(|&c| !test(c)).map_or(chars.len(), |length| from + length)
    };
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    match get(0) {
        c if c.is_whitespace() => (None, 0, at + 1),
        '/' if get(1) == '/' => (Some(Kind::Comment), 0, run(at, &|c| c != '\n')),
        '/' if get(1) == '*' => (Some(Kind::Comment), 0, block_comment_end(chars, at)),
        _ if opening(chars, at) > 0 => {
            let end = literal_end(chars, at);
            let hashes = chars[at..].iter().take(opening(chars, at)).filter(|&&c| c == '#').count();
            (Some(Kind::Text), opening(chars, at), end.saturating_sub(1 + hashes))
        }
        // A lifetime or label: no word of ours.
        '\'' => (None, 0, run(at + 1, &is_name)),
        c if is_name(c) => (Some(Kind::Word), 0, run(at, &is_name)),
        ':' if get(1) == ':' => (Some(Kind::Mark), 0, at + 2),
        _ => (Some(Kind::Mark), 0, at + 1),
    }
}

/// Length of what opens a literal at `at`, such as `"`, `br##"` or `'`; 0 where none begins.
fn opening(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let prefix = rest.iter().take(2).take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let raw = rest[..prefix].contains(&'r');
    let hashes = if raw { rest[prefix..].iter().take_while(|&&c| c == '#').count() } else { 0 };
    match rest.get(prefix + hashes) {
        Some('"') => prefix + hashes + 1,
        // 'a' and '\n' are characters, 'a is a lifetime.
        Some('\'') if prefix + hashes == 0 || rest[0] == 'b' => {
            let quote = prefix;
            let is_char = rest.get(quote + 1) == Some(&'\\') || rest.get(quote + 2) == Some(&'\'');
            if is_char { quote + 1 } else { 0 }
        }
        _ => 0,
    }
}

/// Where the literal at `at` ends, its closing quotes included.
fn literal_end(chars: &[char], at: usize) -> usize {
    let open = opening(chars, at);
    let raw = chars[at..at + open].contains(&'r');
    let hashes = chars[at..at + open].iter().filter(|&&c| c == '#').count();
    let quote = chars[at + open - 1];
    let mut end = at + open;
    while end < chars.len() {
        if chars[end] == '\\' && !raw {
            end += 2;
            continue;
        }
        end += 1;
        let closes =
            chars[end - 1] == quote && chars[end..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
        if closes {
            return (end + hashes).min(chars.len());
        }
    }
    chars.len()
}

/// Where the block comment at `at` ends; they nest.
fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (0_usize, at);
    while end + 1 < chars.len() {
        match (chars[end], chars[end + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                end += 1;
                continue;
            }
        }
        end += 2;
        if depth == 0 {
            return end;
        }
    }
    chars.len()
}
