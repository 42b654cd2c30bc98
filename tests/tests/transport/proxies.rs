//! Requests through a forward proxy, over TLS.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
};

use cmp::{Delivery, ErrorKind, clock::ManualClock, http::Proxy};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::support::{Reply, builder, card_id, http2, identity, listen, said};

/// "proxy-user" and "proxy-canary" as the proxy is sent them.
const CREDENTIALS: &str = "Basic cHJveHktdXNlcjpwcm94eS1jYW5hcnk=";

fn with_credentials(url: &str) -> Proxy {
    Proxy::new(url).credentials("proxy-user", "proxy-canary")
}

/// Answers a CONNECT with `answer`, and opens the tunnel if that is a success.
async fn tunnel(mut client: impl AsyncRead + AsyncWrite + Unpin, answer: &str, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if client.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    heads.lock().unwrap().push(head);
    if client.write_all(answer.as_bytes()).await.is_err() || !answer.contains(" 200 ") {
        return;
    }
    let mut server = TcpStream::connect(target).await.unwrap();
    drop(copy_bidirectional(&mut client, &mut server).await);
}

async fn proxy(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move { tunnel(client, answer, &seen).await });
        }
    });
    (url, heads)
}

fn assert_tunnelled(heads: &Mutex<Vec<String>>, server: &str) {
    let heads = heads.lock().unwrap();
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    let target = server.trim_start_matches("https://");
    assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
    assert!(head.to_lowercase().contains("user-agent: cmp-rust/"), "{head}");
    assert!(head.contains(CREDENTIALS), "{head}");
}

