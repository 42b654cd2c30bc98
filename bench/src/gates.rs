//! Figures that do not depend on the machine, and their bounds in `bounds.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use bench_work::{Side, Work};
use clap::Args;
use serde::Deserialize;

use crate::adoption::{Places, WITH_CMP, WITH_REQWEST, megabytes};
use crate::rounds::Case;
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Writes the bounds anew, from what is measured.
    #[arg(long)]
    tighten: bool,
}

/// What is counted for each, with the name of its bounds.
pub(crate) const WORKS: [(&str, Work, usize); 8] = [
    ("get", Work::Get, 1),
    ("get_twenty", Work::Get, 20),
    ("create", Work::Create, 1),
    ("cryptogram", Work::Cryptogram, 1),
    ("subscribe", Work::Subscribe, 1),
    ("unsubscribe", Work::Unsubscribe, 1),
    ("check", Work::Check, 1),
    ("webhook", Work::Webhook, 1),
];

const INSTRUCTIONS: &str = "instructions";
const ATOMICS: &str = "atomics";
const ALLOCATIONS: &str = "allocations";
const ALLOCATED: &str = "allocated";
const ADOPTION: &str = "adoption";

/// The name of some bounds, what their figures are, and how much more than measured they may be.
type Group = (&'static str, &'static str, fn(f64) -> f64);

const GROUPS: [Group; 5] = [
    (INSTRUCTIONS, "Instructions a call, relative to reqwest by hand.", |was| was * 1.03),
    (ATOMICS, "Atomic instructions a call; a mutex that is free takes two.", |was| was + 1.0),
    (ALLOCATIONS, "Allocations a call.", |was| was + 0.5),
    (ALLOCATED, "Allocated octets a call.", |was| (was * 1.03).ceil()),
    (ADOPTION, "What a minimal program has more than one with reqwest and serde.", |was| {
        was + was.abs() * 0.03
    }),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    at_most: f64,
    was: f64,
}

type Bounds = BTreeMap<String, BTreeMap<String, Bound>>;

/// A figure with its group and its name.
type Figure = (&'static str, &'static str, f64);

pub(crate) fn run(options: &Options, Places { bench, target, run }: &Places) -> Result<()> {
    let server = Server::start(run)?;
    let mut output = std::io::stdout();
    let mut figures = Vec::new();
    for (work_name, work, size) in WORKS {
        let (allocations, octets) = allocations(work, size, Side::Cmp, &server)?;
        figures.push((ALLOCATIONS, work_name, allocations));
        figures.push((ALLOCATED, work_name, octets));
    }
    let with_valgrind = has_valgrind();
    if with_valgrind {
        for (work_name, work, size) in WORKS {
            let (by_hand, _) = instructions(work, size, Side::Reqwest, &server)?;
            let (cmp, mut atomics) = instructions(work, size, Side::Cmp, &server)?;
            figures.push((INSTRUCTIONS, work_name, cmp / by_hand));
            // All calls take the same way through the client, so one of them is enough. Waiting takes atomic instructions of
            // its own if the server is late, so the least of several runs counts.
            if matches!(work_name, "get" | "webhook") {
                for _ in 0..2 {
                    atomics = atomics.min(instructions(work, size, Side::Cmp, &server)?.1);
                }
                figures.push((ATOMICS, work_name, atomics));
            }
        }
    } else {
        writeln!(output, "valgrind is not installed: instructions are not counted")?;
    }
    let crates = WITH_CMP.crates(bench)?;
    let more_crates = crates.difference(&WITH_REQWEST.crates(bench)?).count();
    let size = |program: PathBuf| megabytes(&program);
    let more_megabytes = size(WITH_CMP.build(bench, target)?)? - size(WITH_REQWEST.build(bench, target)?)?;
    figures.push((ADOPTION, "crates", more_crates as f64));
    figures.push((ADOPTION, "megabytes", more_megabytes));

    let file = bench.join("bounds.toml");
    if options.tighten {
        ensure!(with_valgrind, "new bounds need valgrind");
        return Ok(std::fs::write(file, written(&figures)?)?);
    }
    let bounds: Bounds = toml::from_str(&std::fs::read_to_string(&file)?)?;
    let (lines, broken) = compare(&figures, &bounds, with_valgrind)?;
    write!(output, "{lines}")?;
    if !broken.is_empty() {
        bail!(
            "above the bounds of bench/bounds.toml: {}. Mend that, or run `cargo xtask bench --tighten` and say why",
            broken.join(", ")
        );
    }
    Ok(())
}

