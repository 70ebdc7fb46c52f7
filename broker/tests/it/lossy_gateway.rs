//! A gateway in front of the echo service that hands on each request and may
//! lose the answer.

use std::sync::{Arc, Mutex};

use serving::testing::send;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to an answer that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The connection is closed in its place.
    BreakOff,
    /// Nothing comes.
    Stall,
    /// Something else comes.
    Garble,
}

pub(crate) struct LossyGateway {
    url: String,
    state: Arc<State>,
}

struct State {
    echo_url: String,
    /// How many answers are still to be lost, and how.
    losses: Mutex<(Mode, usize)>,
    asked: Notify,
}

impl LossyGateway {
    /// A gateway to the echo service at `echo_url` that loses nothing yet.
    pub(crate) async fn start(echo_url: String) -> LossyGateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            echo_url,
            losses: Mutex::new((Mode::BreakOff, 0)),
            asked: Notify::new(),
        });
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serving.clone().hand_on(client));
            }
        });
        LossyGateway { url, state }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Loses the next `count` answers in this way.
    pub(crate) fn lose(&self, mode: Mode, count: usize) {
        *self.state.losses.lock().unwrap() = (mode, count);
    }

    /// Resolves when a request has arrived, if none has since the last time.
    pub(crate) async fn asked(&self) {
        self.state.asked.notified().await;
    }
}

impl State {
    /// Serves one request; those of the broker have no body.
    async fn hand_on(self: Arc<State>, mut client: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match client.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let line = head.split(" HTTP/").next().unwrap();
        let answer = send(&self.echo_url, line, &[]).await.unwrap();
        self.asked.notify_one();
        let text = match self.next_loss() {
            Some(Mode::BreakOff) => return,
            Some(Mode::Stall) => {
                // Until the broker gives up.
                let _ = client.read_u8().await;
                return;
            }
            Some(Mode::Garble) => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n]]".to_owned(),
            None => format!(
                "HTTP/1.1 {} -\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                answer.status,
                answer.body.len(),
                answer.body
            ),
        };
        client.write_all(text.as_bytes()).await.unwrap();
    }

    fn next_loss(&self) -> Option<Mode> {
        let (mode, left) = &mut *self.losses.lock().unwrap();
        *left = left.checked_sub(1)?;
        Some(*mode)
    }
}
