//! Runs the checks one after the other, each in a session of its own.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::checks::{self, Check};
use super::corrections::Corrections;
use super::outcome::{Finished, Outcome, Report, Stop};
use super::session::Session;
use super::spec::Contract;
use super::target::Target;

pub(crate) struct Runner<'a> {
    pub(crate) target: &'a Target,
    pub(crate) contract: &'a Contract,
    pub(crate) corrections: &'a Corrections,
}

/// Told of each check as it ends, with its number and the number of all.
pub(crate) type Progress = dyn Fn(&Finished, usize, usize);

impl Runner<'_> {
    pub(crate) async fn all(&self, only: Option<&str>, progress: &Progress) -> Result<Report> {
        let mut checks = checks::all(self.corrections);
        checks.retain(|check| only.is_none_or(|only| check.name.contains(only)));
        ensure!(!checks.is_empty(), "no check has such a name");
        let mut finished = Vec::new();
        for check in &checks {
            let done = self.one(check).await?;
            progress(&done, finished.len() + 1, checks.len());
            finished.push(done);
        }
        Ok(Report { target: self.target.name(), document: self.contract.title(), checks: finished })
    }

    async fn one(&self, check: &Check) -> Result<Finished> {
        let start = Instant::now();
        let outcome = match self.target.place(check.set_up).await {
            Err(error) => Outcome::NetworkFailed { reason: format!("{error:#}") },
            Ok(place) => match Session::new(self.contract, place) {
                Ok(session) => self.in_session(check, session).await?,
                Err(stop) => Outcome::of(Err(stop), Vec::new()),
            },
        };
        let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Finished { check: check.name.clone(), group: check.group, outcome, milliseconds })
    }

    /// Cleans up however the check ends, also if somebody interrupts it.
    async fn in_session(&self, check: &Check, mut session: Session<'_>) -> Result<Outcome> {
        let result = tokio::select! {
            result = check.run(&mut session, self.corrections) => Some(result),
            _ = tokio::signal::ctrl_c() => None,
        };
        let cleaned = session.clean_up().await;
        let Some(result) = result else { bail!("interrupted; {}", cleaning(&cleaned)) };
        let outcome = Outcome::of(result, session.take_violations());
        Ok(match (outcome, cleaned) {
            (Outcome::Passed, Err(stop)) => Outcome::of(Err(stop), Vec::new()),
            (outcome, _) => outcome,
        })
    }
}

fn cleaning(cleaned: &Result<(), Stop>) -> String {
    match cleaned {
        Err(Stop::Network(left)) => left.clone(),
        _ => "the stored test cards are deleted".to_owned(),
    }
}
