//! What a broker has to be told.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use crate::auth::Credentials;
use crate::catalog::Catalog;
use crate::store::{Lost, Memory, OpenError, Sqlite, Store};

/// The settings of a broker.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the broker calls the echo service.
    pub echo_url: EchoUrl,
    /// Where users reach the echo service, if it is another place.
    pub echo_public_url: Option<EchoUrl>,
    /// How long the broker waits for an answer of the echo service.
    pub echo_timeout: Duration,
    /// Where the broker keeps what it has to know.
    pub store: StorePlace,
    /// How many writes to a file are committed together at most.
    pub largest_group: NonZeroUsize,
    /// What the broker offers.
    pub catalog: CatalogSource,
    /// How long after its acceptance an asynchronous operation is done.
    pub async_delay: Duration,
    /// What platforms have to authenticate with.
    pub credentials: Credentials,
}

impl Config {
    /// A broker for the echo service at `echo_url`, with the documented
    /// credentials.
    pub fn new(echo_url: EchoUrl) -> Config {
        Config {
            echo_url,
            echo_public_url: None,
            echo_timeout: Duration::from_secs(5),
            store: StorePlace::Memory,
            largest_group: Sqlite::LARGEST_GROUP,
            catalog: CatalogSource::Documented,
            async_delay: Duration::from_secs(2),
            credentials: Credentials::default(),
        }
    }

    pub(crate) fn echo_public_url(&self) -> &EchoUrl {
        self.echo_public_url.as_ref().unwrap_or(&self.echo_url)
    }
}

/// Where a broker keeps what it has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// In memory: it ends with the process.
    Memory,
    /// In this SQLite file.
    File(PathBuf),
}

/// Why a text is no [`StorePlace`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStorePlace {
    /// There is no text.
    #[error("it is empty; give a file such as broker.db, or memory")]
    Empty,
    /// SQLite, or somebody who knows it, would take it for something else.
    #[error("it is no file for SQLite; use --store memory to keep nothing, or ./{0} for a file")]
    Ambiguous(String),
}

impl FromStr for StorePlace {
    type Err = BadStorePlace;

    fn from_str(text: &str) -> Result<StorePlace, BadStorePlace> {
        match text {
            "" => Err(BadStorePlace::Empty),
            "memory" => Ok(StorePlace::Memory),
            name if name == ":memory:" || name.starts_with("file:") => {
                Err(BadStorePlace::Ambiguous(name.to_owned()))
            }
            file => Ok(StorePlace::File(PathBuf::from(file))),
        }
    }
}

impl StorePlace {
    pub(crate) fn open(
        &self,
        largest_group: NonZeroUsize,
        lost: Lost,
    ) -> Result<Box<dyn Store>, OpenError> {
        Ok(match self {
            StorePlace::Memory => Box::new(Memory::default()),
            StorePlace::File(path) => Box::new(Sqlite::open(path, largest_group, lost)?),
        })
    }
}

/// Where a broker's catalog comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogSource {
    /// The documented one.
    Documented,
    /// One with every feature of the specification.
    Showcase,
    /// One whose plans misbehave on purpose.
    Scenarios,
    /// A file of the user's.
    File(PathBuf),
    /// This text.
    Text(String),
}

impl From<&str> for CatalogSource {
    fn from(text: &str) -> CatalogSource {
        match text {
            "documented" => CatalogSource::Documented,
            "showcase" => CatalogSource::Showcase,
            "scenarios" => CatalogSource::Scenarios,
            file => CatalogSource::File(PathBuf::from(file)),
        }
    }
}

impl CatalogSource {
    /// Reads the catalog; an error names the file and the place in it.
    pub(crate) fn read(&self, echo_public_url: &str) -> Result<Catalog, String> {
        let read = |text: &str| Catalog::read(text, echo_public_url);
        match self {
            CatalogSource::Documented => read(include_str!("../catalogs/documented.json")),
            CatalogSource::Showcase => read(include_str!("../catalogs/showcase.json")),
            CatalogSource::Scenarios => read(include_str!("../catalogs/scenarios.json")),
            CatalogSource::Text(text) => read(text),
            CatalogSource::File(path) => {
                let shown = path.display();
                let text = fs::read_to_string(path)
                    .map_err(|error| format!("cannot read the catalog {shown}: {error}"))?;
                return read(&text).map_err(|bad| format!("the catalog {shown}: {bad}"));
            }
        }
        .map_err(|bad| format!("the catalog: {bad}"))
    }
}

/// The address of an echo service: an http or https URL, with a path or
/// without, that paths can be appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoUrl(String);

/// Why a text is no [`EchoUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected a URL such as http://127.0.0.1:8090")]
pub struct BadEchoUrl(String);

impl FromStr for EchoUrl {
    type Err = BadEchoUrl;

    fn from_str(text: &str) -> Result<EchoUrl, BadEchoUrl> {
        let url = Url::parse(text).map_err(|error| BadEchoUrl(error.to_string()))?;
        let refused = if !matches!(url.scheme(), "http" | "https") {
            "it is neither http nor https"
        } else if !url.username().is_empty() || url.password().is_some() {
            "it holds credentials, which the broker would hand out"
        } else if url.query().is_some() || url.fragment().is_some() {
            "it has a query or a fragment"
        } else {
            return Ok(EchoUrl(url.as_str().trim_end_matches('/').to_owned()));
        };
        Err(BadEchoUrl(refused.to_owned()))
    }
}

impl EchoUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EchoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_its_last_slash_and_keeps_its_path() {
        for (text, url) in [
            ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
            ("http://127.0.0.1:8090/", "http://127.0.0.1:8090"),
            (
                "https://Echo.example.com/a/b/",
                "https://echo.example.com/a/b",
            ),
        ] {
            assert_eq!(text.parse::<EchoUrl>().unwrap().as_str(), url);
        }
    }

    #[test]
    fn what_paths_cannot_be_appended_to_is_refused() {
        for text in [
            "",
            "127.0.0.1:8090",
            "localhost",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h?a",
            "http://h#a",
            "mailto:a@b",
        ] {
            assert!(text.parse::<EchoUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_store_is_a_file_or_memory_and_nothing_that_keeps_nothing_silently() {
        let file = |name: &str| Ok(StorePlace::File(PathBuf::from(name)));
        for (text, place) in [
            ("memory", Ok(StorePlace::Memory)),
            ("broker.db", file("broker.db")),
            ("./file:x", file("./file:x")),
            ("./:memory:", file("./:memory:")),
            ("", Err(BadStorePlace::Empty)),
            (
                ":memory:",
                Err(BadStorePlace::Ambiguous(":memory:".to_owned())),
            ),
            ("file:x", Err(BadStorePlace::Ambiguous("file:x".to_owned()))),
        ] {
            assert_eq!(text.parse(), place, "{text}");
        }
    }
}
