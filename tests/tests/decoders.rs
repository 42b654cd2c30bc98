//! A bounded run of each fuzz target: its seeds from the documents, as they are and damaged at random.
//!
//! The damages are proptest's: it is in the tree already, finds the fewest and smallest damages that still fail, and
//! runs on stable. A failed run prints its seed and the input; `SEED=… cargo test -p workspace-tests --test decoders NAME`
//! repeats it, and `PROPTEST_CASES=10000` runs more. The input belongs into `fuzz/seeds`.

use std::{
    cell::Cell,
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Once,
};

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use workspace_tests::decoders::{self, Decoder};

/// What the run of every change begins with
const SEED: u64 = 1;
/// The octets and words that readers branch on
const WORDS: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\u0000",
    "\\ud800",
    ":",
    ",",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "4111111111111111",
    "4111-1111-1111-1111",
    "..",
    "\r\n",
    "\n",
    "\u{feff}",
    "é",
    "\u{202e}",
    "$ref",
    "allOf",
    "data",
    "included",
    "attributes",
    "%2e%2e",
    "Bearer ",
];

/// What happens to an input.
#[derive(Debug, Clone)]
enum Damage {
    /// So many octets are replaced by others.
    Replace(Index, usize, Vec<u8>),
    /// A word is put in.
    Word(Index, &'static str),
    /// A piece is repeated elsewhere.
    Repeat(Index, Index, usize),
    /// The rest is missing.
    Cut(Index),
    /// A JSON value is replaced by another value of the same document, or by one of these.
    Value(Index, Index),
    /// A JSON member or element is gone.
    Remove(Index),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let damage = prop_oneof![
        4 => (any::<Index>(), 0..5_usize, prop::collection::vec(any::<u8>(), 0..5))
            .prop_map(|(at, gone, new)| Damage::Replace(at, gone, new)),
        3 => (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Damage::Word(at, word)),
        1 => (any::<Index>(), any::<Index>(), 1..200_usize)
            .prop_map(|(from, to, length)| Damage::Repeat(from, to, length)),
        1 => any::<Index>().prop_map(Damage::Cut),
        6 => (any::<Index>(), any::<Index>()).prop_map(|(at, other)| Damage::Value(at, other)),
        2 => any::<Index>().prop_map(Damage::Remove),
    ];
    prop::collection::vec(damage, 1..6)
}

fn damaged(seed: &[u8], damages: &[Damage]) -> Vec<u8> {
    let mut input = seed.to_vec();
    for damage in damages {
        let place = |index: &Index, input: &[u8]| index.index(input.len() + 1);
        match damage {
            Damage::Replace(at, gone, new) => {
                let start = place(at, &input);
                let end = (start + gone).min(input.len());
                input.splice(start..end, new.iter().copied());
            }
            Damage::Word(at, word) => {
                let at = place(at, &input);
                input.splice(at..at, word.bytes());
            }
            Damage::Repeat(from, to, length) => {
                let (from, to) = (place(from, &input), place(to, &input));
                let piece = input[from..(from + length).min(input.len())].to_vec();
                input.splice(to..to, piece);
            }
            Damage::Cut(at) => input.truncate(place(at, &input)),
            Damage::Value(at, other) => change_json(&mut input, |values, document| {
                let new = match other.index(values.len() + ODD_VALUES.len()).checked_sub(values.len()) {
                    Some(odd) => serde_json::from_str(ODD_VALUES[odd]).expect("JSON"),
                    None => {
                        document.pointer(&values[other.index(values.len() + ODD_VALUES.len())]).cloned()?
                    }
                };
                *document.pointer_mut(&values[at.index(values.len())])? = new;
                Some(())
            }),
            Damage::Remove(at) => change_json(&mut input, |values, document| {
                let (holder, name) = values[at.index(values.len())].rsplit_once('/')?;
                match document.pointer_mut(holder)? {
                    serde_json::Value::Object(members) => {
                        members.remove(&name.replace("~1", "/").replace("~0", "~")).map(drop)
                    }
                    serde_json::Value::Array(elements) => {
                        elements.remove(name.parse().ok()?);
                        Some(())
                    }
                    _ => None,
                }
            }),
        }
    }
    input
}

const ODD_VALUES: [&str; 12] = [
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e300",
    "18446744073709551615",
    "\"4111111111111111\"",
    "4111111111111111",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
];

/// Changes the JSON that the input ends with, if it does.
fn change_json(input: &mut Vec<u8>, change: impl FnOnce(&[String], &mut serde_json::Value) -> Option<()>) {
    let Some(start) = input.iter().position(|octet| *octet == b'{') else { return };
    let Ok(mut document) = serde_json::from_slice(&input[start..]) else { return };
    let mut values = Vec::new();
    pointers(&document, String::new(), &mut values);
    if change(&values, &mut document).is_some() {
        input.truncate(start);
        input.extend(document.to_string().bytes());
    }
}

/// The JSON Pointer of each value.
fn pointers(value: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                pointers(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        serde_json::Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                pointers(value, format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
    found.push(at);
}

fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package).join("..")
}

/// The folders of a target's seeds. The contract's own files are seeds, too.
fn folders(name: &str) -> Vec<PathBuf> {
    let root = root();
    let own = root.join("fuzz/seeds").join(name);
    let documents = match name {
        "fragment" => "openapi/fragments",
        "correction" => "openapi/corrections",
        "comparison" => "contract/tests/golden/base/openapi",
        _ => return vec![own],
    };
    let own = own.exists().then_some(own);
    own.into_iter().chain([root.join(documents)]).collect()
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders(name) {
        files.extend(fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()));
    }
    // The largest documents would take most of the time, and say the same.
    files.retain(|file| file.metadata().expect("a file").len() < 20_000);
    files.sort();
    assert!(!files.is_empty(), "{name} has no seeds");
    files.iter().map(|file| fs::read(file).expect("a seed")).collect()
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{variable}={value}: a number")))
}

