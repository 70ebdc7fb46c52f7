//! A request as a curl command that repeats it.

use crate::exchange::Request;
use crate::secrets::{recorded_basic, recorded_bearer};
use crate::target::Target;
use crate::{AUTH_VARIABLE, TOKEN_VARIABLE};

/// The width up to which a line is filled before the next begins.
const WIDTH: usize = 72;

/// The command that sends a recorded request again, for any POSIX shell. It takes
/// the credentials from the environment, and continues on further lines (`\`)
/// where one would be too long.
pub fn curl(target: &Target, request: &Request) -> String {
    let mut words = vec!["curl -i --path-as-is --globoff".to_owned()];
    words.push(match request.method.as_str() {
        // With `-X HEAD` curl would wait for a body.
        "HEAD" => "--head".to_owned(),
        method => format!("-X {method}"),
    });
    for (name, value) in request.sent_headers() {
        if name.eq_ignore_ascii_case("user-agent") && request.header(&name).is_none() {
            continue;
        }
        words.push(header(&name, &value));
    }
    if request.body.is_some() && request.header("content-type").is_none() {
        // curl would call it a form.
        words.push("-H 'Content-Type:'".to_owned());
    }
    if request.announces_empty_body() {
        words.push("-H 'Content-Length: 0'".to_owned());
    }
    if let Some(body) = &request.body {
        if body.contains(|c: char| c.is_control()) {
            words.insert(0, format!("printf {} |", quote(&printf_format(body))));
            words.push("--data-binary @-".to_owned());
        } else {
            // `--data-binary` would read a file if the body began with `@`.
            words.push(format!("--data-raw {}", quote(body)));
        }
    }
    words.push(quote(&target.url(&request.path)));
    fill(&words)
}

fn header(name: &str, value: &str) -> String {
    if name.eq_ignore_ascii_case("authorization") && value == recorded_basic() {
        format!("-u \"${AUTH_VARIABLE}\"")
    } else if value == recorded_bearer() {
        format!("-H \"{name}: Bearer ${TOKEN_VARIABLE}\"")
    } else if value.is_empty() {
        // With a colon and nothing behind it curl would drop the header.
        format!("-H {}", quote(&format!("{name};")))
    } else {
        format!("-H {}", quote(&format!("{name}: {value}")))
    }
}

/// Quotes a word for a POSIX shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A format for `printf` that prints `text`, control characters included, which
/// would not survive being printed and copied.
fn printf_format(text: &str) -> String {
    let mut format = String::new();
    for (index, c) in text.chars().enumerate() {
        match c {
            // An option, to printf.
            '-' if index == 0 => format.push_str(r"\055"),
            '\\' => format.push_str(r"\\"),
            '%' => format.push_str("%%"),
            '\n' => format.push_str(r"\n"),
            c if c.is_control() => {
                for byte in c.to_string().bytes() {
                    format.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => format.push(c),
        }
    }
    format
}

fn fill(words: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.clone()),
        }
    }
    lines.join(" \\\n")
}
