//! One fault: what goes wrong, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::action::{Action, Answer, AnswerBody, Close, DebugData, RetryAfter};
use crate::operation::Operation;

/// One thing that goes wrong, and when.
///
/// Without [`on`](Fault::on) a fault meets every operation, the token endpoint included. Without
/// [`times`](Fault::times) it never ends.
///
/// ```
/// # use std::time::Duration;
/// use cmp_simulator::{Fault, Operation};
///
/// let busy = Fault::status(503)
///     .retry_after(2)
///     .on(Operation::CreateCard)
///     .times(1);
/// let lost = Fault::lost_answer().on(Operation::CreateCard);
/// let slow = Fault::delayed(Duration::from_millis(200)).rate(0.1);
///
/// let json = serde_json::to_value(&busy)?;
/// assert_eq!(
///     json,
///     serde_json::json!({
///         "do": { "answer": { "status": 503, "retry_after": 2 } },
///         "on": ["create_card"],
///         "times": 1,
///     })
/// );
/// assert_eq!(serde_json::from_value::<Fault>(json)?, busy);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(rename = "do", deserialize_with = "Action::read")]
    action: Action,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    on: Vec<Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    after: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "is_zero_ms")]
    delay_ms: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    effect_applied: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero_ms(number: &u64) -> bool {
    *number == 0
}

/// What goes wrong.
impl Fault {
    /// Creates a fault from any [`Action`].
    ///
    /// # Panics
    /// If HTTP cannot carry the action out, because of its status or a header.
    pub fn new(action: Action) -> Self {
        must_be_possible(&action);
        Self { action, on: Vec::new(), times: None, after: 0, rate: None, delay_ms: 0, effect_applied: false }
    }

    /// Answers with this status, 200 to 999, and its documented error body.
    ///
    /// # Panics
    /// If the status is outside that range.
    pub fn status(status: u16) -> Self {
        Self::new(Action::Answer(Answer::new(status)))
    }

    /// Closes the connection before the request takes effect.
    pub fn dropped() -> Self {
        Self::new(Action::Drop { close: Close::Fin })
    }

    /// Closes the connection without a response after the request takes effect.
    pub fn lost_answer() -> Self {
        Self::dropped().effect_applied()
    }

    /// Closes the connection inside the response head, after this many bytes.
    pub fn cut_head(bytes: usize) -> Self {
        Self::new(Action::CutHead { bytes, close: Close::Fin })
    }

    /// Closes the connection inside the response body, after this many bytes.
    pub fn cut_body(bytes: usize) -> Self {
        Self::new(Action::CutBody { bytes, close: Close::Fin })
    }

    /// Sends half of the JSON as a complete response.
    pub fn truncated_json() -> Self {
        Self::new(Action::Truncate {})
    }

    /// Sends bytes that are neither JSON nor UTF-8.
    pub fn garbage() -> Self {
        Self::new(Action::Garbage {})
    }

    /// Sends the proper response with another `Content-Type`.
    ///
    /// # Panics
    /// If the text is not a header value.
    pub fn content_type(media_type: impl Into<String>) -> Self {
        Self::new(Action::ContentType { media_type: media_type.into() })
    }

    /// Sends the proper response in pieces of `bytes`, one in each period.
    pub fn drip(bytes: usize, every: Duration) -> Self {
        Self::new(Action::Drip { bytes, every_ms: millis(every) })
    }

    /// Never answers.
    pub fn hang() -> Self {
        Self::new(Action::Hang {})
    }

