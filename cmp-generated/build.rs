//! Generates the client from `openapi.json`, and nothing else.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

#[path = "generate.rs"]
mod generate;

const DOCUMENT: &str = "openapi.json";
/// For a test; no published crate has it.
const ORDINARY: &str = "tests/ordinary.json";

fn main() -> Result<(), Box<dyn Error>> {
    for source in [DOCUMENT, ORDINARY, "build.rs", "generate.rs"] {
        if Path::new(source).exists() {
            println!("cargo::rerun-if-changed={source}");
        }
    }
    let client = generate::Client::of(&fs::read_to_string(DOCUMENT)?)?;
    let out = env::var("OUT_DIR")?;
    let write = |name: &str, code| -> Result<(), Box<dyn Error>> {
        Ok(fs::write(Path::new(&out).join(name), prettyplease::unparse(&syn::parse2(code)?))?)
    };
    write("client.rs", client.code()?)?;
    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        write("mock.rs", client.mock()?)?;
    }
    if Path::new(ORDINARY).exists() {
        let client = generate::Client::of(&fs::read_to_string(ORDINARY)?)?;
        write("ordinary.rs", client.code()?)?;
        write("ordinary_mock.rs", client.mock()?)?;
    }
    Ok(())
}
