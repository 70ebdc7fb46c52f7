//! The arrows between the crates (ARCHITECTURE.md, "Rooms").

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const OURS: [&str; 6] = [
    "broker",
    "conformance",
    "fixtures",
    "mock-echo",
    "mutants",
    "serving",
];

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Each arrow as `FROM -> TO`, with what it is for.
fn arrows() -> BTreeSet<String> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let mut arrows = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if OURS.contains(&to) {
                let of = match (
                    dependency["kind"].as_str(),
                    dependency["optional"].as_bool(),
                ) {
                    (Some("dev"), _) => " for tests",
                    (_, Some(true)) => " by a feature",
                    _ => "",
                };
                arrows.insert(format!("{} -> {to}{of}", package["name"].as_str().unwrap()));
            }
        }
    }
    arrows
}

#[test]
fn the_crates_depend_on_each_other_as_the_architecture_says() {
    let arrows: Vec<String> = arrows().into_iter().collect();
    insta::assert_snapshot!(arrows.join("\n"), @"
    broker -> mock-echo for tests
    broker -> serving
    broker -> serving for tests
    conformance -> broker by a feature
    conformance -> fixtures
    conformance -> mock-echo by a feature
    conformance -> serving by a feature
    conformance -> serving for tests
    mock-echo -> serving
    mock-echo -> serving for tests
    mutants -> broker
    mutants -> conformance
    mutants -> fixtures for tests
    mutants -> mock-echo
    mutants -> serving
    ");
}

#[test]
fn the_engine_comes_without_rocket_and_without_clap() {
    let tree = cargo(&[
        "tree",
        "-p",
        "conformance",
        "--no-default-features",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]);
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        names.contains("hyper") && names.contains("fixtures"),
        "{tree}"
    );
    for kept_out in [
        "rocket",
        "clap",
        "broker",
        "mock-echo",
        "serving",
        "aws-lc-rs",
    ] {
        assert!(
            !names.contains(kept_out),
            "{kept_out} is in the engine's dependencies"
        );
    }
}

/// The sources of the engine, which are all but the command line's.
fn engine() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name != "main.rs" {
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

#[test]
fn the_engine_names_no_server_and_one_file_knows_the_http_client() {
    let files = engine();
    assert!(files.len() > 10);
    for (name, text) in files {
        for server in ["broker::", "mock_echo::", "serving::"] {
            assert!(!text.contains(server), "{name} names {server}");
        }
        assert!(
            name == "client.rs" || !text.contains("hyper"),
            "{name} knows hyper"
        );
    }
}
