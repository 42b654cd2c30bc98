use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;

use super::{Answer, Core, Reply, Sent, TraceOf, attempt::Attempt};
use crate::{
    auth::Token,
    clock::after,
    error::{Delivery, Error, Result, StopReason, is_trace_id},
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
    /// The token whose replacement the one replay after a 401 is made with.
    refused: Option<Arc<Token>>,
    /// An earlier attempt may have taken effect.
    in_doubt: bool,
}

impl<'a, T: DeserializeOwned> Run<'a, T> {
    pub(super) fn new(core: &'a Core, operation: Operation, trace_of: TraceOf<T>) -> Self {
        Self {
            core,
            operation,
            trace_of,
            deadline: core.deadline(),
            attempts: 0,
            refused: None,
            in_doubt: false,
        }
    }

    pub(super) async fn finish<F, Fut>(mut self, send: F) -> Result<Reply<T>>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        loop {
            let failure = match self.try_once(&send).await {
                Ok(answer) => {
                    self.core.budget.deposit();
                    return Ok(self.reply(answer));
                }
                Err(failure) => failure,
            };
            self.wait_or_give_up(failure).await?;
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

    async fn try_once<F, Fut>(&mut self, send: &F) -> Result<Answer<T>, Failure>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        self.attempts += 1;
        self.core.count();
        let token = self.token().await?;
        let limit = self.deadline.min(after(self.core.clock.now(), self.core.policy.time_for_an_attempt()));
        let attempt = Attempt {
            core: self.core,
            operation: self.operation,
            trace_of: self.trace_of,
            number: self.attempts,
            limit,
        };
        let failure = match attempt.send(&token, send).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        if failure.error.is_refused_by_the_service() && self.refused.is_none() {
            self.core.auth.refuse(&token);
            self.refused = Some(token);
            return self.replay(failure, send).await;
        }
        Err(failure)
    }

    /// A 401 says that nothing happened, so any operation is sent again, once, if there is another token.
    async fn replay<F, Fut>(&mut self, refusal: Failure, send: &F) -> Result<Answer<T>, Failure>
    where
        F: Fn(cmp_generated::Client) -> Fut,
        Fut: Future<Output = Sent<T>>,
    {
        let fresh = self.token().await?;
        if self.refused.as_ref().is_some_and(|refused| refused.value == fresh.value) {
            return Err(refusal);
        }
        Box::pin(self.try_once(send)).await
    }

    async fn token(&self) -> Result<Arc<Token>, Failure> {
        // The deadline goes first: once it has passed, nothing may be sent any more.
        tokio::select! {
            biased;
            () = self.core.clock.alarm(self.deadline) => {
                Err(Failure { error: Error::out_of_time_for_a_token(), transient: true })
            }
            token = self.core.auth.token() => token.map_err(|cause| {
                Failure { transient: cause.is_transient(), error: cause.into_error() }
            }),
        }
    }

    async fn wait_or_give_up(&mut self, failure: Failure) -> Result<()> {
        let Failure { error, transient } = failure;
        self.in_doubt |= error.delivery() == Delivery::OutcomeUnknown;
        let facts = Facts {
            class: self.operation.retry_class(),
            delivery: error.delivery(),
            transient,
            attempts: self.attempts,
            retry_after: error.retry_after(),
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
            Verdict::Stop(reason) => {
                Err(error.finished(self.operation, self.attempts, reason).in_doubt(self.in_doubt))
            }
        }
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.core.clock.now())
    }
}