fn run(Decoder { name, decode }: Decoder, cases: u32) -> Result<(), String> {
    be_quiet_while_decoding();
    let seeds = seeds(name);
    let decoded = |input: &[u8]| {
        DECODES.set(true);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| decode(input)));
        DECODES.set(false);
        outcome.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        })
    };
    for seed in &seeds {
        decoded(seed)
            .map_err(|panic| format!("{name}, a seed as it is: {panic}: {}", seed.escape_ascii()))?;
    }
    let number_of_run = number("SEED").unwrap_or(SEED);
    let mut state = [0; 32];
    state[..8].copy_from_slice(&number_of_run.to_le_bytes());
    let cases = number("PROPTEST_CASES").map_or(cases, |cases| u32::try_from(cases).expect("a number"));
    let config = Config { cases, max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &state));
    let played = runner.run(&(select(seeds), damages()), |(seed, damages)| {
        let input = damaged(&seed, &damages);
        decoded(&input).map_err(|panic| {
            TestCaseError::fail(format!("{panic}, for the input b\"{}\"", input.escape_ascii()))
        })
    });
    match played {
        Ok(()) => Ok(()),
        Err(proptest::test_runner::TestError::Fail(reason, _)) => {
            Err(format!("{name}, SEED={number_of_run}: {reason}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

thread_local! {
    static DECODES: Cell<bool> = const { Cell::new(false) };
}

/// The search for the smallest input panics hundreds of times.
fn be_quiet_while_decoding() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !DECODES.get() {
                usual(panic);
            }
        }));
    });
}

#[track_caller]
fn hold(name: &str, cases: u32) {
    let decoder = decoders::ALL.into_iter().find(|decoder| decoder.name == name).expect("a decoder");
    if let Err(failure) = run(decoder, cases) {
        panic!("{failure}");
    }
}

macro_rules! each {
    ($($name:ident: $cases:literal;)*) => {
        $(#[test]
        fn $name() {
            hold(stringify!($name), $cases);
        })*

        #[test]
        fn no_decoder_is_forgotten() {
            let run = [$(stringify!($name)),*];
            let root = root();
            for Decoder { name, .. } in decoders::ALL {
                assert!(run.contains(&name), "{name} is not run here");
                let target = root.join(format!("fuzz/fuzz_targets/{name}.rs"));
                let target = std::fs::read_to_string(target).unwrap_or_default();
                assert!(target.contains(&format!("decoders::{name}(input)")), "{name} has no fuzz target");
            }
        }
    };
}

each! {
    answer: 1500;
    comparison: 60;
    correction: 400;
    fragment: 40;
    page: 600;
    response: 1000;
    retry_after: 800;
    stored: 6000;
    text: 6000;
    token: 800;
    webhook: 3000;
}

#[test]
fn a_wrong_decoder_is_found_with_its_input() {
    fn wrong(input: &[u8]) {
        assert!(!input.windows(5).any(|octets| octets == b":null"), "a planted mistake");
    }
    let found = run(Decoder { name: "token", decode: wrong }, 1000).expect_err("it is wrong");
    assert!(found.starts_with("token, SEED=1: a planted mistake, for the input b\""), "{found}");
    assert!(found.contains(":null"), "{found}");
}
