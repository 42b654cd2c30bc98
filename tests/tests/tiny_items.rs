//! What is kept of an answer follows what a card can have, not how many entries an answer has.

use cmp::generated::{lenient, types::CardResourceResponse};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// As many octets as a client reads, unless it is set otherwise.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

#[test]
fn four_megabytes_of_tiny_entries_stay_small() {
    let before = r#"{"data":{"id":"CRD1"},"included":["#;
    for entry in [
        "{}",
        "0",
        r#"{"type":"network_tokens"}"#,
        r#"{"id":"","type":"card_updates"}"#,
        r#"{"a":{"":0}}"#,
        r#"{"id":"1","type":"x","a":[[],[],[],[]]}"#,
    ] {
        let count = (LARGEST_ANSWER - before.len()) / (entry.len() + 1) - 1;
        let body = format!("{before}{}{entry}]}}", format!("{entry},").repeat(count));
        MEMORY.reset_peak_usage();
        let held = MEMORY.current_usage();
        let card: CardResourceResponse = lenient::decode(body.as_bytes()).expect("a card");
        let used = MEMORY.peak_usage() - held;
        assert!(card.included.is_some_and(|included| included.len() > 1_000), "{entry}");
        assert!(used < LARGEST_ANSWER, "{entry}: {used}");
    }
}
