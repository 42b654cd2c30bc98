//! A server that repeats the request, and every mark, in each place that a response has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use workspace_tests::marks::{
    ACCESS_TOKEN, ALIAS, CRYPTOGRAM, CVC, EMAIL, HOLDER, MARKS, METADATA, NETWORK_TOKEN, PAN, PHONE,
    POSTAL_CODE, SHORT_CRYPTOGRAM, STREET, forms,
};
use workspace_tests::tls;

use crate::log;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const CARD: &str = "CRDecqZp3xRgXU3TFmtcDdzQs";

/// A text of this length in base64 has up to eleven letters.
const SHORT: usize = 8;

/// What is in the body of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The document of a success, with each mark in its place
    Success,
    /// The document of a success, with the marks where other things belong
    Scattered,
    /// An error document
    Errors,
    /// A page
    Page,
    /// The body of the request
    Echo,
    /// A card without a network token, and a refusal of each cryptogram
    PanOnly,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] =
        [Self::Success, Self::Scattered, Self::Errors, Self::Page, Self::Echo, Self::PanOnly];
}

/// How requests are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) status: u16,
    pub(crate) shape: Shape,
    /// Whether it is also that of the token endpoint, which otherwise gives a token
    pub(crate) for_tokens: bool,
}

pub(crate) struct Hostile {
    pub(crate) url: String,
    /// What vouches for the server, if it has TLS
    pub(crate) certificate: Option<String>,
    script: Arc<Mutex<Script>>,
}

/// The plan, and how many answers were given.
struct Script {
    plan: Plan,
    answered: usize,
}

impl Hostile {
    /// Over HTTP/1.1, without TLS; as a proxy too.
    pub(crate) fn http1() -> Self {
        Self::start(None)
    }

    /// Over HTTP/2.
    pub(crate) fn http2() -> Self {
        Self::start(Some(identity(|_| ())))
    }

    pub(crate) fn with_identity(identity: (ServerConfig, String)) -> Self {
        Self::start(Some(identity))
    }

    fn start(identity: Option<(ServerConfig, String)>) -> Self {
        let plan = Plan { status: 200, shape: Shape::Success, for_tokens: false };
        let script = Arc::new(Mutex::new(Script { plan, answered: 0 }));
        let (config, certificate) = identity.unzip();
        let acceptor = config.map(|mut config| {
            config.alpn_protocols = vec![b"h2".to_vec()];
            TlsAcceptor::from(Arc::new(config))
        });
        let shared = Arc::clone(&script);
        let port = log::apart("off", move |runtime| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            runtime.spawn(serve(listener, acceptor, shared));
            port
        });
        let url = match &certificate {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        Self { url, certificate, script }
    }

    pub(crate) fn answer(&self, plan: Plan) {
        self.script.lock().expect("no panic").plan = plan;
    }
}

/// A key and a certificate for `localhost`, whose other names are marks.
pub(crate) fn identity(change: impl FnOnce(&mut CertificateParams)) -> (ServerConfig, String) {
    let signing_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, PAN.value);
    params.distinguished_name.push(DnType::OrganizationName, HOLDER.value);
    params.distinguished_name.push(DnType::OrganizationalUnitName, ACCESS_TOKEN.value);
    change(&mut params);
    let certificate = params.self_signed(&signing_key).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = tls::server().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    (config.expect("a matching key"), certificate.pem())
}

struct Asked {
    path: String,
    /// All values of headers
    head: String,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    trailers: Vec<(String, String)>,
    /// Everything in one line
    line: String,
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, script: Arc<Mutex<Script>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // An answer in several frames would wait for the client's acknowledgements.
        drop(stream.set_nodelay(true));
        let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
        tokio::spawn(async move {
            match acceptor {
                None => drop(http1(stream, &script).await),
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        drop(http2(stream, script).await);
                    }
                }
            }
        });
    }
}

async fn http1(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Mutex<Script>,
) -> std::io::Result<()> {
    let mut received = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&received[..end]).into_owned();
                let lower = head.to_ascii_lowercase();
                let length =
                    lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                break (head, length.unwrap_or(0));
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let begin = head.len() + 4;
        while received.len() < begin + length {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        let body = received[begin..begin + length].to_vec();
        received.drain(..begin + length);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = answer(script, &Asked { path, head, body });
        stream.write_all(&written(&answer)).await?;
    }
}

