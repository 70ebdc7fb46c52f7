//! Where a server listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

/// How long a stop waits for the requests under way, where nothing else is said.
pub const GRACE: Duration = Duration::from_secs(5);

/// Where and how a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address of the interface.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// For https; http without it.
    pub tls: Option<Tls>,
}

/// What a server proves itself with: two files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Its certificate, and those of who vouches for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The arguments of a server that say where it listens and how it ends. Each
/// has an environment variable; the port's is the `PORT` that platforms set.
#[derive(Clone, Debug)]
pub struct ListenArgs {
    address: Option<IpAddr>,
    port: Option<Port>,
    tls: Option<Tls>,
    /// How long a stop waits for the requests under way.
    pub grace: Duration,
}

/// A port that somebody asked for.
#[derive(Clone, Copy, Debug)]
enum Port {
    /// By the flag.
    Flag(u16),
    /// By the platform's variable.
    Platform(u16),
}

impl ListenArgs {
    /// Where to listen. A platform routes to the application from outside: its
    /// port means all interfaces, unless an address is given too.
    pub fn or_default_port(self, default_port: u16) -> Listen {
        let (port, default_address) = match self.port {
            Some(Port::Platform(port)) => (port, Ipv4Addr::UNSPECIFIED),
            Some(Port::Flag(port)) => (port, Ipv4Addr::LOCALHOST),
            None => (default_port, Ipv4Addr::LOCALHOST),
        };
        Listen {
            address: self.address.unwrap_or(default_address.into()),
            port,
            tls: self.tls,
        }
    }
}

/// By hand, because where the port comes from matters, and the derived
/// implementation forgets it.
impl FromArgMatches for ListenArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let port = matches
            .get_one("port")
            .map(|&port| match matches.value_source("port") {
                Some(ValueSource::EnvVariable) => Port::Platform(port),
                _ => Port::Flag(port),
            });
        let file = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        Ok(ListenArgs {
            address: matches.get_one("address").copied(),
            port,
            tls: file("tls-cert")
                .zip(file("tls-key"))
                .map(|(certificate, key)| Tls { certificate, key }),
            grace: matches.get_one("grace").copied().unwrap_or(GRACE),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = ListenArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ListenArgs {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new("address")
                    .long("address")
                    .value_name("ADDRESS")
                    .env("LISTEN_ADDRESS")
                    .value_parser(value_parser!(IpAddr))
                    .help("IP address to listen on; 127.0.0.1 by default, 0.0.0.0 if PORT is set"),
            )
            .arg(
                Arg::new("port")
                    .long("port")
                    .value_name("PORT")
                    .env("PORT")
                    .value_parser(value_parser!(u16))
                    .help("Port to listen on; 0 takes a free one"),
            )
            .arg(
                Arg::new("tls-cert")
                    .long("tls-cert")
                    .value_name("FILE")
                    .env("TLS_CERT")
                    .value_parser(value_parser!(PathBuf))
                    .requires("tls-key")
                    .help("Certificate (PEM), to serve https"),
            )
            .arg(
                Arg::new("tls-key")
                    .long("tls-key")
                    .value_name("FILE")
                    .env("TLS_KEY")
                    .value_parser(value_parser!(PathBuf))
                    .requires("tls-cert")
                    .help("Private key (PEM) of the certificate"),
            )
            .arg(
                Arg::new("grace")
                    .long("grace")
                    .value_name("DURATION")
                    .env("GRACE")
                    .default_value("5s")
                    .value_parser(duration)
                    .help("How long a stop waits for the requests under way"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        ListenArgs::augment_args(command)
    }
}

impl Listen {
    /// `port` on the loopback interface.
    pub fn locally(port: u16) -> Listen {
        Listen {
            address: Ipv4Addr::LOCALHOST.into(),
            port,
            tls: None,
        }
    }

    /// Whether other machines may reach it.
    pub fn is_public(&self) -> bool {
        !self.address.is_loopback()
    }

    /// The URL of a server that listens here.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{self}")
    }
}

/// `ADDRESS:PORT`, with an IPv6 address in brackets.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Reads a duration that a flag gives, such as `5s` or `500ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = |_| "expected a duration such as 5s or 500ms".to_owned();
    humantime::parse_duration(text).map_err(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platforms_port_means_all_interfaces_unless_an_address_is_given() {
        let address = Some(IpAddr::from([127, 0, 0, 2]));
        for (address, port, expected) in [
            (None, None, "127.0.0.1:8090"),
            (address, None, "127.0.0.2:8090"),
            (None, Some(Port::Flag(7000)), "127.0.0.1:7000"),
            (address, Some(Port::Flag(7000)), "127.0.0.2:7000"),
            (None, Some(Port::Platform(9000)), "0.0.0.0:9000"),
            (address, Some(Port::Platform(9000)), "127.0.0.2:9000"),
        ] {
            let args = ListenArgs {
                address,
                port,
                tls: None,
                grace: GRACE,
            };
            assert_eq!(args.or_default_port(8090).to_string(), expected);
        }
    }

    #[test]
    fn only_a_loopback_address_is_private() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("192.0.2.1", true),
        ] {
            let listen = Listen {
                address: address.parse().unwrap(),
                ..Listen::locally(0)
            };
            assert_eq!(listen.is_public(), public, "{address}");
        }
    }
}
