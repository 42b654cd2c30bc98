//! Runs the checks one after the other, each in a session of its own.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::{
    checks::{self, Check},
    contract::{Contract, Corrections},
    outcome::{Finished, Outcome, Report, Stop},
    run::Run,
    session::{Session, as_it_is},
    target::Target,
};

pub(crate) struct Runner<'a> {
    pub(crate) target: &'a Target,
    pub(crate) contract: &'a Contract,
    pub(crate) corrections: &'a Corrections,
    pub(crate) run: &'a Run,
}

/// Watches a run.
pub(crate) trait Watch {
    /// Called when a check begins, with its number and the number of all checks.
    fn begins(&mut self, check: &str, number: usize, of: usize);
    fn ended(&mut self, done: &Finished, number: usize, of: usize);
}

impl Runner<'_> {
    /// Runs the checks whose name contains `only`.
    ///
    /// # Errors
    /// The checks could not run.
    pub(crate) async fn all(&self, only: Option<&str>, watch: &mut dyn Watch) -> Result<Report> {
        let mut checks = checks::all(self.contract, self.corrections);
        checks.retain(|check| only.is_none_or(|only| check.name.contains(only)));
        ensure!(!checks.is_empty(), "no check has such a name");
        let hopeless = self.hopeless().await?;
        let mut finished = Vec::new();
        for check in &checks {
            let number = finished.len() + 1;
            watch.begins(&check.name, number, checks.len());
            let done = match (&hopeless, self.run.is_interrupted(1)) {
                (_, true) => ended(check, Outcome::of(Err(Stop::Interrupted), Vec::new()), Instant::now()),
                (Some(outcome), _) => ended(check, outcome.clone(), Instant::now()),
                _ => self.one(check).await,
            };
            watch.ended(&done, number, checks.len());
            finished.push(done);
        }
        Ok(Report {
            target: self.target.name(),
            document: self.contract.title(),
            checks: finished,
            left: self.run.take_left(),
            interrupted: self.run.is_interrupted(1),
        })
    }

    /// Returns the outcome of every check if the service gives no access token.
    async fn hopeless(&self) -> Result<Option<Outcome>> {
        if matches!(self.target, Target::Simulator(_)) {
            return Ok(None);
        }
        let place = self.target.place(as_it_is).await?;
        let started = match Session::new(self.contract, place, self.run) {
            Ok(mut session) => session.can_start().await,
            Err(stop) => Err(stop),
        };
        match started {
            Ok(()) => Ok(None),
            Err(Stop::Refused(reason)) => bail!("{reason}"),
            Err(stop) => Ok(Some(Outcome::of(Err(stop), Vec::new()))),
        }
    }

    async fn one(&self, check: &Check) -> Finished {
        let start = Instant::now();
        let outcome = match self.target.place(check.set_up).await {
            Err(error) => Outcome::NetworkFailed { reason: format!("{error:#}") },
            Ok(place) => match Session::new(self.contract, place, self.run) {
                Ok(session) => self.in_session(check, session).await,
                Err(stop) => Outcome::of(Err(stop), Vec::new()),
            },
        };
        ended(check, outcome, start)
    }

    /// Runs a check, and cleans up however it ends.
    async fn in_session(&self, check: &Check, mut session: Session<'_>) -> Outcome {
        let result = check.run(&mut session, self.corrections).await;
        let cleaned = session.clean_up().await;
        let outcome = Outcome::of(result, session.take_violations());
        match (outcome, cleaned) {
            (Outcome::Passed, Err(stop)) => Outcome::of(Err(stop), Vec::new()),
            (outcome, _) => outcome,
        }
    }
}