/// The answer as HTTP/1.1 has it: with a reason, an extension of its chunk, and trailers.
fn written(answer: &Answer) -> Vec<u8> {
    let fields = |fields: &[(String, String)]| {
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>()
    };
    let head = format!("HTTP/1.1 {} {}\r\n{}", answer.status, answer.line, fields(&answer.headers));
    if answer.status == 204 || answer.status == 304 {
        return format!("{head}\r\n").into_bytes();
    }
    let (body, trailers) = (&answer.body, fields(&answer.trailers));
    let chunk = if body.is_empty() {
        String::new()
    } else {
        format!("{:x};{}=1\r\n{body}\r\n", body.len(), PAN.value)
    };
    format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}0\r\n{trailers}\r\n").into_bytes()
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    script: Arc<Mutex<Script>>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(asked) = connection.accept().await {
        let (request, mut respond) = asked?;
        let script = Arc::clone(&script);
        tokio::spawn(async move {
            let (head, mut incoming) = request.into_parts();
            let mut body = Vec::new();
            while let Some(Ok(piece)) = incoming.data().await {
                body.extend_from_slice(&piece);
                let _ = incoming.flow_control().release_capacity(piece.len());
            }
            let asked = Asked {
                path: head.uri.path().to_owned(),
                head: format!("{:?}", values(&head.headers)),
                body,
            };
            let answer = answer(&script, &asked);
            let mut response = Response::builder().status(answer.status).body(()).expect("a status");
            *response.headers_mut() = map(&answer.headers);
            let mut sent = respond.send_response(response, false)?;
            sent.send_data(Bytes::from(answer.body), false)?;
            sent.send_trailers(map(&answer.trailers))
        });
    }
    Ok(())
}

