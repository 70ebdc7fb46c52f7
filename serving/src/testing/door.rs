//! A door in front of a server: what goes through it is seen and may be changed.
//! Behind it, a true server can be wrong, or unusual, in one way.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Received, send_bytes};

/// A request that has come to a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The verb.
    pub method: String,
    /// The path with the query, as it came.
    pub path: String,
    /// Names (in lower case) and values, as they came.
    pub headers: Vec<(String, String)>,
    /// The body; bytes that are no UTF-8 replaced.
    pub body: String,
}

/// What is sent back.
pub enum Reply {
    /// This answer.
    Answer(Received),
    /// This answer, after so long.
    Late(Duration, Received),
    /// These bytes, and then nothing more.
    Bytes(Vec<u8>),
    /// The same bytes for ever, after these.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, until the client gives up.
    Silence,
}

/// Who keeps a door.
pub trait Keeper: Send + Sync {
    /// Looks at a request before the server gets it, and may change it. What it
    /// gives is answered in the server's place.
    fn enter(&self, _sent: &mut Sent) -> Option<Reply> {
        None
    }

    /// What is answered where the server has answered `received`.
    fn leave(&self, sent: &Sent, received: Received) -> Reply;

    /// What the server gets besides, before the answer is on its way. Nobody hears
    /// what it says to that.
    fn besides(&self) -> Vec<Sent> {
        Vec::new()
    }
}

/// A door that is open.
#[derive(Clone)]
pub struct Door {
    /// Where clients knock.
    pub url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

struct Way {
    keeper: Arc<dyn Keeper>,
    server: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// What belongs to the framing of a message, which a door does anew.
const FRAMING: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

impl Door {
    /// Opens a door in front of the server at `server`, on a free port.
    pub async fn open(server: &str, keeper: Arc<dyn Keeper>) -> io::Result<Door> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let door = Door {
            url: format!("http://{}", listener.local_addr()?),
            sent: Arc::default(),
        };
        let way = Arc::new(Way {
            keeper,
            server: server.to_owned(),
            sent: door.sent.clone(),
        });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = way.clone();
                tokio::spawn(async move {
                    // A client that has gone away needs no answer.
                    let _ = way.hand_on(client).await;
                });
            }
        });
        Ok(door)
    }

    /// The requests so far, as they came.
    pub fn sent(&self) -> Vec<Sent> {
        locked(&self.sent).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Way {
    async fn hand_on(&self, client: TcpStream) -> io::Result<()> {
        let mut client = BufReader::new(client);
        let mut request = read(&mut client).await?;
        let mut client = client.into_inner();
        locked(&self.sent).push(request.clone());
        let reply = match self.keeper.enter(&mut request) {
            Some(reply) => reply,
            None => {
                let received = send_bytes(&self.server, &request.bytes()).await?;
                self.keeper.leave(&request, received)
            }
        };
        for besides in self.keeper.besides() {
            send_bytes(&self.server, &besides.bytes()).await?;
        }
        match reply {
            Reply::Answer(answer) => client.write_all(&answer.bytes()).await,
            Reply::Late(after, answer) => {
                tokio::time::sleep(after).await;
                client.write_all(&answer.bytes()).await
            }
            Reply::Bytes(bytes) => client.write_all(&bytes).await,
            Reply::Endless(first, then) => {
                client.write_all(&first).await?;
                loop {
                    client.write_all(&then).await?;
                }
            }
            Reply::Silence => client.read_u8().await.map(drop),
        }
    }
}

async fn read(client: &mut BufReader<TcpStream>) -> io::Result<Sent> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if client.read_until(b'\n', &mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let text = String::from_utf8_lossy(&head);
    let (line, fields) = text.split_once("\r\n").unwrap_or_default();
    let headers: Vec<(String, String)> = fields
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await?;
    let mut words = line.split(' ').map(str::to_owned);
    Ok(Sent {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

impl Sent {
    /// Whether it is this verb on this path.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    /// Verb and path.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(have, value)| (have == name).then_some(value.as_str()))
    }

    fn bytes(&self) -> Vec<u8> {
        let line = format!("{} HTTP/1.1", self.line());
        message(&line, &self.headers, &self.body)
    }
}

impl Received {
    /// An answer whose body is JSON.
    pub fn of_json(status: u16, body: impl Into<String>) -> Received {
        Received {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let line = format!("HTTP/1.1 {} -", self.status);
        message(&line, &self.headers, &self.body)
    }
}

fn message(line: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let length = body.len();
    let mut text = format!("{line}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        if !FRAMING.contains(&name.as_str()) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    format!("{text}\r\n{body}").into_bytes()
}