fn ended(check: &Check, outcome: Outcome, start: Instant) -> Finished {
    let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Finished { check: check.name.clone(), group: check.group, outcome, milliseconds }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use cmp_simulator::{Fault, Operation, Simulator};
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::watch,
    };

    use super::*;
    use crate::check::run::Limits;

    const HASTY: Limits = Limits {
        answer: Duration::from_millis(200),
        slow: Duration::from_millis(100),
        patience: Duration::from_millis(300),
    };

    struct Unwatched;

    impl Watch for Unwatched {
        fn begins(&mut self, _: &str, _: usize, _: usize) {}

        fn ended(&mut self, _: &Finished, _: usize, _: usize) {}
    }

    /// A server that never completes a response, and the number of its connections.
    async fn server<F>(serve: fn(TcpStream) -> F) -> (String, Arc<AtomicUsize>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream));
            }
        });
        (url, connections)
    }

    async fn hangs(_stream: TcpStream) {
        std::future::pending::<()>().await;
    }

    async fn drips(mut stream: TcpStream) {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Answers with the alert of a server that expects TLS.
    async fn speaks_tls(mut stream: TcpStream) {
        let _ = stream.read(&mut [0; 1]).await;
        let _ = stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").await;
        std::future::pending::<()>().await;
    }

    async fn report(base_url: String, token_url: Option<String>) -> Report {
        report_within(HASTY, base_url, token_url).await
    }

    async fn report_within(limits: Limits, base_url: String, token_url: Option<String>) -> Report {
        let layout = crate::spec::files::Layout::of_tests();
        let (contract, corrections) = (Contract::read(&layout).unwrap(), Corrections::read(&layout).unwrap());
        let target = Target::Service {
            name: "a server".to_owned(),
            token_url: token_url.unwrap_or_else(|| base_url.clone()),
            base_url,
            client_id: "AC-simulator".to_owned(),
            client_secret: "simulator-client-secret".to_owned(),
        };
        // The sender must live, or the run has no interrupts.
        let (_sender, interrupts) = watch::channel(0);
        let run = Run::new(limits, interrupts);
        let runner = Runner { target: &target, contract: &contract, corrections: &corrections, run: &run };
        runner.all(None, &mut Unwatched).await.unwrap()
    }

    fn assert_given_up(report: &Report) {
        assert_eq!(report.exit_status(), 4, "{:?}", report.findings());
        assert!(report.checks.len() > 100);
        assert!(report.findings().len() <= 3, "{:?}", report.findings());
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_given_up() {
        let simulator = Simulator::start().await.unwrap();
        for (url, connections) in [server(hangs).await, server(drips).await] {
            assert_given_up(&report(url.clone(), None).await);
            assert_eq!(connections.load(Ordering::Relaxed), 1, "without a token there is nothing to ask");
            // The token endpoint works and the API does not. Without giving up, each of a hundred checks would wait.
            assert_given_up(&report(url, Some(simulator.token_url())).await);
            assert!(connections.load(Ordering::Relaxed) < 10);
        }
        // An immediate refusal costs no time.
        let (url, _) = server(speaks_tls).await;
        assert_given_up(&report(url.clone(), None).await);
        assert_given_up(&report(url, Some(simulator.token_url())).await);
    }

    #[tokio::test]
    async fn a_service_of_which_one_operation_hangs_is_given_up() {
        let simulator = Simulator::start().await.unwrap();
        simulator.faults().add(Fault::hang().on(Operation::GetCard));
        assert_given_up(&report(simulator.url().to_owned(), Some(simulator.token_url())).await);
        assert!(simulator.count(Operation::GetCard) < 10);
        assert!(simulator.cards().is_empty());
    }

    /// A service may read the documents in each of these ways. The run sees only the service's responses.
    #[tokio::test]
    async fn no_reading_of_the_documents_is_a_false_alarm() {
        for settings in [
            json!({"readings": {"times": "naive"}}),
            json!({"readings": {"numbers": "numbers"}}),
            json!({"readings": {"include": "on_request"}}),
            json!({"readings": {"include": "unsupported"}}),
            json!({"readings": {"included": "in_data"}}),
            json!({"readings": {"included": "in_data", "include": "on_request"}}),
            json!({"readings": {"empty_included": "absent"}}),
            json!({"readings": {"empty_included": "null"}}),
            json!({"readings": {"no_active_token": "422"}}),
            json!({"readings": {"duplicate": "body_and_location"}, "duplicate_detection": true}),
            json!({"readings": {"duplicate": "location"}, "duplicate_detection": true}),
            json!({"readings": {"first8": "all"}}),
            json!({"readings": {"states": "upper"}}),
            json!({"readings": {"pan_without_scope": "alias"}}),
            json!({"readings": {"failed_token": "complete"}}),
            json!({"readings": {"missing_scope": "error"}}),
            json!({"readings": {"gateway": "html"}}),
            json!({"readings": {"gateway": "empty"}}),
            json!({"readings": {"unknown_include": "ignored"}}),
            json!({"readings": {"jsonapi_version": "text"}}),
            json!({"readings": {"v1_enrolled": "accepted"}}),
            json!({"readings": {"check": "list"}}),
            json!({"readings": {"future_values": true}}),
            json!({"enrollment": "manual"}),
        ] {
            let simulator = Simulator::builder().settings(serde_json::from_value(settings.clone()).unwrap());
            let simulator = simulator.start().await.unwrap();
            let token_url = Some(simulator.token_url());
            let report = report_within(Limits::USUAL, simulator.url().to_owned(), token_url).await;
            assert!(matches!(report.exit_status(), 0 | 3), "{settings}: {:?}", report.findings());
            assert!(simulator.cards().is_empty(), "{settings}");
        }
    }
}
