//! The files for deploying the servers name what there is.

use serving::testing::output;

const MANIFEST: &str = include_str!("../../../manifest.yml");
const PROCFILE: &str = include_str!("../../../Procfile");
const DOCKERFILE: &str = include_str!("../../../Dockerfile");

#[test]
fn the_deployment_files_name_flags_and_variables_that_the_broker_has() {
    let help = output(env!("CARGO_BIN_EXE_broker"), &["--help"], &[]).unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let is_variable = |word: &&str| {
        let is_name = word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        is_name && (word.starts_with("BROKER_") || *word == "PORT")
    };
    let mut named = 0;
    for file in [MANIFEST, PROCFILE, DOCKERFILE] {
        let words = file.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        for variable in words.clone().filter(is_variable) {
            assert!(help.contains(variable), "{variable}");
            named += 1;
        }
    }
    for file in [MANIFEST, PROCFILE] {
        let line = file.lines().find(|line| line.contains("./broker")).unwrap();
        for flag in line.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{flag}");
            named += 1;
        }
    }
    assert!(named >= 6, "{named}");
}
