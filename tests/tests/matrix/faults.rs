//! The faults of the simulator, and what is known of each.

use std::time::Duration;

use cmp_simulator::{DebugData, Fault, Protocol};

/// What a peer says and no error repeats.
pub(crate) const FOREIGN_TEXT: &str = "a-foreign-text";

pub(crate) struct Case {
    pub(crate) fault: Fault,
    /// Whether something is never answered, so that a limit has to end it
    pub(crate) hangs: bool,
    /// Whether a connection is left that is of no use: one more request may fail on it
    pub(crate) leaves_a_dead_connection: bool,
    /// Whether a retry succeeds, where the operation may be repeated
    pub(crate) is_transient: bool,
    /// Whether the answer says over each protocol, or over HTTP/2 alone, that nothing happened
    refusal: Refusal,
    /// Whether a success comes from the operation itself
    pub(crate) is_true_answer: bool,
    /// Whether the answer says that nothing happened although it did
    pub(crate) lies: bool,
    /// Whether the answer also says that nothing happened before it: it is the service's own document
    pub(crate) settles: bool,
}

#[derive(PartialEq)]
enum Refusal {
    No,
    Always,
    OverHttp2,
}

impl Case {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            hangs: false,
            leaves_a_dead_connection: false,
            is_transient: false,
            refusal: Refusal::No,
            is_true_answer: true,
            lies: false,
            settles: false,
        }
    }

    fn transient(fault: Fault) -> Self {
        Self { is_transient: true, ..Self::new(fault) }
    }

    fn refusing(fault: Fault, refusal: Refusal) -> Self {
        Self { refusal, ..Self::transient(fault) }
    }

    fn leaving(case: Self) -> Self {
        Self { leaves_a_dead_connection: true, ..case }
    }

    fn hanging(fault: Fault) -> Self {
        Self { hangs: true, ..Self::transient(fault) }
    }

    pub(crate) fn says_nothing_happened(&self, protocol: Protocol) -> bool {
        match self.refusal {
            Refusal::No => false,
            Refusal::Always => true,
            Refusal::OverHttp2 => protocol == Protocol::TlsHttp2,
        }
    }
}

/// All of them, and an answer that says that nothing happened although it did.
pub(crate) fn with_lies() -> Vec<Case> {
    let lie = Case::refusing(Fault::status(503).effect_applied(), Refusal::Always);
    all().into_iter().chain([Case { lies: true, ..lie }]).collect()
}

pub(crate) fn all() -> Vec<Case> {
    let text = || DebugData::Text(FOREIGN_TEXT.to_owned());
    vec![
        Case::refusing(Fault::status(503), Refusal::Always),
        Case::refusing(Fault::status(503).html().retry_after(1), Refusal::Always),
        Case::refusing(Fault::status(503).empty(), Refusal::Always),
        Case::transient(Fault::status(502).html()),
        Case::transient(Fault::status(504).empty()),
        Case::new(Fault::status(500)),
        Case::new(Fault::status(500).effect_applied()),
        Case::new(Fault::status(501).html()),
        Case::new(Fault::status(520).html().effect_applied()),
        Case::new(Fault::status(429).retry_after(1)),
        Case::new(Fault::status(429)),
        Case::new(Fault::status(408).empty()),
        Case { settles: true, ..Case::new(Fault::status(400)) },
        Case::new(Fault::status(401)),
        Case::new(Fault::status(403)),
        Case { is_true_answer: false, ..Case::new(Fault::status(404).html()) },
        Case { is_true_answer: false, settles: true, ..Case::new(Fault::status(404)) },
        Case { settles: true, ..Case::new(Fault::status(422)) },
        Case::new(Fault::redirect(307, "/elsewhere")),
        Case::transient(Fault::dropped()),
        Case::transient(Fault::dropped().reset()),
        Case::transient(Fault::lost_answer()),
        Case::transient(Fault::lost_answer().reset()),
        Case::transient(Fault::cut_head(20)),
        Case::transient(Fault::cut_head(20).reset()),
        Case::transient(Fault::cut_body(10)),
        Case::transient(Fault::cut_body(10).reset()),
        Case::transient(Fault::reset_body(10)),
        Case::new(Fault::truncated_json()),
        Case::new(Fault::garbage()),
        Case::new(Fault::content_type("text/html")),
        Case::new(Fault::large_body(100_000)),
        Case::new(Fault::drip(400, Duration::from_millis(1))),
        Case::leaving(Case::transient(Fault::stale_connection())),
        Case::leaving(Case::transient(Fault::stale_connection().reset())),
        Case::refusing(Fault::refused_stream(), Refusal::OverHttp2),
        Case::refusing(Fault::go_away(DebugData::None), Refusal::OverHttp2),
        Case::refusing(Fault::go_away(text()), Refusal::OverHttp2),
        Case::refusing(Fault::go_away(DebugData::Request), Refusal::OverHttp2),
        Case::hanging(Fault::hang()),
        Case::hanging(Fault::hang().effect_applied()),
        Case::hanging(Fault::stalled_body(10)),
        Case::leaving(Case::hanging(Fault::hung_connection())),
        Case::leaving(Case::hanging(Fault::hung_connection_with_pings())),
    ]
}
