//! Compares the sides, part by part, and writes the parts of `docs/performance.md`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench_work::{Cost, Side, Work};
use clap::{Args, ValueEnum};

use crate::adoption::{self, Build, Places, Program, WITH_CMP, WITH_REQWEST};
use crate::gates;
use crate::page::{Section, Table};
use crate::plot::{self, Line};
use crate::rounds::{Case, Protocol, Rounds, Spread};
use crate::server::Server;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Checks that everything runs, with too few calls for a figure to mean something.
    #[arg(long)]
    quick: bool,
    /// Writes the tables and plots of docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Only this part.
    #[arg(long)]
    only: Option<Part>,
}

/// A part of the comparison; the page has a section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Instructions, atomic instructions and allocations of a call.
    Counts,
    /// Each call over each protocol.
    Calls,
    /// How costs grow.
    Growth,
    /// What it costs to depend on the client.
    Adoption,
    /// What each TLS library costs.
    Tls,
}

/// A figure of [`Cost`] with its name, its unit by hand, and whether more is better.
type Column = (&'static str, fn(&Cost) -> f64, &'static str, bool);

const COLUMNS: [Column; 4] = [
    ("throughput", |cost| cost.throughput / 1e3, "k/s", true),
    ("p50", |cost| cost.p50, "µs", false),
    ("CPU a call", |cost| cost.cpu, "µs", false),
    ("peak memory", |cost| cost.peak_memory / 1024.0, "MiB", false),
];

const CALLS: [(&str, Work, usize); 4] = [
    ("get, one included", Work::Get, 1),
    ("get, twenty included", Work::Get, 20),
    ("create", Work::Create, 1),
    ("cryptogram", Work::Cryptogram, 1),
];