#[tokio::test]
async fn a_proxy_gets_its_credentials_and_the_service_speaks_http2_through_it() {
    let server = http2(Reply::card).await;
    let (url, heads) = proxy("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let cmp = server.client(&ManualClock::new()).proxy(with_credentials(&url)).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (1, 2));
    assert_tunnelled(&heads, &server.url);
}

#[tokio::test]
async fn a_proxy_can_be_behind_tls_itself() {
    let server = http2(Reply::card).await;
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    let proxy = listen(identity(|_| ()), b"http/1.1", move |_, client, _| {
        let seen = seen.clone();
        async move { tunnel(client, "HTTP/1.1 200 OK\r\n\r\n", &seen).await }
    })
    .await;
    let trusting = || server.client(&ManualClock::new()).root_certificate(proxy.certificate.as_str());
    let cmp = trusting().proxy(with_credentials(&proxy.url)).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    assert_tunnelled(&heads, &server.url);

    let cmp = server.client(&ManualClock::new()).proxy(with_credentials(&proxy.url)).build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!((heads.lock().unwrap().len(), error.attempts(), error.delivery()), (1, 1, Delivery::NotSent));
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_let_nothing_through() {
    for (answer, why, attempts) in [
        ("HTTP/1.1 407 proxy-canary\r\nproxy-authenticate: Basic realm=echo-canary\r\n\r\n", "407", 1),
        ("HTTP/1.1 502 echo-canary\r\n\r\necho-canary", "the proxy opened no tunnel", 4),
        ("HTTP/1.1 301 Moved\r\nlocation: https://echo-canary/\r\n\r\n", "the proxy opened no tunnel", 4),
        ("echo-canary\r\n\r\n", "the proxy opened no tunnel", 4),
        ("", "the proxy opened no tunnel", 4),
    ] {
        let server = http2(Reply::card).await;
        let (url, heads) = proxy(answer).await;
        let builder = server.client(&ManualClock::new()).proxy(with_credentials(&url));
        let mut shown = format!("{builder:?} {builder:#?}");
        let cmp = builder.build().unwrap();
        shown += &format!("{cmp:?}");
        let error = cmp.cards().create(crate::support::new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!((error.attempts() as usize, heads.lock().unwrap().len()), (attempts, attempts));
        assert_eq!(error.is_retryable(), attempts > 1);
        assert!(error.source().is_none());
        shown += &said(&error);
        assert!(
            !["proxy-canary", "echo-canary", CREDENTIALS].iter().any(|text| shown.contains(text)),
            "{shown}"
        );
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_as_the_cause() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let server = http2(Reply::card).await;
    let proxy = Proxy::new(format!("http://127.0.0.1:{port}"));
    let cmp = server.client(&ManualClock::new()).proxy(proxy).build().unwrap();
    let error = cmp.cards().create(crate::support::new_card()).await.unwrap_err();
    assert!(error.to_string().contains("the proxy can't be reached"), "{error}");
    assert_eq!((error.delivery(), error.attempts()), (Delivery::NotSent, 4));
}

/// Builds a client in a process of its own, with these variables, and returns what it says.
fn built_with(variables: &[(&str, &std::ffi::OsStr)]) -> String {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxies::the_proxy_of_the_environment", "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    let child = child.env(CHILD, "1").envs(variables.iter().copied()).output().unwrap();
    String::from_utf8([child.stdout, child.stderr].concat()).unwrap()
}

const CHILD: &str = "CMP_TEST_IS_CHILD";

#[test]
fn the_proxy_of_the_environment() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let (_, certificate) = identity(|_| ());
    match builder("https://api.example.com", &certificate, &ManualClock::new()).build() {
        Ok(_) => println!("<built>"),
        Err(error) => println!("<{:?}> {}", error.kind(), said(&error)),
    }
}

#[test]
fn a_proxy_of_the_environment_that_can_not_be_read_is_refused() {
    use std::ffi::OsStr;

    let unreadable = [
        "ftp://user:proxy-canary@proxy.corp",
        "proxy.corp:3128/",
        "http://user:proxy canary@proxy.corp",
        " http://user:proxy-canary@proxy.corp:3128",
        "http://",
        "socks5://user:proxy-canary@proxy.corp",
    ];
    for value in unreadable {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let said = built_with(&[(name, OsStr::new(value))]);
            assert!(said.contains("<Configuration>"), "{name} {value}: {said}");
            assert!(!said.contains("canary"), "{name} {value}: {said}");
        }
        let said =
            built_with(&[("HTTPS_PROXY", OsStr::new(value)), ("ALL_PROXY", OsStr::new("http://proxy.corp"))]);
        assert!(said.contains("<Configuration>"), "the one for HTTPS counts: {said}");
        for not_in_use in [
            [("HTTPS_PROXY", value), ("NO_PROXY", "example.com")],
            [("HTTPS_PROXY", value), ("no_proxy", "*")],
            [("HTTP_PROXY", value), ("NO_PROXY", "")],
            [("ALL_PROXY", value), ("HTTPS_PROXY", "http://proxy.corp:3128")],
            [("HTTPS_PROXY", value), ("REQUEST_METHOD", "GET")],
        ] {
            let said = built_with(&not_in_use.map(|(name, value)| (name, OsStr::new(value))));
            assert!(said.contains("<built>"), "{not_in_use:?}: {said}");
        }
    }
    for value in ["http://user:proxy-canary@proxy.corp:3128", "proxy.corp:3128", ""] {
        let said = built_with(&[("HTTPS_PROXY", OsStr::new(value))]);
        assert!(said.contains("<built>"), "{value}: {said}");
    }
}

/// Elsewhere the two names are one variable.
#[cfg(unix)]
#[test]
fn a_proxy_of_the_environment_that_an_empty_variable_hides_is_refused() {
    let built = |variables: &[(&str, &str)]| {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        built_with(&variables)
    };
    let proxy = "http://user:proxy-canary@proxy.corp:3128";
    for [empty, name] in [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]] {
        let said = built(&[(empty, ""), (name, proxy)]);
        assert!(said.contains("<Configuration>") && said.contains(empty) && said.contains(name), "{said}");
        assert!(!said.contains("canary"), "{said}");
        let said = built(&[(empty, ""), (name, proxy), ("no_proxy", "example.com")]);
        assert!(said.contains("<built>"), "{said}");
    }
    let said = built(&[("HTTPS_PROXY", ""), ("https_proxy", proxy), ("ALL_PROXY", "http://another.corp")]);
    assert!(said.contains("<Configuration>"), "another proxy than the one for HTTPS: {said}");
    for no_doubt in [
        &[("HTTPS_PROXY", ""), ("https_proxy", "")][..],
        &[("HTTPS_PROXY", ""), ("ALL_PROXY", proxy)],
        &[("https_proxy", proxy), ("ALL_PROXY", ""), ("all_proxy", proxy)],
        &[("HTTPS_PROXY", proxy), ("https_proxy", "")],
        &[("NO_PROXY", ""), ("no_proxy", "example.com")],
        &[("HTTPS_PROXY", proxy), ("NO_PROXY", ""), ("no_proxy", "another.org")],
        &[("HTTPS_PROXY", proxy), ("NO_PROXY", "example.com"), ("no_proxy", "")],
    ] {
        let said = built(no_doubt);
        assert!(said.contains("<built>"), "{no_doubt:?}: {said}");
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let said = built(&[(name, proxy), ("NO_PROXY", ""), ("no_proxy", "example.com")]);
        assert!(said.contains("<Configuration>") && said.contains("no_proxy exempts"), "{name}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_proxy_of_the_environment_that_is_no_text_is_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let said = built_with(&[("HTTPS_PROXY", OsStr::from_bytes(b"http://proxy\xff.corp:3128"))]);
    assert!(said.contains("<Configuration>") && !said.contains(".corp"), "{said}");
}