    /// Answers with a redirect: 301, 302, 303, 307 or 308.
    ///
    /// # Panics
    /// If the status is another one, or the location is not a header value.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::new(Action::Redirect { status, location: location.into() })
    }

    /// Sends the proper response and this many bytes of white space after it.
    pub fn large_body(bytes: u64) -> Self {
        Self::new(Action::LargeBody { bytes })
    }

    /// Answers properly, and closes the connection when its next request arrives.
    pub fn stale_connection() -> Self {
        Self::new(Action::Stale { close: Close::Fin })
    }

    /// Reads the whole request and refuses its HTTP/2 stream. The request has no effect. Over
    /// HTTP/1.1, closes the connection.
    pub fn refused_stream() -> Self {
        Self::new(Action::RefuseStream {})
    }

    /// Ends the HTTP/2 connection with a `GOAWAY` frame that excludes the request. The request has
    /// no effect. Over HTTP/1.1, closes the connection.
    pub fn go_away(debug: DebugData) -> Self {
        Self::new(Action::GoAway { code: 0, debug })
    }

    /// Resets the HTTP/2 stream inside the response body, after this many bytes. Over HTTP/1.1,
    /// resets the connection.
    pub fn reset_body(bytes: usize) -> Self {
        Self::new(Action::ResetBody { bytes })
    }

    /// Sends this many bytes of the response body, and never the rest.
    pub fn stalled_body(bytes: usize) -> Self {
        Self::new(Action::StallBody { bytes })
    }

    /// Answers properly, and answers nothing later on the same connection, not even pings.
    pub fn hung_connection() -> Self {
        Self::new(Action::HangConnection { answers_pings: false })
    }

    /// Answers properly, and answers only pings later on the same connection.
    pub fn hung_connection_with_pings() -> Self {
        Self::new(Action::HangConnection { answers_pings: true })
    }

    /// Answers properly, but late.
    pub fn delayed(by: Duration) -> Self {
        Self::new(Action::Proceed {}).delay(by)
    }
}

/// How it goes wrong.
impl Fault {
    /// Adds `Retry-After` to a scripted response: seconds, a date or any text. Other faults ignore
    /// it.
    ///
    /// # Panics
    /// If the text is not a header value.
    #[must_use]
    pub fn retry_after(self, value: impl Into<RetryAfter>) -> Self {
        let value = value.into();
        self.answer(|answer| answer.retry_after = Some(value))
    }

    /// Sets the body of a scripted response. Other faults ignore it.
    #[must_use]
    pub fn body(self, body: AnswerBody) -> Self {
        self.answer(|answer| answer.body = body)
    }

    /// Sets the body of a scripted response to the page of a load balancer.
    #[must_use]
    pub fn html(self) -> Self {
        self.body(AnswerBody::Html)
    }

    /// Removes the body of a scripted response.
    #[must_use]
    pub fn empty(self) -> Self {
        self.body(AnswerBody::Empty)
    }

    /// Sets the body of a scripted response to this JSON.
    #[must_use]
    pub fn json(self, body: Value) -> Self {
        self.body(AnswerBody::Json(body))
    }

    /// Adds a header to a scripted response. Other faults ignore it.
    ///
    /// # Panics
    /// If the name or the value is not valid in HTTP.
    #[must_use]
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.answer(|answer| {
            answer.headers.insert(name.into(), value.into());
        })
    }

    /// Closes with a reset instead of in order. Faults that close nothing ignore it.
    #[must_use]
    pub fn reset(mut self) -> Self {
        if let Action::Drop { close }
        | Action::CutHead { close, .. }
        | Action::CutBody { close, .. }
        | Action::Stale { close } = &mut self.action
        {
            *close = Close::Rst;
        }
        self
    }

    /// Waits this long first.
    #[must_use]
    pub fn delay(mut self, by: Duration) -> Self {
        self.delay_ms = millis(by);
        self
    }

    /// Lets the request take effect before the fault. Faults that promise the opposite ignore it.
    #[must_use]
    pub fn effect_applied(mut self) -> Self {
        self.effect_applied = true;
        self
    }

    fn answer(mut self, change: impl FnOnce(&mut Answer)) -> Self {
        if let Action::Answer(answer) = &mut self.action {
            change(answer);
            must_be_possible(&self.action);
        }
        self
    }
}

