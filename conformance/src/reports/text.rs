//! What reports for people have in common: colours, lines, and text of a target
//! made fit to be shown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::AUTH_VARIABLE;
use crate::Leftover;

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

/// The longest text of a target that is shown.
const LONGEST_TEXT: usize = 2000;

/// Text of a target, without what would confuse a terminal and without end.
pub fn printable(text: &str) -> String {
    let start: String = text.chars().take(LONGEST_TEXT).collect();
    let mut shown = visible(&start);
    if text.chars().nth(LONGEST_TEXT).is_some() {
        shown.push('…');
    }
    shown
}

/// The same where there is room for one line only.
pub fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], "\u{fffd}")
}

/// A text in which what cannot be seen but has an effect, as control characters
/// and changes of the writing direction, is replaced.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Whether a character cannot be seen but has an effect.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
