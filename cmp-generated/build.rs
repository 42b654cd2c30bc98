//! Generates the client from `openapi.json`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

#[path = "generate.rs"]
mod generate;

#[path = "operations.rs"]
mod operations;

#[path = "readers.rs"]
mod readers;

const DOCUMENT: &str = "openapi.json";
/// The document of a test's client. The published crate does not contain it.
const ORDINARY: &str = "tests/ordinary.json";

fn main() -> Result<(), Box<dyn Error>> {
    for source in [DOCUMENT, ORDINARY, "build.rs", "generate.rs", "operations.rs", "readers.rs"] {
        if Path::new(source).exists() {
            println!("cargo::rerun-if-changed={source}");
        }
    }
    let document = fs::read_to_string(DOCUMENT)?;
    let client = generate::Client::of(&document)?;
    let out = env::var("OUT_DIR")?;
    let write = |name: &str, code| -> Result<(), Box<dyn Error>> {
        Ok(fs::write(Path::new(&out).join(name), prettyplease::unparse(&syn::parse2(code)?))?)
    };
    write("client.rs", readers::with_readers(client.code()?, &document)?)?;
    write("operations.rs", operations::facts(&document)?)?;
    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        write("mock.rs", client.mock()?)?;
    }
    if Path::new(ORDINARY).exists() {
        let document = fs::read_to_string(ORDINARY)?;
        let client = generate::Client::of(&document)?;
        write("ordinary.rs", readers::with_readers(client.code()?, &document)?)?;
        write("ordinary_mock.rs", client.mock()?)?;
    }
    Ok(())
}