pub(crate) fn run(options: &Options, places: &Places) -> Result<()> {
    let bench = Bench { options, places, server: Server::start(&places.run)? };
    for part in Part::value_variants() {
        if options.only.is_some_and(|only| only != *part) {
            continue;
        }
        let section = match part {
            Part::Counts => bench.counts()?,
            Part::Calls => bench.calls()?,
            Part::Growth => bench.growth()?,
            // Clean builds take minutes, and there is no shorter way.
            Part::Adoption | Part::Tls if options.quick && options.only.is_none() => continue,
            Part::Adoption => bench.adoption()?,
            Part::Tls => bench.tls()?,
        };
        writeln!(std::io::stdout(), "\n# {}\n\n{}", section.name, section.text.trim())?;
        if options.write {
            section.write(&places.bench.with_file_name("docs"))?;
        }
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    places: &'a Places,
    server: Server,
}

impl Bench<'_> {
    fn rounds(&self, case: Case, rounds: usize) -> Result<Rounds> {
        let (calls, warm_up) = (case.calls.min(128), case.warm_up.min(64));
        let (case, rounds) =
            if self.options.quick { (Case { calls, warm_up, ..case }, 1) } else { (case, rounds) };
        Rounds::run(&case, &self.server, rounds)
    }

    fn counts(&self) -> Result<Section> {
        let mut table = Table::new(&["call", "client", "instructions", "atomic", "allocations", "allocated"]);
        let with_valgrind = gates::has_valgrind();
        for (title, work, size) in gates::WORKS {
            let mut first = None;
            for side in work.sides() {
                let (allocations, octets) = gates::allocations(work, size, *side, &self.server)?;
                let (instructions, atomics) = if with_valgrind {
                    gates::instructions(work, size, *side, &self.server)?
                } else {
                    (f64::NAN, f64::NAN)
                };
                let figures = [instructions, atomics, allocations, octets];
                let by_hand = *first.get_or_insert(figures);
                let cell = |index: usize, unit: f64, suffix: &str, digits: usize| {
                    let (figure, ratio) = (figures[index], figures[index] / by_hand[index]);
                    let shown = format!("{:.digits$}{suffix}", figure / unit);
                    match ratio {
                        _ if figure.is_nan() => "no valgrind".to_owned(),
                        _ if by_hand[index] == 0.0 => shown,
                        ratio => marked(format!("{shown} ({ratio:.2})"), *side, ratio, 1.0),
                    }
                };
                table.row([
                    title.replace('_', ", "),
                    side.name().to_owned(),
                    cell(0, 1e3, " k", 1),
                    cell(1, 1.0, "", 0),
                    cell(2, 1.0, "", 0),
                    cell(3, 1e3, " kB", 1),
                ]);
            }
        }
        Ok(Section { name: "counts", text: table.markdown(), ..Section::default() })
    }

    fn calls(&self) -> Result<Section> {
        let mut text = machine()?;
        let (mut met, mut all) = (0, 0);
        for protocol in Protocol::ALL {
            write!(text, "\n### {}\n\n", protocol.name())?;
            let titles = COLUMNS.map(|(title, ..)| title);
            let mut table = Table::new(&[&["call", "in flight", "client"], &titles[..]].concat());
            for (title, work, size) in CALLS {
                for in_flight in [1, 64] {
                    let case = Case { protocol, in_flight, warm_up: 320, ..Case::new(work, size, 1920) };
                    let rounds = self.rounds(case, 7)?;
                    for side in rounds.sides {
                        let mut cells = vec![title.to_owned(), in_flight.to_string(), side.name().to_owned()];
                        for (_, figure, unit, more_is_better) in COLUMNS {
                            if *side == Side::Reqwest {
                                let value = rounds.value(*side, figure)?;
                                cells.push(format!("{:.1} {unit}", value.median));
                                continue;
                            }
                            let ratio = rounds.ratio(*side, figure)?;
                            let burden = if more_is_better { 1.0 / ratio.median } else { ratio.median };
                            if *side == Side::Cmp {
                                all += 1;
                                met += usize::from(burden <= 1.0);
                            }
                            cells.push(marked(spread(ratio), *side, burden, 1.0));
                        }
                        table.row(cells);
                    }
                }
            }
            text.push_str(&table.markdown());
        }
        write!(
            text,
            "\ncmp is level with reqwest by hand or better in {met} of {all} figures; **bold** ones are not.\n"
        )?;
        Ok(Section { name: "calls", text, ..Section::default() })
    }

    fn growth(&self) -> Result<Section> {
        let mut text = machine()?;
        let mut plots = Vec::new();

        let sizes = self.sizes(&[1, 10, 100, 1000]);
        let mut parts = vec![];
        for (title, work, budget) in
            [("get, a call", Work::Get, 4000), ("decode alone", Work::Decode, 40_000)]
        {
            let mut table = Table::new(&["included resources", "client", "CPU", "of reqwest by hand"]);
            let mut lines: Vec<Line> =
                work.sides().iter().map(|side| (side.name().to_owned(), Vec::new())).collect();
            for size in &sizes {
                let rounds = self.rounds(Case::new(work, *size, (budget / size).max(60)), 7)?;
                for (side, (_, points)) in rounds.sides.iter().zip(&mut lines) {
                    let cpu = rounds.value(*side, |cost| cost.cpu)?.median;
                    let ratio = rounds.ratio(*side, |cost| cost.cpu)?;
                    points.push((*size as f64, cpu));
                    table.row([
                        size.to_string(),
                        side.name().to_owned(),
                        format!("{cpu:.1} µs"),
                        marked(spread(ratio), *side, ratio.median, 1.0),
                    ]);
                }
            }
            parts.push((title, table, lines));
        }
        for ((title, table, lines), file) in parts.into_iter().zip(["get.svg", "decode.svg"]) {
            write!(text, "\n### Included resources: {title}\n\n{}", table.markdown())?;
            write!(text, "\n![{title} by included resources](performance/{file})\n")?;
            plots.push((file, plot::svg(title, "included resources", "CPU, µs", &lines)));
        }

        let mut table = Table::new(&["tasks", "CPU a hit", "goal"]);
        let mut points = Vec::new();
        for size in self.sizes(&[1, 10, 100, 1000, 10_000]) {
            // To start a task costs as much as twenty hits, so each task has many of them.
            let rounds = self.rounds(Case::new(Work::Token, size, (400_000 / size).max(2_000)), 5)?;
            let nanoseconds = rounds.value(Side::Cmp, |cost| cost.cpu * 1e3)?;
            points.push((size as f64, nanoseconds.median));
            table.row([
                size.to_string(),
                format!("{:.0} ns ({:.0}–{:.0})", nanoseconds.median, nanoseconds.low, nanoseconds.high),
                verdict(nanoseconds.median, 50.0, "50 ns"),
            ]);
        }
        write!(text, "\n### Access token cache\n\n{}", table.markdown())?;
        write!(text, "\n![access token cache by tasks](performance/token.svg)\n")?;
        let lines = [("cmp".to_owned(), points)];
        plots.push(("token.svg", plot::svg("a hit of the token cache", "tasks", "CPU, ns", &lines)));

        let mut table = Table::new(&["ids", "client", "CPU an id", "of reqwest by hand", "peak memory"]);
        let mut lines: Vec<Line> =
            Work::Bulk.sides().iter().map(|side| (side.name().to_owned(), Vec::new())).collect();
        for size in self.sizes(&[1000, 10_000, 100_000]) {
            let rounds = self.rounds(Case { warm_up: 64, ..Case::new(Work::Bulk, size, size) }, 3)?;
            for (side, (_, points)) in rounds.sides.iter().zip(&mut lines) {
                let memory = rounds.value(*side, |cost| cost.peak_memory / 1024.0)?.median;
                let ratio = rounds.ratio(*side, |cost| cost.cpu)?;
                points.push((size as f64, memory));
                table.row([
                    size.to_string(),
                    side.name().to_owned(),
                    format!("{:.1} µs", rounds.value(*side, |cost| cost.cpu)?.median),
                    marked(spread(ratio), *side, ratio.median, 1.0),
                    format!("{memory:.1} MiB"),
                ]);
            }
        }
        write!(text, "\n### Bulk runs\n\n{}", table.markdown())?;
        write!(text, "\n![peak memory of a bulk run by ids](performance/bulk.svg)\n")?;
        plots.push(("bulk.svg", plot::svg("a bulk run", "ids", "peak memory, MiB", &lines)));

        let mut table = Table::new(&["work", "client", "CPU", "of reqwest by hand"]);
        for (title, work, calls) in
            [("verify and read a webhook", Work::Webhook, 4000), ("make a client", Work::Construct, 40)]
        {
            let rounds = self.rounds(Case::new(work, 1, calls), 7)?;
            for side in rounds.sides {
                let ratio = rounds.ratio(*side, |cost| cost.cpu)?;
                table.row([
                    title.to_owned(),
                    side.name().to_owned(),
                    format!("{:.1} µs", rounds.value(*side, |cost| cost.cpu)?.median),
                    marked(spread(ratio), *side, ratio.median, 1.0),
                ]);
            }
        }
        write!(text, "\n### Without a request\n\n{}", table.markdown())?;
        Ok(Section { name: "growth", text, plots })
    }

    /// The first two, if it has to be quick.
    fn sizes(&self, sizes: &[usize]) -> Vec<usize> {
        sizes[..if self.options.quick { 2 } else { sizes.len() }].to_vec()
    }

    fn adoption(&self) -> Result<Section> {
        let bench = &self.places.bench;
        let (by_hand, with_cmp) = (self.build(WITH_REQWEST)?.1, self.build(WITH_CMP)?.1);
        let crates = [WITH_REQWEST.crates(bench)?, WITH_CMP.crates(bench)?];
        let more = crates[1].difference(&crates[0]).count();
        let mut text = machine()?;
        let mut table = Table::new(&["", "reqwest and serde", "cmp", "", "goal"]);
        let ratio = with_cmp.cpu_seconds / by_hand.cpu_seconds;
        let larger = with_cmp.megabytes - by_hand.megabytes;
        table.row([
            "crates in the program".to_owned(),
            crates[0].len().to_string(),
            crates[1].len().to_string(),
            format!("{more} more"),
            verdict(more as f64, 25.0, "25 more"),
        ]);
        table.row([
            "stripped program".to_owned(),
            format!("{:.2} MB", by_hand.megabytes),
            format!("{:.2} MB", with_cmp.megabytes),
            format!("{larger:+.2} MB"),
            verdict(larger, 1.0, "1.0 MB more"),
        ]);
        table.row([
            "clean release build, processor time".to_owned(),
            format!("{:.0} s", by_hand.cpu_seconds),
            format!("{:.0} s", with_cmp.cpu_seconds),
            format!("{ratio:.2} ×"),
            verdict(ratio, 1.4, "1.4 ×"),
        ]);
        table.row([
            "the same, by the clock".to_owned(),
            format!("{:.0} s", by_hand.seconds),
            format!("{:.0} s", with_cmp.seconds),
            format!("{:.2} ×", with_cmp.seconds / by_hand.seconds),
            String::new(),
        ]);
        text.push_str(&format!("\n{}", table.markdown()));
        let added: Vec<_> = crates[1].difference(&crates[0]).map(|name| format!("`{name}`")).collect();
        write!(text, "\nThe crates that `cmp` adds: {}.\n", added.join(", "))?;
        Ok(Section { name: "adoption", text, ..Section::default() })
    }

    fn tls(&self) -> Result<Section> {
        let mut text = machine()?;
        let mut table = Table::new(&["TLS library", "clean build", "program", "handshake", "download"]);
        for program in adoption::TLS {
            let Ok((file, Build { cpu_seconds, megabytes, .. })) = self.build(program) else {
                table.row([program.features, "can't be built here", "", "", ""]);
                continue;
            };
            let (handshake, download) = self.connections(&file)?;
            table.row([
                program.features.to_owned(),
                format!("{cpu_seconds:.0} CPU s"),
                format!("{megabytes:.2} MB"),
                format!("{handshake:.0} µs"),
                format!("{download:.2} ms a MB"),
            ]);
        }
        write!(text, "\n{}", table.markdown())?;
        Ok(Section { name: "tls", text, ..Section::default() })
    }

    /// Builds a program from nothing, into the folder of this run.
    fn build(&self, program: Program) -> Result<(PathBuf, Build)> {
        program.clean_build(&self.places.bench, &self.places.run.join("clean"))
    }

    /// The processor time of a handshake in microseconds, and of a megabyte read in milliseconds.
    fn connections(&self, program: &Path) -> Result<(f64, f64)> {
        const HANDSHAKES: f64 = 300.0;
        let address = &self.server.addresses.http1;
        let port = address.rsplit(':').next().context("no port")?;
        let mut runs = Vec::new();
        for _ in 0..if self.options.quick { 1 } else { 5 } {
            let arguments = [port, &self.server.certificate.to_string_lossy(), &HANDSHAKES.to_string(), "8"];
            let output = Command::new(program).args(arguments).output()?;
            ensure!(output.status.success(), "TLS: {}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout)?;
            let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            let [connecting, downloading, octets] = numbers[..] else { anyhow::bail!("TLS: {text}") };
            runs.push((connecting / 1e3 / HANDSHAKES, downloading / octets));
        }
        let median = |figure: fn(&(f64, f64)) -> f64| Spread::of(runs.iter().map(figure).collect()).median;
        Ok((median(|run| run.0), median(|run| run.1)))
    }
}

fn spread(Spread { low, median, high }: Spread) -> String {
    format!("{median:.2} ({low:.2}–{high:.2})")
}

/// Bold, if it is this library's and above the goal.
fn marked(text: String, side: Side, figure: f64, goal: f64) -> String {
    if matches!(side, Side::Cmp) && figure > goal { format!("**{text}**") } else { text }
}

fn verdict(figure: f64, at_most: f64, goal: &str) -> String {
    let word = if figure <= at_most { "met" } else { "**not met**" };
    format!("at most {goal}: {word}")
}

/// The kind of machine, without its name.
fn machine() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let cores = std::thread::available_parallelism()?;
    let rust = Command::new("rustc").arg("--version").output()?;
    let rust = String::from_utf8_lossy(&rust.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(format!("{cores} cores, {}, Linux, Rust {rust}.\n", model.trim_start_matches([' ', '\t', ':'])))
}
