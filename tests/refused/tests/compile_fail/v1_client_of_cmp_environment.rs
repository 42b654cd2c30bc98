//! A V1 client would send its requests to a host that doesn't know them.

fn main() {
    let _ = cmp::v1::Client::builder(cmp::Environment::Sandbox);
    let _ = cmp::Client::builder(cmp::v1::Environment::Sandbox);
}
