//! Rounds in which each side does the same work, in changing order, each time in a new process.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench_work::{Cost, Options, Side, Work};

use crate::server::Server;

/// How the sides speak to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Plain,
    Http1,
    Http2,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Http1, Self::Http2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "HTTP/1.1",
            Self::Http1 => "HTTP/1.1 over TLS",
            Self::Http2 => "HTTP/2 over TLS",
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) work: Work,
    pub(crate) size: usize,
    pub(crate) protocol: Protocol,
    pub(crate) in_flight: usize,
    pub(crate) calls: usize,
    pub(crate) warm_up: usize,
    pub(crate) allocations: bool,
}

impl Case {
    /// One call at a time over plain HTTP/1.1.
    pub(crate) fn new(work: Work, size: usize, calls: usize) -> Self {
        let warm_up = (calls / 10).max(2);
        Self { work, size, protocol: Protocol::Plain, in_flight: 1, calls, warm_up, allocations: false }
    }

    /// The program of a client, and its argument for this.
    pub(crate) fn command(&self, side: Side, server: &Server) -> Result<(PathBuf, String)> {
        let url = match self.protocol {
            // A client for plain HTTP may leave out TLS.
            _ if self.work == Work::Construct => &server.addresses.http1,
            Protocol::Plain => &server.addresses.plain,
            Protocol::Http1 => &server.addresses.http1,
            Protocol::Http2 => &server.addresses.http2,
        };
        let &Self { work, size, calls, warm_up, in_flight, allocations, .. } = self;
        let certificate = (self.protocol != Protocol::Plain).then(|| server.certificate.clone());
        let url = url.clone();
        let options = Options { work, size, url, certificate, calls, warm_up, in_flight, allocations };
        let program = std::env::current_exe()?.with_file_name(format!("bench-{}", side.name()));
        Ok((program, serde_json::to_string(&options)?))
    }

    pub(crate) fn measure(&self, side: Side, server: &Server) -> Result<Cost> {
        let (program, argument) = self.command(side, server)?;
        let output = Command::new(program).arg(argument).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{self:?} by {}: {errors}", side.name());
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The costs of each side in each round.
pub(crate) struct Rounds {
    pub(crate) sides: &'static [Side],
    rounds: Vec<Vec<Cost>>,
}

/// The median and the quartiles of a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |share: f64| figures[((figures.len() - 1) as f64 * share).round() as usize];
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}

impl Rounds {
    /// Each round begins with another side.
    pub(crate) fn run(case: &Case, server: &Server, count: usize) -> Result<Self> {
        let sides = case.work.sides();
        let mut rounds = Vec::with_capacity(count);
        for round in 0..count {
            let mut costs = vec![None; sides.len()];
            for turn in 0..sides.len() {
                let index = (round + turn) % sides.len();
                costs[index] = Some(case.measure(sides[index], server)?);
            }
            rounds.push(costs.into_iter().collect::<Option<Vec<_>>>().context("a side was left out")?);
        }
        Ok(Self { sides, rounds })
    }

    fn figures(&self, side: Side, figure: impl Fn(&Cost, &Cost) -> f64) -> Result<Spread> {
        let index = self.sides.iter().position(|each| *each == side).context("no such side")?;
        Ok(Spread::of(self.rounds.iter().map(|costs| figure(&costs[index], &costs[0])).collect()))
    }

    /// A figure of a side.
    pub(crate) fn value(&self, side: Side, figure: impl Fn(&Cost) -> f64) -> Result<Spread> {
        self.figures(side, |cost, _| figure(cost))
    }

    /// A figure of a side, relative to the first side's in the same round.
    pub(crate) fn ratio(&self, side: Side, figure: impl Fn(&Cost) -> f64) -> Result<Spread> {
        self.figures(side, |cost, first| figure(cost) / figure(first))
    }
}
