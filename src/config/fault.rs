//! Faults: what is wrong in a config, where it stands, and the way out. All of them are told at once, each under the line
//! it was written in, whether that line is in a file, an environment variable or a flag.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

/// Columns that a report is wrapped to where nobody knows the terminal.
const WIDTH_COLUMNS: usize = 120;

/// A text that settings were written in. Later variants of the layer override earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub layer: Layer,
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

    fn order(&self) -> (Option<Layer>, usize) {
        self.place.as_ref().map_or((None, 0), |place| (Some(place.source.layer), place.span.start))
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
    /// `styled` draws lines and colours for a terminal. No other line of the source is shown: it may hold a password.
    pub fn render(&self, styled: bool) -> String {
        let theme = if styled { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH_COLUMNS)
            .with_context_lines(0)
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
    let end = place.span.end.min(place.source.text.len());
    let start = place.span.start.min(end);
    diagnostic = diagnostic.with_label(LabeledSpan::new_primary_with_span(None, start..end));
    Report::new(diagnostic).with_source_code(NamedSource::new(&place.source.name, place.source.text.clone()))
}
