//! The terminal.

use std::fmt::Display;
use std::io::Write as _;

/// The width of the terminal in columns, within what is good to read.
pub(crate) fn width() -> usize {
    const WITHOUT_TERMINAL: usize = 80;
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    width.unwrap_or(WITHOUT_TERMINAL).clamp(40, 120)
}

/// Prints to standard output; colours only where a terminal wants them.
pub(crate) fn print(text: impl Display) {
    // A reader that has gone away (`| head`) changes nothing about the run.
    let _ = write!(anstream::stdout(), "{text}");
}

/// Prints a text to standard error as it is.
pub(crate) fn complain_as_is(text: &str) {
    // There is nobody left to tell if this fails.
    let _ = write!(anstream::stderr(), "{text}");
}

/// Prints a line to standard error.
pub(crate) fn complain(why: impl Display) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(anstream::stderr(), "conformance: {why}");
}
