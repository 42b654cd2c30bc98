use http::header;

use crate::http::Request;

/// Refuses what a web page may have sent: to a name of its own that leads here, or from its own origin.
///
/// Programs send no `Origin`; browsers do with every request that can change something. `own` is the simulator's URL.
pub(super) fn check(request: &Request, own: &str) -> Result<(), &'static str> {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_loopback = ["127.0.0.1", "localhost"].iter().any(|known| name.eq_ignore_ascii_case(known));
    if !is_loopback || hosts.next().is_some() {
        return Err("the control API is for loopback only");
    }
    let by_name = own.replace("127.0.0.1", "localhost");
    let is_own = |origin: &http::HeaderValue| origin == own || *origin == by_name;
    if request.headers.get_all(header::ORIGIN).iter().all(is_own) {
        Ok(())
    } else {
        Err("the control API is not for web pages: the request has the Origin of one")
    }
}
