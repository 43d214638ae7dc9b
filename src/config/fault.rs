//! Faults: what is wrong in a config, where it stands, and the way out. All of them are told at once, each under the line
//! it was written in, whether that line is in a file, an environment variable or a flag.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError, MietteSpanContents, Report,
    SourceCode, SourceSpan, SpanContents,
};

/// Columns that a report is wrapped to where nobody knows the terminal.
const WIDTH_COLUMNS: usize = 120;
/// Longest line that is shown whole, in bytes; of a longer one only the place itself is.
const LINE_BYTES_MAX: usize = 200;

/// A text that settings were written in. Later variants of the layer override earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub layer: Layer,
    /// Number of the variable or flag within its layer; 0 for a file.
    pub index: usize,
    /// What the text is called in front of line and column.
    pub name: String,
    pub text: String,
}

/// Who wrote a setting, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    BuiltIn,
    File,
    Environment,
    Flag,
    Shadow,
}

/// A stretch of a source, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub source: Arc<Source>,
    pub span: Range<usize>,
}

impl Place {
    /// Line of the place, counted from 1.
    pub fn line(&self) -> usize {
        self.source.text.as_bytes()[..self.span.start].iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// Lowercase, no full stop: names the key, quotes the value, says what is wanted.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Where it was written; none for what stands nowhere.
    pub place: Option<Place>,
}

impl Fault {
    /// A fault without a place, such as a file that cannot be read.
    pub fn nowhere(message: String, help: Option<String>) -> Fault {
        Fault { message, help, place: None }
    }

    fn order(&self) -> (Option<Layer>, usize, usize) {
        let at = |place: &Place| (Some(place.source.layer), place.source.index, place.span.start);
        self.place.as_ref().map_or((None, 0, 0), at)
    }
}

/// Everything that is wrong in a config, in the order in which it was written.
#[derive(Debug)]
pub struct Faults {
    faults: Vec<Fault>,
}

impl Faults {
    /// Sorts the faults by layer and place.
    pub(super) fn new(mut faults: Vec<Fault>) -> Faults {
        faults.sort_by_key(Fault::order);
        Faults { faults }
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.faults.len()
    }

    /// One line a fault, without its place.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(|fault| fault.message.as_str())
    }

    /// All faults for a person to read: message, file, line, column, caret and the way out; then their number.
    /// `styled` draws lines and colours for a terminal. No other line of the source is shown than the one with the fault:
    /// it may hold a password.
    pub fn render(&self, styled: bool) -> String {
        let theme = if styled { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH_COLUMNS)
            .with_context_lines(1)
            .with_links(false)
            .without_syntax_highlighting();
        let mut text = String::new();
        for fault in &self.faults {
            let report = report(fault);
            // A report that cannot be drawn is still told.
            if handler.render_report(&mut text, report.as_ref()).is_err() {
                text.push_str(&fault.message);
            }
            text.push('\n');
        }
        let noun = if self.count() == 1 { "fault" } else { "faults" };
        text.push_str(&format!("{} {noun} in the config\n", self.count()));
        text
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Faults {}

fn report(fault: &Fault) -> Report {
    let mut diagnostic = MietteDiagnostic::new(fault.message.clone());
    if let Some(help) = &fault.help {
        diagnostic = diagnostic.with_help(help.clone());
    }
    let Some(place) = &fault.place else { return Report::new(diagnostic) };
    // A parser may point between the bytes of a character.
    let end = place.source.text.floor_char_boundary(place.span.end);
    let start = place.source.text.floor_char_boundary(place.span.start.min(end));
    diagnostic = diagnostic.with_label(LabeledSpan::new_primary_with_span(None, start..end));
    Report::new(diagnostic).with_source_code(OneLine(place.source.clone()))
}

/// A source that shows the line with the fault, whatever context is asked for, and of a line that may hold a secret only
/// the place itself.
struct OneLine(Arc<Source>);

impl SourceCode for OneLine {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.0.text.as_str();
        let (start, end) = (span.offset(), span.offset() + span.len());
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
        let line = &text[line_start..line_end];
        let whole = before > 0 && line.len() <= LINE_BYTES_MAX && !may_hold_secret(line);
        let (from, to) = if whole { (line_start, line_end) } else { (start, end) };
        let number = text[..start].matches('\n').count();
        let column = text[line_start..from].chars().count();
        let name = self.0.name.clone();
        let span = SourceSpan::from(from..to);
        Ok(Box::new(MietteSpanContents::new_named(name, &text.as_bytes()[from..to], span, number, column, 1)))
    }
}

fn may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase().replace('_', ".");
    super::file::SECRET_WORDS.iter().any(|word| line.contains(word))
}
