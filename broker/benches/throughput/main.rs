//! How fast the broker is, beside a yardstick in the same run: bare Rocket
//! handlers that take the same requests and answer fixed JSON of the same size.
//!
//! `cargo bench -p broker` runs it all; `cargo bench -p broker -- quick` a
//! shorter one, and `-- lifecycle` only the lifecycle with few stored. Everything is real HTTP on loopback over 32 connections that
//! are kept; the echo service is a process of its own.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and fails by panicking"
)]

mod load;
mod yardstick;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use broker::store::{Durability, Key, Sqlite, Store};
use broker::{Config, StorePlace};
use load::{CONNECTIONS, Load, Measured, catalog, lifecycle};
use mimalloc::MiMalloc;
use serving::{Listen, Running};

/// That of the broker's binary; for the yardstick, too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many pairs of measurements the median is taken of.
const PAIRS: usize = 5;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |role: &str| arguments.iter().any(|argument| argument == role);
    if is("echo-service") {
        return serve(mock_echo::start(Listen::locally(0)).await.unwrap()).await;
    }
    if is("yardstick") {
        return serve(yardstick::start().await).await;
    }
    let quick = is("quick");
    let span = Duration::from_millis(if quick { 300 } else { 1500 });
    let stored = if quick { 2_000 } else { 100_000 };

    let echo = Server::of_ours("echo-service");
    let bench = Bench {
        echo_url: echo.url.clone(),
        dir: tempfile::tempdir().unwrap(),
        span,
        only_lifecycle: is("lifecycle"),
    };
    bench.run(stored).await;
    echo.end();
}