fn values(headers: &HeaderMap) -> HashMap<&str, String> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn map(fields: &[(String, String)]) -> HeaderMap {
    let field = |(name, value): &(String, String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    fields.iter().filter_map(field).collect()
}

fn answer(script: &Mutex<Script>, asked: &Asked) -> Answer {
    let (plan, number) = {
        let mut script = script.lock().expect("no panic");
        script.answered += 1;
        (script.plan, script.answered)
    };
    let is_token = asked.path.ends_with("/token");
    let marks: Vec<_> = MARKS.iter().map(|mark| mark.value).collect();
    let said =
        format!("{} {} {} {}", marks.join(" "), asked.path, asked.head, String::from_utf8_lossy(&asked.body));
    let line: String = said.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect();
    let plan = match is_token && !plan.for_tokens {
        true => Plan { status: 200, shape: Shape::Success, ..plan },
        false => plan,
    };
    let is_refused = plan.shape == Shape::PanOnly && asked.path.ends_with("/cryptogram");
    let status = if is_refused { 424 } else { plan.status };
    let (media_type, body) = match plan.shape {
        Shape::Success => (JSON_API, success(asked).to_string()),
        Shape::PanOnly => (JSON_API, pan_only().to_string()),
        Shape::Scattered => (JSON_API, scattered(&line).to_string()),
        Shape::Errors => (JSON_API, errors(&line, number).to_string()),
        Shape::Page => ("text/html", format!("<title>{PAGE}</title><p>{line}</p>", PAGE = PAN.value)),
        Shape::Echo => (JSON_API, String::from_utf8_lossy(&asked.body).into_owned()),
    };
    let mut headers = vec![("content-type".to_owned(), format!("{media_type}; x=\"{}\"", PAN.value))];
    if !matches!(plan.shape, Shape::Success | Shape::PanOnly) {
        headers.extend(repeated(&line));
        headers.push(("retry-after".to_owned(), PAN.value.to_owned()));
        headers.push(("location".to_owned(), format!("/cards/{}?{}", PAN.value, ACCESS_TOKEN.value)));
        headers.push(("www-authenticate".to_owned(), format!("Bearer realm=\"{line}\"")));
    }
    if plan.shape == Shape::Page {
        headers.push(("content-encoding".to_owned(), PAN.value.to_owned()));
    }
    Answer { status, headers, body, trailers: repeated(&line), line }
}

/// Fields whose names and values are marks.
fn repeated(line: &str) -> Vec<(String, String)> {
    let mut fields = vec![("x-echo".to_owned(), line.to_owned()), ("set-cookie".to_owned(), line.to_owned())];
    let names = MARKS.iter().map(|mark| format!("x-{}", mark.value.to_ascii_lowercase()));
    let names = names.filter(|name| HeaderName::from_bytes(name.as_bytes()).is_ok());
    fields.extend(names.map(|name| (name, PAN.value.to_owned())));
    fields
}

/// Every mark in its place.
fn success(asked: &Asked) -> Value {
    let path = &asked.path;
    if path.ends_with("/token") {
        return json!({"access_token": ACCESS_TOKEN.value, "token_type": "Bearer", "expires_in": 1200});
    }
    if path.ends_with("/cryptogram") {
        let is_short = String::from_utf8_lossy(&asked.body).to_uppercase().contains("DTVV");
        let (kind, value) =
            if is_short { ("DTVV", SHORT_CRYPTOGRAM.value) } else { ("TAVV", CRYPTOGRAM.value) };
        return json!({"data": {"id": "NTKpRRhGgX6cRRNh7C8TWKGjE", "type": "network_tokens", "attributes": {
            "network_token": NETWORK_TOKEN.value, "exp_month": 9, "exp_year": 27, "state": "active",
            "cryptogram": {"type": kind, "value": value, "eci": "07"}}}});
    }
    if path.contains("/network-tokens") && !path.contains("/cards/") {
        return json!({"pan_alias": ALIAS.value, "network_token_last4": "8177", "expires_at": "2027-09",
            "state": "ACTIVE", "card": {"last4": "9206", "bin": "510026", "expires_at": "2027-09",
            "holder_info": {"name": HOLDER.value, "email": EMAIL.value, "number": PHONE.value,
                "billing_address": {"name": HOLDER.value, "company": HOLDER.value, "address1": STREET.value,
                    "address2": STREET.value, "city": STREET.value, "zip": POSTAL_CODE.value, "postal_code": POSTAL_CODE.value,
                    "phone": PHONE.value}}}});
    }
    if path.ends_with("/network-tokens") {
        return json!({"data": network_token()});
    }
    card()
}

fn network_token() -> Value {
    json!({"type": "network_tokens", "id": "NTKpRRhGgX6cRRNh7C8TWKGjE", "attributes": {
        "network_token": NETWORK_TOKEN.value, "state": "active", "exp_month": 9, "exp_year": 27,
        "last4": "8177", "bin": "558004", "reason_text": PAN.value,
        "cryptogram": {"type": "TAVV", "value": CRYPTOGRAM.value, "eci": "07"}},
        "meta": {"card_art": {"issuer_name": PAN.value, "contact_number": PHONE.value, "contact_name": EMAIL.value,
            "assets": [{"type": "digitalCardArt", "mime_type": PAN.value, "download_url": ACCESS_TOKEN.value}]}}})
}

fn pan_only() -> Value {
    let mut card = card();
    card["included"] = json!([]);
    card["data"]["relationships"] = json!({});
    card
}

/// A card that has everything.
fn card() -> Value {
    let number: u64 = PAN.value.parse().expect("a number");
    json!({"data": {"id": CARD, "type": "cards",
    "attributes": {"pan": PAN.value, "pan_alias": ALIAS.value, "cvc": CVC.value, "cvc_alias": ALIAS.value,
        "bin": "510026", "first8": "51002600", "last4": "9206", "exp_month": 5, "exp_year": 28,
        "card_fingerprint": ACCESS_TOKEN.value, "capabilities": ["network-tokens", PAN.value],
        "enriched_attributes": {"issuer_name": PAN.value, "issuer_phone_number": PHONE.value,
            "additional_brands": [PAN.value], "card_number_length": number, "country_numeric": number},
        "cardholder": {"name": HOLDER.value, "email": EMAIL.value, "phone_number": PHONE.value,
            "phone": PHONE.value, "company": HOLDER.value,
            "address": {"address1": STREET.value, "line1": STREET.value, "city": STREET.value,
                "postal_code": POSTAL_CODE.value}}},
    "relationships": {"network_tokens": {"data": [{"type": "network_tokens", "id": "NTKpRRhGgX6cRRNh7C8TWKGjE"}]},
        PAN.value: {}},
    "meta": {"note": METADATA.value, "other": PAN.value, PAN.value: 1, "token_type": "pan"}},
    "metadata": {"observability": {"trace_id": "a53745b329848122089f5f65bf9380a0", "client_id": ACCESS_TOKEN.value,
        "account_id": PAN.value, "vault_id": PAN.value}},
    "included": [
        network_token(),
        {"type": "card_updates", "id": "CU1", "attributes": {"event": PAN.value, "reason_code": PAN.value,
            "reason_text": ACCESS_TOKEN.value, "changed_fields": ["pan", PAN.value], "occurred_at": PAN.value,
            "updated_values": [{"field_name": "pan", "old_value": PAN.value, "new_value": NETWORK_TOKEN.value}]}},
        {"type": "card_update_subscriptions", "id": "CUS1", "attributes": {"bin": PAN.value, "state": PAN.value}},
        {"type": "surprise", "id": PAN.value, "attributes": {"pan": PAN.value}},
        {"type": NETWORK_TOKEN.value, "id": PAN.value}
    ]})
}

/// A card with `said` in the place of each text, and every mark as the name of a member and a type of resources.
fn scattered(said: &str) -> Value {
    let mut card = json!({"data": {"id": CARD, "type": PAN.value, "attributes": {
            "bin": said, "first8": PAN.value, "last4": PAN.value, "card_brand": PAN.value, "token_type": PAN.value,
            "wallet_type": said, "cvc_status": CVC.value, "capabilities": [said, PAN.value], "exp_month": PAN.value,
            "created_at": PAN.value, "card_fingerprint": said, PAN.value: 1, "later": said,
            "cryptogram": {"type": said, "value": CRYPTOGRAM.value, "eci": PAN.value}, "network_token": NETWORK_TOKEN.value},
        "relationships": {PAN.value: {}, "network_tokens": {"data": [{"id": PAN.value}]}}},
        "metadata": {"observability": {"trace_id": PAN.value}}, PAN.value: PAN.value,
        "pan_alias": said, "state": PAN.value, "network_token_last4": PAN.value, "expires_at": PAN.value,
        "access_token": ACCESS_TOKEN.value, "expires_in": PAN.value,
        "included": [{"type": "network_tokens", "id": PAN.value, "attributes": {"state": PAN.value, "reason_code": PAN.value,
            "reason_text": said, "card_art": {"assets": [{"type": PAN.value}]}, NETWORK_TOKEN.value: 1}}]});
    for mark in MARKS {
        card["data"]["attributes"][mark.value] = json!(1);
        card["data"]["relationships"][mark.value] = json!({});
        let resource = json!({"type": mark.value, "id": mark.value});
        card["included"].as_array_mut().expect("a list").push(resource);
    }
    card
}

/// An error document that repeats all. The client keeps few entries, so each document has another form of each mark.
fn errors(said: &str, number: usize) -> Value {
    // The service may repeat a name in its words, which only `ErrorDetail` hands out.
    let mut errors = vec![
        json!({"error_code": said, "code": said, "summary": said, "title": said, "detail": said,
        "details": said, "path": format!("/data/{said}"), "fingerprint": said, "status": said, PAN.value: said}),
    ];
    errors.extend(MARKS.iter().map(|mark| {
        let text = mark.value;
        let mut forms = forms(text);
        // A short text looks like a word in base64: `SECURITY.md` says so.
        forms.retain(|(name, _)| text.len() > SHORT || !name.contains("base64"));
        let (_, form) = &forms[number / 2 % forms.len()];
        let at = if number.is_multiple_of(2) { text } else { form };
        json!({"error_code": text, "code": form, "summary": text, "detail": form,
            "path": format!("/data/attributes/{at}")})
    }));
    json!({"errors": errors, "error": said, "error_description": said, "message": said, PAN.value: said,
        "meta": {"observability": {"trace_id": PAN.value}, "pan": PAN.value},
        "metadata": {"observability": {"trace_id": PAN.value}}})
}