/// When it goes wrong.
impl Fault {
    /// Limits the fault to an operation. Each further call adds one.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.on.push(operation);
        self
    }

    /// Ends the fault after it met this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets this many requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Meets only this share of the requests, 0 to 1, drawn from the simulator's seed.
    ///
    /// # Panics
    /// If the rate is outside that range.
    #[must_use]
    #[track_caller]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = Some(Rate::must_be(rate));
        self
    }
}

impl Fault {
    pub(crate) fn action(&self) -> &Action {
        &self.action
    }

    pub(crate) fn delay_time(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Returns `true` if the request takes effect before the fault.
    pub(crate) fn hides_an_effect(&self) -> bool {
        self.effect_applied && self.action.can_hide_an_effect()
    }

    pub(crate) fn concerns(&self, operation: Operation) -> bool {
        self.on.is_empty() || self.on.contains(&operation)
    }

    /// Returns `true` if the fault meets the request after it has seen and met this many.
    pub(crate) fn is_due(&self, seen: u32, fired: u32, rng: &mut fastrand::Rng) -> bool {
        seen >= self.after
            && self.times.is_none_or(|times| fired < times)
            && self.rate.is_none_or(|rate| rate.is_met(rng))
    }
}

#[track_caller]
fn must_be_possible(action: &Action) {
    if let Err(reason) = action.check() {
        panic!("the fault is not possible: {reason}");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A share of the requests, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Rate(f64);

impl Rate {
    /// # Panics
    /// If it is outside the range.
    #[track_caller]
    pub(super) fn must_be(rate: f64) -> Self {
        Self::try_from(rate).unwrap_or_else(|reason| panic!("{reason}"))
    }

    pub(super) fn is_met(self, rng: &mut fastrand::Rng) -> bool {
        rng.f64() < self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = String;

    fn try_from(rate: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(format!("the rate {rate} is not in the range from 0 to 1"))
        }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_that_http_cannot_carry_out_are_not_read() {
        for (action, reason) in [
            (json!({ "answer": { "status": 99 } }), "99 is not a status from 200 to 999"),
            (json!({ "answer": { "status": 101 } }), "101 is not a status from 200 to 999"),
            (json!({ "answer": { "status": 1000 } }), "1000 is not a status from 200 to 999"),
            (
                json!({ "answer": { "status": 503, "headers": { "a b": "c" } } }),
                "\"a b\" is not a header name",
            ),
            (
                json!({ "answer": { "status": 503, "headers": { "A": "b\r\nc: d" } } }),
                "the value of a is not a header value",
            ),
            (
                json!({ "answer": { "status": 503, "retry_after": "\n" } }),
                "the value of retry-after is not a header value",
            ),
            (
                json!({ "answer": { "status": 503, "content_type": "\n" } }),
                "the value of content-type is not a header value",
            ),
            (
                json!({ "content_type": { "media_type": "\n" } }),
                "the value of content-type is not a header value",
            ),
            (
                json!({ "redirect": { "status": 307, "location": "a\r\nb: c" } }),
                "the value of location is not a header value",
            ),
            (
                json!({ "redirect": { "status": 200, "location": "/" } }),
                "200 is not the status of a redirect",
            ),
        ] {
            let error = serde_json::from_value::<Fault>(json!({ "do": action })).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        for status in [200, 599, 999] {
            serde_json::from_value::<Fault>(json!({ "do": { "answer": { "status": status } } })).unwrap();
        }
    }

    #[test]
    #[should_panic(expected = "99 is not a status")]
    fn a_status_that_cannot_be_sent_panics() {
        let _ = Fault::status(99);
    }

    #[test]
    #[should_panic(expected = "the value of location is not a header value")]
    fn a_location_that_cannot_be_sent_panics() {
        let _ = Fault::redirect(307, "a\r\nb: c");
    }

    #[test]
    #[should_panic(expected = "the value of x is not a header value")]
    fn a_header_that_cannot_be_sent_panics() {
        let _ = Fault::status(503).header("x", "\0");
    }
}
