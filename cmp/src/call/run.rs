use std::{
    future::Future,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;

use super::{Answer, Core, Reply, Sent, TraceOf, attempt::Attempt};
use crate::{
    auth::Token,
    clock::after,
    error::{Delivery, Error, ErrorKind, Result, StopReason, is_trace_id},
    operation::Operation,
    retry::{Facts, Verdict},
};

/// Why an attempt failed, and whether trying again could help.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) transient: bool,
}

/// The attempts of one call.
pub(super) struct Run<'a, T> {
    core: &'a Core,
    operation: Operation,
    trace_of: TraceOf<T>,
    deadline: Instant,
    attempts: u32,
    /// When the latest attempt began.
    sent_at: Instant,
    replay: Replay,
    /// An attempt was handed to the connection: the call as a whole is not "not sent" any more.
    reached: bool,
    /// An earlier attempt may have taken effect.
    in_doubt: bool,
}

/// The one repetition after a 401, with another token.
enum Replay {
    /// No attempt was answered 401 so far.
    Unused,
    /// One was. It is sent again unless the token comes out the same.
    Due { token: Arc<Token>, refusal: Failure },
    /// Another 401 ends the call.
    Used,
}

/// How a turn of the loop ends.
enum Turn<T> {
    Answered(Answer<T>),
    Failed(Failure),
    Again,
}

impl<'a, T: DeserializeOwned> Run<'a, T> {
    pub(super) fn new(core: &'a Core, operation: Operation, trace_of: TraceOf<T>) -> Self {
        Self {
            core,
            operation,
            trace_of,
            deadline: core.deadline(),
            attempts: 0,
            sent_at: core.clock.now(),
            replay: Replay::Unused,
            reached: false,
            in_doubt: false,
        }
    }

    pub(super) async fn finish<F, Fut>(mut self, send: F) -> Result<Reply<T>>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        loop {
            if let Err(error) = self.wait_for_clearance().await {
                return Err(self.give_up(error, StopReason::DeadlineTooClose));
            }
            match self.turn(&send).await {
                Turn::Answered(answer) => {
                    self.core.budget.deposit();
                    return Ok(self.reply(answer));
                }
                Turn::Failed(failure) => self.wait_or_give_up(failure).await?,
                Turn::Again => {}
            }
        }
    }

    fn reply(&self, answer: Answer<T>) -> Reply<T> {
        let trace_id = match &answer {
            Answer::Decoded { body, .. } => (self.trace_of)(body).filter(|id| is_trace_id(id)),
            Answer::SeeOther { .. } => None,
        };
        let trace_id = trace_id.map(str::to_owned);
        Reply { answer, operation: self.operation, attempts: self.attempts, trace_id }
    }

    /// Waits until the pause that a 429 put on the whole client is over. Fails at once if the deadline comes first.
    async fn wait_for_clearance(&self) -> Result<()> {
        loop {
            let now = self.core.clock.now();
            if now >= self.deadline {
                return Err(Error::out_of_time());
            }
            let Some(pause) = self.core.throttle.pause(now) else { return Ok(()) };
            let Some(wait) = pause.wait_before(self.deadline, now, &self.core.jitter) else {
                return Err(Error::throttled(pause.left(now)));
            };
            self.core.clock.sleep(wait).await;
        }
    }

    async fn turn<F, Fut>(&mut self, send: &F) -> Turn<T>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        let token = match self.core.token_before(self.deadline).await {
            Ok(token) => token,
            Err(failure) => {
                self.attempts += 1;
                self.core.count();
                return Turn::Failed(failure);
            }
        };
        match mem::replace(&mut self.replay, Replay::Used) {
            Replay::Due { token: refused, refusal } if refused.value == token.value => {
                return Turn::Failed(refusal);
            }
            Replay::Unused => self.replay = Replay::Unused,
            Replay::Due { .. } | Replay::Used => {}
        }
        self.attempts += 1;
        self.core.count();
        self.sent_at = self.core.clock.now();
        if self.sent_at >= self.deadline {
            return Turn::Failed(Failure { error: Error::out_of_time(), transient: true });
        }
        let attempt = Attempt {
            core: self.core,
            operation: self.operation,
            trace_of: self.trace_of,
            number: self.attempts,
            limit: self.deadline.min(after(self.sent_at, self.core.policy.time_for_an_attempt())),
        };
        match attempt.send(&token, send).await {
            Ok(answer) => {
                self.core.auth.accepted(&token);
                self.core.throttle.accepted(self.sent_at);
                self.core.note_reached();
                Turn::Answered(answer)
            }
            Err(failure) => {
                self.note(failure.error.delivery());
                self.after_refusal(token, failure)
            }
        }
    }

    /// A 401 says that nothing happened, so any operation is sent again, once, if there may be another token.
    fn after_refusal(&mut self, token: Arc<Token>, failure: Failure) -> Turn<T> {
        let refused = failure.error.is_refused_by_the_service();
        if refused && self.core.auth.refuse(&token) && matches!(self.replay, Replay::Unused) {
            self.replay = Replay::Due { token, refusal: failure };
            return Turn::Again;
        }
        Turn::Failed(failure)
    }

    fn note(&mut self, delivery: Delivery) {
        if delivery != Delivery::NotSent {
            self.reached = true;
            self.core.note_reached();
        }
        self.in_doubt |= delivery == Delivery::OutcomeUnknown;
    }

    async fn wait_or_give_up(&mut self, failure: Failure) -> Result<()> {
        let Failure { error, transient } = failure;
        let facts = Facts {
            class: self.operation.retry_class(),
            delivery: error.delivery(),
            transient,
            attempts: self.attempts,
            retry_after: error.retry_after(),
            pause: self.slow_down(&error),
            time_left: self.time_left(),
        };
        let verdict = match self.core.policy.decide(&facts, self.core.jitter.next()) {
            Verdict::RetryAfter(_) if !self.core.budget.withdraw() => {
                Verdict::Stop(StopReason::BudgetExhausted)
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::RetryAfter(wait) => {
                tracing::debug!(
                    operation = self.operation.name(),
                    attempt = self.attempts,
                    wait_ms = wait.as_millis(),
                    cause = %error,
                    "trying again"
                );
                self.core.clock.sleep(wait).await;
                Ok(())
            }
            Verdict::Stop(reason) => Err(self.give_up(error, reason)),
        }
    }

    /// A 429 slows the whole client. Returns how long this call then has to wait.
    fn slow_down(&self, error: &Error) -> Duration {
        if (error.kind(), error.status()) != (ErrorKind::Service, Some(429)) {
            return Duration::ZERO;
        }
        let now = self.core.clock.now();
        let pause = self.core.throttle.refused(self.sent_at, now, error.retry_after(), &self.core.policy);
        pause.wait(now, &self.core.jitter)
    }

    fn give_up(&self, error: Error, reason: StopReason) -> Error {
        error.finished(self.operation, self.attempts, reason).over_all_attempts(self.reached, self.in_doubt)
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.core.clock.now())
    }
}