/// A server in a process of its own.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// This binary in another role.
    fn of_ours(role: &str) -> Server {
        Server::start(Command::new(std::env::current_exe().unwrap()).arg(role))
    }

    /// Starts it and waits for the line that ends with its URL.
    fn start(command: &mut Command) -> Server {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut ready)
            .unwrap();
        let url = ready.split_whitespace().next_back().unwrap().to_owned();
        Server { process, url }
    }

    fn end(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What this binary does in another role.
async fn serve(server: Running) {
    println!("{}", server.url());
    std::future::pending::<()>().await;
}

struct Bench {
    echo_url: String,
    dir: tempfile::TempDir,
    span: Duration,
    only_lifecycle: bool,
}

impl Bench {
    async fn run(&self, stored: usize) {
        println!(
            "fdatasync of this disk: median {:.2} ms",
            self.fdatasync().as_secs_f64() * 1e3
        );
        let yardstick = yardstick::start().await;

        if self.only_lifecycle {
            self.lifecycle_with_few(&yardstick).await;
            return;
        }

        let broker = self.broker("catalog.db").await;
        self.compare("catalog", &broker.url(), &yardstick.url(), catalog())
            .await;
        broker.stop(Duration::ZERO).await;

        let few = self.lifecycle_with_few(&yardstick).await;
        let one = self.in_groups_of_one().await;
        println!(
            "lifecycle in groups of one write: {one:.0} requests/s; grouped is {:.1} times that",
            few / one
        );

        // The log is of the binary; so the yardstick is a process, too.
        let (logging, apart) = (self.logging(), Server::of_ours("yardstick"));
        let name = "catalog with the log on, in processes of their own";
        self.compare(name, &logging.url, &apart.url, catalog())
            .await;
        logging.end();
        apart.end();

        self.fill("many.db", stored).await;
        let started = Instant::now();
        let broker = self.broker("many.db").await;
        println!(
            "ready with {stored} instances stored after {:.0} ms",
            started.elapsed().as_secs_f64() * 1e3
        );
        let many = self
            .compare(
                &format!("lifecycle with {stored} stored"),
                &broker.url(),
                &yardstick.url(),
                lifecycle(),
            )
            .await;
        println!(
            "cost per request with {stored} stored: {:.2} times that with few",
            few / many
        );
        println!(
            "resident memory (broker, yardstick and load in one process): {} MiB",
            resident_mib()
        );
        broker.stop(Duration::ZERO).await;
        yardstick.stop(Duration::ZERO).await;
    }

    async fn lifecycle_with_few(&self, yardstick: &Running) -> f64 {
        let broker = self.broker("few.db").await;
        let few = self
            .compare("lifecycle", &broker.url(), &yardstick.url(), lifecycle())
            .await;
        broker.stop(Duration::ZERO).await;
        few
    }

    async fn broker(&self, store: &str) -> Running {
        self.start(store, Sqlite::LARGEST_GROUP).await
    }

    async fn start(&self, store: &str, largest_group: NonZeroUsize) -> Running {
        let config = Config {
            store: StorePlace::File(self.dir.path().join(store)),
            largest_group,
            ..Config::new(self.echo_url.parse().unwrap())
        };
        broker::start(Listen::locally(0), &config).await.unwrap()
    }

    /// Measures both in turn, and gives the broker's requests per second.
    async fn compare(&self, name: &str, broker: &str, yardstick: &str, load: Load) -> f64 {
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let ours = load.measure(broker, CONNECTIONS, self.span).await;
            let theirs = load.measure(yardstick, CONNECTIONS, self.span).await;
            pairs.push((ours, theirs));
        }
        pairs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let (ours, theirs) = &pairs[PAIRS / 2];
        println!(
            "{name}: {:.0} requests/s, yardstick {:.0}, ratio {:.2}; p50 {:.2} ms of {:.2}, p99 {:.2} ms of {:.2} ({:.1} times)",
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            ms(ours.p50),
            ms(theirs.p50),
            ms(ours.p99),
            ms(theirs.p99),
            ms(ours.p99) / ms(theirs.p99),
        );
        ours.per_second
    }

    /// The lifecycle where no two writes share a commit, in requests per second.
    async fn in_groups_of_one(&self) -> f64 {
        let broker = self.start("one.db", NonZeroUsize::MIN).await;
        let measured = lifecycle()
            .measure(&broker.url(), CONNECTIONS, self.span)
            .await;
        broker.stop(Duration::ZERO).await;
        measured.per_second
    }

    /// The broker's binary, which writes its log to a file.
    fn logging(&self) -> Server {
        let log = File::create(self.dir.path().join("log")).unwrap();
        Server::start(
            Command::new(env!("CARGO_BIN_EXE_broker"))
                .args(["--port", "0", "--store", "memory"])
                .args(["--echo-url", &self.echo_url])
                .stderr(log),
        )
    }

    /// Fills a store with this many instances.
    async fn fill(&self, store: &str, count: usize) {
        let path = self.dir.path().join(store);
        let store = Sqlite::open(&path, Sqlite::LARGEST_GROUP, Box::new(|_| {})).unwrap();
        let mut last = None;
        for n in 0..count {
            let key = Key {
                instance: serving::Id::new(&format!("stored-{n}")).unwrap(),
                binding: None,
            };
            let instance = load::stored_instance();
            let decide = Box::new(
                move |stored: broker::decide::Stored| broker::decide::Decision {
                    instance: Some(instance.clone()),
                    binding: stored.binding,
                    drop_bindings: false,
                    next: broker::decide::Next::Reply(broker::reply::Reply::Updated(None)),
                },
            );
            let is_last = n + 1 == count;
            let durability = if is_last {
                Durability::Durable
            } else {
                Durability::Recoverable
            };
            last = Some(store.step(key, durability, decide).await.unwrap());
        }
        assert!(last.is_some());
    }

    /// The median of what it takes to get a small write to the disk.
    fn fdatasync(&self) -> Duration {
        let mut file = File::create(self.dir.path().join("fdatasync")).unwrap();
        let mut times: Vec<Duration> = (0..50)
            .map(|_| {
                file.write_all(&[7; 4096]).unwrap();
                let started = Instant::now();
                file.sync_data().unwrap();
                started.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2]
    }
}

fn ratio((ours, theirs): &(Measured, Measured)) -> f64 {
    ours.per_second / theirs.per_second
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Resident memory of this process in MiB; 0 where the system does not tell.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
