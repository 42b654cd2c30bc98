//! One call, from a facade method to the socket and back.
//!
//! A facade method begins a [`Call`] and sends its requests in it. [`Call::send`] runs the loop around one generated
//! operation: it gets an access token, makes an attempt, asks the policy what a failure means, waits, and tries again.

mod attempt;
mod shared;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use attempt::{Answer, Attempt};
pub(crate) use attempt::{Body, Sent, with_body};
use chrono::{DateTime, Utc};
use cmp_generated::scalar::Text;
pub use shared::AnswerHead;
use shared::Failure;
pub(crate) use shared::{Core, Learnt, Lookups, OnAnswer, Server};

use crate::{
    auth::Token,
    clock::after,
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    metrics::{Ending, Happening, Work},
    operation::Operation,
    retry::{Facts, Verdict, Withdrawn},
    value::TraceId,
};

/// One call of the user's. Its requests share a deadline, and their attempts add up.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    core: &'a Core,
    deadline: Instant,
    retries: bool,
    attempts: u32,
    /// An attempt was handed to a connection: the call as a whole is not "not sent" any more.
    reached: bool,
    /// The last successful response.
    answered: Option<Answered>,
}

/// A successful response, as an error about it names it.
#[derive(Debug)]
struct Answered {
    operation: Operation,
    status: u16,
    trace_id: Option<Text>,
}

impl Answered {
    fn unusable(&self, error: Error, attempts: u32) -> Error {
        error.in_answer(self.operation, self.status, attempts, TraceId::of(self.trace_id.as_ref()))
    }
}

/// What is known of a successful response beside its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// When the request began, by the client's clock.
    pub(crate) asked_at: DateTime<Utc>,
}

impl Core {
    pub(crate) fn begin(&self) -> Call<'_> {
        self.begin_until(self.deadline())
    }

    /// Begins a call with a deadline of its own, each of whose requests still has to keep to the policy's.
    pub(crate) fn begin_until(&self, deadline: Instant) -> Call<'_> {
        Call { core: self, deadline, retries: true, attempts: 0, reached: false, answered: None }
    }
}

impl<'a> Call<'a> {
    pub(crate) fn core(&self) -> &'a Core {
        self.core
    }

    /// Makes no retries from now on.
    pub(crate) fn without_retries(&mut self) {
        self.retries = false;
    }

    /// Returns the error as one of the whole call: "not sent" is right only if no request was sent. An error of no
    /// operation is about the last response.
    pub(crate) fn fail(&self, error: Error) -> Error {
        let error = match &self.answered {
            Some(answered) if error.operation().is_none() => answered.unusable(error, self.attempts),
            _ => error,
        };
        error.over_requests(self.attempts, self.reached)
    }

    /// Runs `send`, which is one generated operation, with all that surrounds it, and converts the response by `read`.
    pub(crate) async fn send<B, T, F, Fut>(
        &mut self,
        operation: Operation,
        send: F,
        read: impl FnOnce(Head, B) -> Result<T>,
    ) -> Result<T>
    where
        B: Body,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<B>>,
    {
        let asked_at = self.core.clock.utc();
        let deadline = self.deadline.min(self.core.deadline());
        let timed = self.core.metrics.start(Work::Operation(operation));
        let earlier = self.attempts;
        let request = Request {
            call: self,
            operation,
            deadline,
            number: 0,
            in_doubt: false,
            refusal: None,
            failed: None,
            retry: None,
        };
        // In a box, so that the futures in tasks of the caller stay small.
        let result = match Box::pin(request.finish(send)).await {
            Ok(Answer { status, body, trace_id }) => {
                let answered = Answered { operation, status, trace_id };
                let result = read(Head { status, asked_at }, body);
                let result = result.map_err(|error| answered.unusable(error, self.attempts));
                self.answered = Some(answered);
                result
            }
            Err(error) => Err(error),
        };
        let attempts = Some(self.attempts - earlier);
        timed.end(|| Ending { attempts, ..Ending::of(result.as_ref().err()) });
        result
    }
}

/// The attempts of one request.
struct Request<'c, 'a> {
    call: &'c mut Call<'a>,
    operation: Operation,
    deadline: Instant,
    /// How many attempts were made for this request.
    number: u32,
    /// An earlier attempt may have taken effect.
    in_doubt: bool,
    refusal: Option<Refusal>,
    /// What the latest attempt failed with, while the next one is waited for.
    failed: Option<Error>,
    /// What the next attempt costs. A call that ends before it gets this back.
    retry: Option<Withdrawn<'a>>,
}

/// The first 401, after which the request is sent again, once, unless the token comes out the same.
struct Refusal {
    token: Arc<Token>,
    /// What the request ends with if there is no other token; `None` once it was sent again.
    failure: Option<Failure>,
}

/// How a turn of the loop ends.
enum Turn<B> {
    Answered(Answer<B>),
    Failed(Failure, Instant),
    Again,
    /// No attempt was made: the deadline comes first.
    TooLate(Error),
}

impl Request<'_, '_> {
    async fn finish<B, F, Fut>(mut self, send: F) -> Result<Answer<B>>
    where
        B: Body,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<B>>,
    {
        loop {
            let turn = match self.wait_for_clearance().await {
                Ok(now) => self.turn(now, &send).await,
                Err(error) => Turn::TooLate(error),
            };
            match turn {
                Turn::Answered(answer) => {
                    self.call.core.budget.deposit();
                    return Ok(answer);
                }
                Turn::Failed(failure, sent_at) => self.wait_or_give_up(failure, sent_at).await?,
                Turn::Again => {}
                Turn::TooLate(error) => return Err(self.too_late(error)),
            }
        }
    }

