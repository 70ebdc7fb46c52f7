//! Text of a target, made fit to be shown to people.

/// The longest text of a target that is shown.
const LONGEST: usize = 2000;

/// Text of a target, without what would confuse a terminal and without end.
pub(crate) fn printable(text: &str) -> String {
    let start: String = text.chars().take(LONGEST).collect();
    let mut shown = visible(&start);
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A text in which what cannot be seen but has an effect, as control characters
/// and changes of the writing direction, is replaced.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Whether a character cannot be seen but has an effect.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Ends of lines and paragraphs.
            '\u{2028}' | '\u{2029}'
            // Marks, embeddings and isolates of the writing direction.
            | '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
