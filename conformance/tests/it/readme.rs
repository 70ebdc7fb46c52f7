//! The README's curl walk, against a pair on free ports.

use broker::Config;
use serving::Listen;
use serving::testing::send_body;

const README: &str = include_str!("../../../README.md");

/// A command of the README, and what it prints there.
struct Walked {
    command: String,
    printed: String,
}

/// The commands of the console blocks that call curl.
fn walk() -> Vec<Walked> {
    let mut walk = Vec::new();
    for block in README.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for shown in block.split("$ ").skip(1) {
            let joined = shown.replace("\\\n", " ");
            let (command, printed) = joined.split_once('\n').unwrap();
            if command.starts_with("curl ") {
                walk.push(Walked {
                    command: command.to_owned(),
                    printed: printed.trim_end().to_owned(),
                });
            }
        }
    }
    walk
}

/// Does what curl would do, for the few options that the walk uses.
async fn curl(command: &str, broker: &str, echo: &str) -> String {
    let mut words = shlex::split(command).unwrap().into_iter().skip(1);
    let (mut method, mut url, mut body) = (None, String::new(), None);
    let mut headers: Vec<(String, String)> = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word.as_str() {
            "-X" => method = Some(value()),
            "-u" => {
                assert_eq!(value(), "user:pass");
                headers.push(("Authorization".to_owned(), "Basic dXNlcjpwYXNz".to_owned()));
            }
            "-H" => {
                let header = value();
                let (name, value) = header.split_once(": ").unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
            "-d" => body = Some(value()),
            option if option.starts_with('-') => panic!("unknown option {option}"),
            _ => url = word,
        }
    }
    let is_typed = headers.iter().any(|(name, _)| name == "Content-Type");
    if body.is_some() && !is_typed {
        let form = "application/x-www-form-urlencoded";
        headers.push(("Content-Type".to_owned(), form.to_owned()));
    }
    let default = if body.is_some() { "POST" } else { "GET" };
    let method = method.unwrap_or_else(|| default.to_owned());
    let (server, path) = match url.split_once(":8080") {
        Some((_, path)) => (broker, path),
        None => (echo, url.split_once(":8090").unwrap().1),
    };
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let line = format!("{method} {path}");
    let answer = send_body(server, &line, &headers, body.unwrap_or_default()).await;
    answer.unwrap().body.replace(echo, "http://127.0.0.1:8090")
}

#[tokio::test]
async fn the_curl_walk_prints_what_the_readme_shows_and_a_second_time_too() {
    let echo = mock_echo::start(Listen::locally(0)).await.unwrap();
    let config = Config::new(echo.url().parse().unwrap());
    let broker = broker::start(Listen::locally(0), &config).await.unwrap();
    let walk = walk();
    assert!(walk.len() >= 5, "the walk has {} steps", walk.len());
    for _ in 0..2 {
        for Walked { command, printed } in &walk {
            assert_eq!(
                curl(command, &broker.url(), &echo.url()).await,
                *printed,
                "{command}"
            );
        }
    }
}
