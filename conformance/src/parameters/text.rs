//! Texts of a length, for a pattern, in a format.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use super::part::{highest, lowest, said};

/// How long a text may be.
pub(super) const MAX_TEXT: usize = 4096;

/// How many parts of a pattern are written for one text.
const MAX_STEPS: usize = 20_000;

/// The characters that are used where a pattern leaves a choice, in this order.
const LIKED: &str = "aA1bB2cC3dD4eE5fF6-_. x/:@!";

/// What is asked of a text.
#[derive(Default)]
pub(super) struct Asked<'a> {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
    pub(super) patterns: Vec<&'a str>,
    pub(super) formats: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    pub(super) fn matching(pattern: &'a str) -> Self {
        let patterns = vec![pattern];
        Self {
            patterns,
            ..Self::default()
        }
    }

    /// What the schemas ask of a text.
    pub(super) fn of(part: &[&'a Value]) -> Self {
        let texts = |keyword| said(part, keyword).filter_map(Value::as_str).collect();
        Self {
            least: highest(part, "minLength").map_or(0, |least| least as usize),
            most: lowest(part, "maxLength").map(|most| most as usize),
            patterns: texts("pattern"),
            formats: texts("format"),
        }
    }
}

/// Texts that probably are as asked, the simplest first, as long as the steps that
/// they take can be spent.
pub(super) fn texts(
    asked: &Asked,
    want: usize,
    spend: &dyn Fn(usize) -> bool,
) -> Result<Vec<String>, String> {
    if asked.least > MAX_TEXT {
        return Err(format!("a text would have {} characters", asked.least));
    }
    let mut all = Vec::new();
    for format in &asked.formats {
        all.extend((0..want + 1).filter_map(|n| in_format(format, n)));
    }
    for pattern in &asked.patterns {
        if !spend(pattern.len()) {
            return Ok(all);
        }
        let hir = parse(pattern)?;
        for seed in 0..want + 2 {
            for extra in [1, 0, 2, 4, asked.least / 2, asked.least] {
                let (out, steps) = (String::new(), MAX_STEPS);
                let mut writer = Writer {
                    out,
                    seed,
                    extra,
                    steps,
                };
                let is_written = writer.write(&hir).is_some();
                if !spend(1 + (MAX_STEPS - writer.steps) / 16 + writer.out.len() / 64) {
                    return Ok(all);
                }
                if is_written {
                    let missing = asked.least.saturating_sub(writer.out.chars().count());
                    writer.out.extend(std::iter::repeat_n('a', missing));
                    all.push(writer.out);
                }
            }
        }
    }
    let most = asked.most.unwrap_or(MAX_TEXT).min(MAX_TEXT);
    let plain = (0..want + 1).map(|n| plain(asked.least, most, n));
    all.extend(plain.take_while(|text| spend(text.len() / 64)));
    Ok(all)
}

/// The `n`th text without a meaning.
fn plain(least: usize, most: usize, n: usize) -> String {
    let mut text = if n == 0 { String::new() } else { n.to_string() };
    text.push_str("example");
    text.truncate(most);
    text.extend(std::iter::repeat_n('a', least.saturating_sub(text.len())));
    text
}

/// The `n`th example of a format, if the format is known.
fn in_format(format: &str, n: usize) -> Option<String> {
    let few = n % 28 + 1; // a day of every month
    Some(match format {
        "date-time" => format!("2026-01-{few:02}T03:04:05Z"),
        "date" => format!("2026-01-{few:02}"),
        "time" => format!("03:04:{few:02}Z"),
        "duration" => format!("P{few}D"),
        "email" | "idn-email" => format!("user{few}@example.com"),
        "hostname" | "idn-hostname" | "host-name" => format!("host{few}.example.com"),
        "ipv4" | "ip-address" => format!("192.0.2.{few}"),
        "ipv6" => format!("2001:db8::{few}"),
        "uri" | "uri-reference" | "iri" | "iri-reference" | "url" => {
            format!("https://example.com/{few}")
        }
        "uri-template" => format!("https://example.com/{few}/{{id}}"),
        "uuid" => format!("6ba7b810-9dad-41d1-80b4-00c04fd430{few:02}"),
        "json-pointer" => format!("/{few}"),
        "relative-json-pointer" => few.to_string(),
        "regex" => format!("^a{{{few}}}$"),
        "color" => format!("#0000{few:02}"),
        _ => return None,
    })
}

/// Reads a pattern. What it says by looking around is left out: what is written
/// may or may not keep it.
fn parse(pattern: &str) -> Result<Hir, String> {
    let parsed = regex_syntax::parse(pattern).ok();
    let parsed = parsed.or_else(|| regex_syntax::parse(&without_looks(pattern)).ok());
    parsed.ok_or_else(|| format!("no text was found for the pattern `{pattern:.100}`"))
}

/// A pattern without its groups that look ahead or behind.
fn without_looks(pattern: &str) -> String {
    let mut kept = String::new();
    // How many groups are open within the one that is left out.
    let (mut open, mut in_class, mut rest) = (0usize, false, pattern);
    while let Some(first) = rest.chars().next() {
        let looks = ["(?=", "(?!", "(?<=", "(?<!"];
        let mut length = first.len_utf8();
        let left_out = open > 0;
        match first {
            '\\' => length += rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class && (left_out || looks.iter().any(|look| rest.starts_with(look))) => {
                open += 1;
            }
            ')' if !in_class && left_out => open -= 1,
            _ => {}
        }
        let (token, after) = rest.split_at(length);
        if !left_out && open == 0 {
            kept.push_str(token);
        }
        rest = after;
    }
    kept
}

/// Writes a text for a pattern, or stops where it would be too long.
struct Writer {
    out: String,
    /// Which of several possibilities is taken. 0 takes the first everywhere.
    seed: usize,
    /// How often more than needed something is repeated.
    extra: usize,
    /// How many parts of patterns may still be written.
    steps: usize,
}

impl Writer {
    fn write(&mut self, hir: &Hir) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => {
                let char = self.pick(class)?;
                self.out.push(char);
            }
            HirKind::Repetition(repetition) => {
                let (min, max) = (repetition.min, repetition.max.unwrap_or(u32::MAX));
                let most = usize::try_from(max).ok()?;
                let count = usize::try_from(min)
                    .ok()?
                    .saturating_add(self.extra)
                    .min(most);
                for _ in 0..count {
                    let before = self.out.len();
                    self.write(&repetition.sub)?;
                    if self.out.len() == before {
                        break;
                    }
                }
            }
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    self.write(part)?;
                }
            }
            HirKind::Alternation(branches) => {
                self.write(branches.get(self.seed % branches.len().max(1))?)?;
            }
        }
        (self.out.len() <= MAX_TEXT).then_some(())
    }

    fn pick(&self, class: &Class) -> Option<char> {
        let Class::Unicode(class) = class else {
            let Class::Bytes(class) = class else {
                return None;
            };
            return class
                .ranges()
                .first()
                .map(|range| char::from(range.start()));
        };
        let contains = |char: &char| {
            let mut ranges = class.iter().take_while(|range| range.start().is_ascii());
            ranges.any(|range| (range.start()..=range.end()).contains(char))
        };
        let liked: Vec<char> = LIKED.chars().filter(contains).collect();
        // Other seeds also mix the characters.
        let place = if self.seed == 0 {
            0
        } else {
            self.seed + self.out.len()
        };
        let liked = liked.get(place % liked.len().max(1)).copied();
        liked.or_else(|| class.iter().next().map(|range| range.start()))
    }
}