    /// Waits until the pause that a 429 put on the whole client is over and the pace allows a request, and returns the time.
    /// Fails at once if the deadline comes first.
    async fn wait_for_clearance(&self) -> Result<Instant> {
        let core = self.call.core;
        if core.throttle.has_pace() {
            // With the token first, requests don't leave together when it comes. The attempt reports a failure.
            drop(core.token_before(core.clock.now(), self.deadline).await);
        }
        core.throttle.clearance(self.deadline, &*core.clock, &core.jitter).await
    }

    async fn turn<B, F, Fut>(&mut self, now: Instant, send: &F) -> Turn<B>
    where
        B: Body,
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<B>>,
    {
        let core = self.call.core;
        let token = match core.token_before(now, self.deadline).await {
            Err(failure) if failure.error.is_timeout() => return Turn::TooLate(failure.error),
            token => token,
        };
        let sent_at = core.clock.now();
        if token.is_ok() && sent_at >= self.deadline {
            return Turn::TooLate(Error::out_of_time());
        }
        if let (Some(refusal), Ok(token)) = (&mut self.refusal, &token)
            && let Some(failure) = refusal.failure.take()
        {
            if refusal.token.authorization == token.authorization {
                return Turn::Failed(failure, sent_at);
            }
            self.count_retry_after(&failure.error);
        }
        self.number += 1;
        self.call.attempts += 1;
        if let Some(retry) = self.retry.take() {
            retry.spend();
        }
        let token = match token {
            Ok(token) => token,
            Err(failure) => return Turn::Failed(failure, sent_at),
        };
        let attempt = Attempt {
            core,
            operation: self.operation,
            number: self.number,
            limit: self.deadline.min(after(sent_at, core.policy.time_for_an_attempt())),
        };
        match attempt.send(&token, send).await {
            Ok(answer) => {
                core.auth.accepted(&token);
                core.throttle.accepted(sent_at);
                self.call.reached = true;
                Turn::Answered(answer)
            }
            Err(failure) => {
                if failure.lets_through() {
                    core.auth.accepted(&token);
                    core.throttle.accepted(sent_at);
                }
                let delivery = failure.error.delivery();
                self.call.reached |= delivery != Delivery::NotSent;
                self.in_doubt |= delivery == Delivery::OutcomeUnknown;
                self.after_refusal(token, failure, sent_at)
            }
        }
    }

    /// A 401 says that nothing happened, so any operation is sent again, once, if there may be another token.
    fn after_refusal<B>(&mut self, token: Arc<Token>, failure: Failure, sent_at: Instant) -> Turn<B> {
        let refused = failure.error.is_refused_by_the_service() && self.call.core.auth.refuse(&token);
        if refused && self.refusal.is_none() {
            self.refusal = Some(Refusal { token, failure: Some(failure) });
            self.failed = None;
            return Turn::Again;
        }
        Turn::Failed(failure, sent_at)
    }

    async fn wait_or_give_up(&mut self, failure: Failure, sent_at: Instant) -> Result<()> {
        let core = self.call.core;
        let Failure { error, transient } = failure;
        let facts = Facts {
            class: self.operation.retry_class(),
            delivery: error.delivery(),
            transient,
            attempts: self.number,
            retry_after: error.retry_after(),
            pause: self.slow_down(&error, sent_at),
            time_left: self.deadline.saturating_duration_since(core.clock.now()),
        };
        let mut verdict = core.policy.decide(&facts, core.jitter.next());
        if let Verdict::RetryAfter(_) = verdict {
            if !self.call.retries {
                verdict = Verdict::Stop(StopReason::AttemptsExhausted);
            } else {
                self.retry = core.budget.withdraw();
                if self.retry.is_none() {
                    verdict = Verdict::Stop(StopReason::BudgetExhausted);
                }
            }
        }
        match verdict {
            Verdict::RetryAfter(wait) => {
                tracing::debug!(
                    operation = self.operation.name(),
                    attempt = self.number,
                    wait_ms = wait.as_millis(),
                    error.type = &*error.telemetry_type(),
                    http.response.status_code = error.status(),
                    cause = error.network_fault(),
                    "trying again"
                );
                self.count_retry_after(&error);
                self.failed = Some(error);
                core.clock.sleep(wait).await;
                Ok(())
            }
            Verdict::Stop(reason) => Err(self.give_up(error, reason)),
        }
    }

    fn count_retry_after(&self, error: &Error) {
        let operation = self.operation;
        self.call.core.metrics.count(|| Happening::Retry { operation, reason: error.telemetry_type() });
    }

    /// A 429 slows the whole client. Returns how long this call then has to wait.
    fn slow_down(&self, error: &Error, sent_at: Instant) -> Duration {
        if (error.kind(), error.status()) != (ErrorKind::Service, Some(429)) {
            return Duration::ZERO;
        }
        let core = self.call.core;
        let now = core.clock.now();
        let pause = core.throttle.refused(sent_at, now, error.retry_after(), &core.policy);
        pause.wait(now, &core.jitter)
    }

    /// Ends the request without another attempt. If one was made, its failure says more than that the next one comes too late.
    fn too_late(&mut self, error: Error) -> Error {
        let refused = self.refusal.as_mut().and_then(|refusal| refusal.failure.take());
        let failed = self.failed.take().or_else(|| refused.map(|failure| failure.error));
        let left = error.retry_after();
        let error = failed.map_or(error, |failed| failed.with_retry_after(left));
        self.give_up(error, StopReason::DeadlineTooClose)
    }

    fn give_up(&self, error: Error, reason: StopReason) -> Error {
        let Call { attempts, reached, .. } = *self.call;
        error.finished(self.operation, attempts, reason).over_all_attempts(reached, self.in_doubt)
    }
}
