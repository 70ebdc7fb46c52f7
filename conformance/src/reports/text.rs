//! What reports for people have in common: colours and lines.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::AUTH_VARIABLE;
use crate::Leftover;
use crate::printable;

/// What is kept.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is broken.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is left open.
pub const UNSURE: Style = AnsiColor::Yellow.on_default();
/// What only names the thing behind it.
pub const LABEL: Style = Style::new().dimmed();
/// A heading.
pub const TITLE: Style = Style::new().bold();

/// Text of a target, without what would confuse a terminal and without end.
pub fn printable(text: &str) -> String {
    printable::printable(text)
}

/// Text of a target where there is room for one line only.
pub fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], "\u{fffd}")
}

/// Adds a line.
pub fn line(text: &mut String, indent: usize, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:indent$}{content}", "");
}

/// Adds each line of a content.
pub fn block(text: &mut String, indent: usize, content: &str) {
    for content in content.lines() {
        line(text, indent, content);
    }
}

/// Prose after a head that takes `taken` columns; further lines are indented.
pub fn wrapped(prose: &str, width: usize, taken: usize, indent: usize) -> String {
    let first = " ".repeat(taken);
    let further = " ".repeat(indent);
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&further)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let filled = textwrap::fill(prose, options);
    format!("{}\n", filled.get(taken..).unwrap_or(&filled))
}

/// The lines that tell what could not be removed.
pub fn left_behind(leftover: &Leftover, width: usize) -> String {
    let Leftover {
        id,
        request,
        instead,
    } = leftover;
    let told = format!("{id} is left behind: {request} {instead}");
    format!("  {BAD}!{BAD:#} ") + &wrapped(&one_line(&told), width, 4, 6)
}

/// What stands above commands that repeat requests, and what they need.
pub fn repeat_it(commands: &[String]) -> String {
    match commands.iter().any(|it| it.contains(AUTH_VARIABLE)) {
        true => format!("repeat it, with USER:PASS in {AUTH_VARIABLE}"),
        false => "repeat it".to_owned(),
    }
}
