//! A server that gives the answers of a script, one for each request, and writes down what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What happens to a request that was read to its end.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// It is answered with these bytes.
    Answer(String),
    /// The connection is closed.
    Close,
}

/// An answer with a body of this type.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> Act {
    with_header(status, &format!("content-type: {content_type}"), body)
}

/// An answer with this header line and body.
pub(crate) fn with_header(status: u16, header: &str, body: &str) -> Act {
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    Act::Answer(format!("HTTP/1.1 {status} X\r\n{header}\r\n{length}connection: close\r\n\r\n{body}"))
}

pub(crate) struct Script {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    acts: Arc<Mutex<VecDeque<Act>>>,
}

impl Script {
    /// A server that goes on with the last act when the script is over.
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::serve(acts, false).await
    }

    /// A server that can't be connected to any more when the script is over.
    pub(crate) async fn then_gone(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::serve(acts, true).await
    }

    async fn serve(acts: impl IntoIterator<Item = Act>, goes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let acts = Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>()));
        let (seen, script) = (asked.clone(), acts.clone());
        tokio::spawn(async move {
            let mut listener = Some(listener);
            while let Some(open) = &listener {
                let Ok((stream, _)) = open.accept().await else { return };
                let act = {
                    let mut script = script.lock().unwrap();
                    if script.len() > 1 || goes { script.pop_front() } else { script.front().cloned() }
                };
                if goes && script.lock().unwrap().is_empty() {
                    // It is gone before the client knows the last answer.
                    listener = None;
                }
                exchange(stream, act.unwrap(), &seen).await;
            }
        });
        Self { url, asked, acts }
    }

    /// Starts another script, and forgets what was asked.
    pub(crate) fn play(&self, acts: impl IntoIterator<Item = Act>) {
        *self.acts.lock().unwrap() = acts.into_iter().collect();
        self.asked.lock().unwrap().clear();
    }

    /// The first line of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The request is written down before it is answered, so that nobody sees the answer first.
async fn exchange(mut stream: TcpStream, act: Act, asked: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8_lossy(&request);
    asked.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
    if let Act::Answer(bytes) = act {
        drop(stream.write_all(bytes.as_bytes()).await);
        drop(stream.shutdown().await);
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}
