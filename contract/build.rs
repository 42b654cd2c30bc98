//! Puts the contract into the program, so that an installed program checks services without a workspace.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let openapi = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../openapi");
    println!("cargo::rerun-if-changed={}", openapi.display());
    let mut files = Vec::new();
    for folder in ["", "corrections", "fragments"] {
        for entry in fs::read_dir(openapi.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json" || extension == "toml") {
                let name = path.strip_prefix(&openapi)?.to_str().ok_or("a file name is not UTF-8")?;
                files.push(format!("(\"openapi/{}\", include_str!({path:?}))", name.replace('\\', "/")));
            }
        }
    }
    files.sort();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("built_in.rs"), format!("[{}]", files.join(",")))?;
    Ok(())
}