/// A line for each figure, and those above their bounds.
fn compare(figures: &[Figure], bounds: &Bounds, all: bool) -> Result<(String, Vec<String>)> {
    let (mut lines, mut broken) = (String::new(), Vec::new());
    for (group, name, figure) in figures {
        let bound = bounds.get(*group).and_then(|bounds| bounds.get(*name));
        let Bound { at_most, was } = bound.with_context(|| format!("{group}.{name} has no bound"))?;
        let fits = figure <= at_most;
        let verdict = if fits { "" } else { "  TOO MUCH" };
        writeln!(
            lines,
            "{:24} {figure:10.3}  (at most {at_most}, was {was}){verdict}",
            format!("{group}.{name}")
        )?;
        if !fits {
            broken.push(format!("{group}.{name}"));
        }
    }
    let count: usize = bounds.values().map(BTreeMap::len).sum();
    ensure!(!all || count == figures.len(), "bench/bounds.toml has bounds that nothing is measured for");
    Ok((lines, broken))
}

fn written(figures: &[Figure]) -> Result<String> {
    let mut text = String::from(
        "# The bounds of `cargo xtask ci cost`, each with the figure at the time.\n\
         # `cargo xtask bench --tighten` writes this file.\n",
    );
    for (group, what, at_most) in GROUPS {
        writeln!(text, "\n# {what}\n[{group}]")?;
        for (_, name, was) in figures.iter().filter(|(of, ..)| *of == group) {
            writeln!(text, "{name} = {{ at_most = {:.3}, was = {was:.3} }}", at_most(*was))?;
        }
    }
    Ok(text)
}

/// Allocations and allocated octets a call.
pub(crate) fn allocations(work: Work, size: usize, side: Side, server: &Server) -> Result<(f64, f64)> {
    let case = Case { warm_up: 100, allocations: true, ..Case::new(work, size, 400) };
    let cost = case.measure(side, server)?;
    Ok((cost.allocations, cost.allocated))
}

pub(crate) fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions and atomic instructions a call: the difference of two runs, so that the start counts for nothing.
pub(crate) fn instructions(work: Work, size: usize, side: Side, server: &Server) -> Result<(f64, f64)> {
    const CALLS: [usize; 2] = [100, 400];
    let counted = |calls| callgrind(&Case { warm_up: 100, ..Case::new(work, size, calls) }, side, server);
    let (short, long) = (counted(CALLS[0])?, counted(CALLS[1])?);
    let a_call = |short: f64, long: f64| (long - short) / (CALLS[1] - CALLS[0]) as f64;
    Ok((a_call(short.0, long.0), a_call(short.1, long.1)))
}

fn callgrind(case: &Case, side: Side, server: &Server) -> Result<(f64, f64)> {
    let (program, argument) = case.command(side, server)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-bus=yes", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg(argument)
        .output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind, {:?} by {}: {report}", case.work, side.name());
    let line =
        report.lines().find_map(|line| line.split_once("Collected :")).context("valgrind has no sum")?;
    let mut sums = line.1.split_whitespace().map(str::parse);
    let mut next = || anyhow::Ok(sums.next().context("valgrind has too few sums")??);
    Ok((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_above_its_bound_is_named_and_written_bounds_fit_their_figures() {
        let figures = [(INSTRUCTIONS, "get", 1.2), (ALLOCATIONS, "get", 80.0), (ADOPTION, "crates", 20.0)];
        let bounds: Bounds = toml::from_str(&written(&figures).unwrap()).unwrap();
        assert_eq!(compare(&figures, &bounds, true).unwrap().1, [""; 0]);
        let slower = [(INSTRUCTIONS, "get", 1.3), (ALLOCATIONS, "get", 81.0), (ADOPTION, "crates", 21.0)];
        assert_eq!(
            compare(&slower, &bounds, true).unwrap().1,
            ["instructions.get", "allocations.get", "adoption.crates"]
        );
    }

    #[test]
    fn a_figure_without_a_bound_and_a_bound_without_a_figure_are_errors() {
        let bounds: Bounds = toml::from_str("[allocations]\nget = { at_most = 1, was = 1 }").unwrap();
        assert!(compare(&[(ALLOCATIONS, "create", 1.0)], &bounds, true).is_err());
        assert!(compare(&[], &bounds, true).is_err());
        assert!(compare(&[], &bounds, false).is_ok());
    }
}
