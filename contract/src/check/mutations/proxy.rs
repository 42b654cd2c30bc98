//! A proxy in front of a simulator. It breaks one behaviour.
//!
//! The proxy writes HTTP by hand, because an HTTP library refuses to send a 204 with a body, which a mutation needs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use cmp_simulator::{Operation, TOKEN_PATH};
use reqwest::Client;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Copy)]
pub(super) enum Break {
    /// The proxy changes nothing.
    Nothing,
    Request(fn(&mut Request, &Memory)),
    Answer(fn(&Request, &mut Reply, &Memory)),
    /// The proxy sends this response in place of the simulator's.
    Instead(fn(&Request, &Memory) -> Option<Reply>),
    /// The proxy sends no response for this operation.
    Drop(Operation),
}

#[derive(Clone)]
pub(super) struct Request {
    pub(super) operation: Option<Operation>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// What the proxy remembers between exchanges.
#[derive(Default)]
pub(super) struct Memory {
    /// A token of the account with every scope.
    pub(super) token: String,
    /// The last success of each operation.
    pub(super) successes: HashMap<Operation, Reply>,
    /// The latest network token number in a response.
    pub(super) network_token: Option<Value>,
}

impl Request {
    pub(super) fn is(&self, operation: Operation) -> bool {
        self.operation == Some(operation)
    }

    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut document) = serde_json::from_slice(&self.body) {
            change(&mut document);
            self.body = document.to_string().into_bytes();
        }
    }
}

impl Reply {
    pub(super) fn json(status: u16, document: &Value) -> Self {
        let content_type = "application/vnd.api+json".to_owned();
        Self { status, content_type, body: document.to_string().into_bytes() }
    }

    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut document) = serde_json::from_slice(&self.body) {
            change(&mut document);
            self.body = document.to_string().into_bytes();
        }
    }
}

/// Starts a proxy in front of `upstream`, and returns the proxy's URL. The proxy ends with the runtime.
pub(super) async fn start(upstream: String, form: String, how: Break) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let token = http
        .post(format!("{upstream}{TOKEN_PATH}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let token: Value = serde_json::from_slice(&token.send().await.unwrap().bytes().await.unwrap()).unwrap();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let memory = Arc::new(Mutex::new(Memory { token, ..Memory::default() }));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (http, upstream, memory) = (http.clone(), upstream.clone(), Arc::clone(&memory));
            tokio::spawn(async move { serve(stream, &http, &upstream, how, &memory).await });
        }
    });
    url
}

/// Serves one exchange. The connection closes after it.
async fn serve(
    mut stream: TcpStream,
    http: &Client,
    upstream: &str,
    how: Break,
    memory: &Mutex<Memory>,
) -> Option<()> {
    let mut request = read(&mut stream).await?;
    let instead = match how {
        Break::Request(change) => {
            change(&mut request, &memory.lock().unwrap());
            None
        }
        Break::Instead(answer) => answer(&request, &memory.lock().unwrap()),
        Break::Answer(_) | Break::Nothing => None,
        // Ends the connection without a response.
        Break::Drop(operation) if request.is(operation) => return None,
        Break::Drop(_) => None,
    };
    let reply = match instead {
        Some(reply) => reply,
        None => {
            let mut reply = forward(http, upstream, &request).await?;
            let mut memory = memory.lock().unwrap();
            if let Break::Answer(change) = how {
                change(&request, &mut reply, &memory);
            }
            remember(&mut memory, &request, &reply);
            reply
        }
    };
    write(&mut stream, &reply).await
}

fn remember(memory: &mut Memory, request: &Request, reply: &Reply) {
    let document: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let number = &document["data"]["attributes"]["network_token"];
    if !number.is_null() {
        memory.network_token = Some(number.clone());
    }
    if let (Some(operation), 200..=299) = (request.operation, reply.status) {
        memory.successes.insert(operation, reply.clone());
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = lines.filter_map(header).collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes[head_end..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { operation: operation(&method, &path), method, path, headers, body })
}

fn operation(method: &str, path: &str) -> Option<Operation> {
    let path: Vec<_> = path.split('?').next()?.split('/').collect();
    Operation::ALL.into_iter().find(|operation| {
        let template: Vec<_> = operation.path_template().split('/').collect();
        operation.method() == method
            && template.len() == path.len()
            && template.iter().zip(&path).all(|(one, other)| one.starts_with('{') || one == other)
    })
}

async fn forward(http: &Client, upstream: &str, request: &Request) -> Option<Reply> {
    let method = request.method.parse().ok()?;
    let mut forwarded =
        http.request(method, format!("{upstream}{}", request.path)).body(request.body.clone());
    for name in ["authorization", "accept", "content-type"] {
        if let Some(value) = request.headers.get(name) {
            forwarded = forwarded.header(name, value);
        }
    }
    let answer = forwarded.send().await.ok()?;
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Some(Reply { status, content_type, body: answer.bytes().await.ok()?.to_vec() })
}

async fn write(stream: &mut TcpStream, reply: &Reply) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", reply.status);
    if !reply.content_type.is_empty() {
        head += &format!("content-type: {}\r\n", reply.content_type);
    }
    if !reply.body.is_empty() || reply.status != 204 {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&reply.body).await.ok()?;
    stream.shutdown().await.ok()
}
