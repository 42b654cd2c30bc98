//! `cargo xtask mutants`: changes the client in many small ways, and lists the changes that no test notices.
//!
//! cargo-mutants makes the changes. Each is tried with the unit tests of `cmp` first, which take a second, and only those
//! that are left with the integration tests. The results of all runs are merged into `docs/mutants.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

const PAGE: &str = "docs/mutants.md";
/// The page's own words end here.
const MARK: &str = "<!-- Written by `cargo xtask mutants`. -->\n";
const OUTPUT: &str = "target/mutants";
const MODULES: [&str; 8] = ["auth", "call", "error", "retry", "scrub", "secret", "value", "webhooks"];

/// One try of all changes that are left.
struct Pass {
    package: &'static str,
    features: &'static [&'static str],
    /// Those that are quick enough to be run once for each change
    tests: &'static [&'static str],
    /// A change that takes more seconds hangs.
    timeout: &'static str,
}

const PASSES: [Pass; 2] = [
    Pass {
        package: "cmp",
        features: &["--features", "test-util,webhooks"],
        tests: &["--lib"],
        timeout: "120",
    },
    Pass {
        package: "workspace-tests",
        features: &[],
        tests: &[
            "--test",
            "client",
            "--test",
            "webhooks",
            "--test",
            "guide",
            "--test",
            "metrics",
            "--test",
            "transport",
        ],
        timeout: "300",
    },
];

/// Fewer random cases, and no debug information: each change is built and tried once.
const ENVIRONMENT: [(&str, &str); 3] =
    [("CARGO_PROFILE_DEV_DEBUG", "0"), ("SCHEDULES", "60"), ("PROPTEST_CASES", "16")];

/// Runs one shard (such as `0/8`) of the changes to these modules, or all of both, and merges the results.
///
/// In place, the changes are made to the files of the workspace itself, one at a time, and taken back.
pub(crate) fn run(root: &Path, modules: &[String], shard: Option<&str>, in_place: bool) -> Result<()> {
    let installed = Command::new(env!("CARGO")).args(["mutants", "--version"]).output();
    ensure!(
        installed.is_ok_and(|output| output.status.success()),
        "cargo-mutants is not installed: `cargo install cargo-mutants --locked`"
    );
    let modules: Vec<&str> =
        if modules.is_empty() { MODULES.to_vec() } else { modules.iter().map(String::as_str).collect() };
    for module in &modules {
        let folder = root.join("cmp/src").join(module);
        ensure!(folder.exists() || folder.with_extension("rs").exists(), "cmp/src has no module {module}");
    }
    let name = format!("{}-{}", modules.join("-"), shard.unwrap_or("all")).replace('/', "-");
    let output = format!("{OUTPUT}/{name}");
    fs::create_dir_all(root.join(&output))?;
    for (number, Pass { package, features, tests, timeout }) in PASSES.into_iter().enumerate() {
        // By name: a shard of what is left would be a part of all that is left, in other shards too.
        let left = if number == 0 { Vec::new() } else { unnoticed(&root.join(&output)) };
        if number > 0 && left.is_empty() {
            break;
        }
        // cargo-mutants would first run the tests of `cmp`, also for tests of another package.
        let mut unchanged = Command::new(env!("CARGO"));
        unchanged.args(["test", "--package", package]).args(features).args(tests).envs(ENVIRONMENT);
        ensure!(
            unchanged.current_dir(root).status()?.success(),
            "the tests of {package} fail without a change, so they would notice every change"
        );
        let mut command = Command::new(env!("CARGO"));
        command.args(["mutants", "--package", "cmp", "--test-package", package, "--no-shuffle"]);
        command.args(["--baseline", "skip", "--output", &output, "--timeout", timeout]);
        command.args(features).envs(ENVIRONMENT);
        for module in &modules {
            command.args([
                "--file",
                &format!("cmp/src/{module}.rs"),
                "--file",
                &format!("cmp/src/{module}/**"),
            ]);
        }
        command.args(in_place.then_some("--in-place"));
        if number == 0 {
            command.args(shard.iter().flat_map(|shard| ["--shard", shard]));
        }
        command.args(left.iter().flat_map(|change| ["--re".to_owned(), regex::escape(change)]));
        let status = command.arg("--").args(tests).current_dir(root).status()?;
        match status.code() {
            // All noticed, some not, some took too long.
            Some(0 | 2 | 3) => {}
            code => bail!("cargo mutants failed with {code:?}"),
        }
    }
    merge(root)
}

/// The changes that the last pass did not notice, or not in time.
fn unnoticed(output: &Path) -> Vec<String> {
    let read = |file| fs::read_to_string(output.join("mutants.out").join(file)).unwrap_or_default();
    let lists = ["missed.txt", "timeout.txt"].map(read);
    lists.iter().flat_map(|list| list.lines()).map(str::to_owned).collect()
}

/// Writes what all runs found so far. What a later run found about a change counts.
fn merge(root: &Path) -> Result<()> {
    let mut outcomes = BTreeMap::new();
    let mut runs = fs::read_dir(root.join(OUTPUT))?.collect::<io::Result<Vec<_>>>()?;
    runs.sort_by_key(|run| {
        fs::metadata(run.path().join("mutants.out")).and_then(|data| data.modified()).ok()
    });
    for run in runs {
        // The first pass, and what the second says about the changes that were left.
        let lists = [
            ("mutants.out.old", "unviable.txt", Outcome::DoesNotBuild),
            ("mutants.out.old", "caught.txt", Outcome::Noticed),
            ("mutants.out.old", "timeout.txt", Outcome::Noticed),
            ("mutants.out", "unviable.txt", Outcome::DoesNotBuild),
            ("mutants.out", "missed.txt", Outcome::Survived),
            ("mutants.out", "timeout.txt", Outcome::Noticed),
            ("mutants.out", "caught.txt", Outcome::Noticed),
        ];
        let lists = lists.map(|(pass, file, outcome)| {
            (fs::read_to_string(run.path().join(pass).join(file)).unwrap_or_default(), outcome)
        });
        let changes =
            || lists.iter().flat_map(|(list, outcome)| list.lines().map(move |line| (line, *outcome)));
        let mut places = BTreeMap::<_, BTreeSet<_>>::new();
        for (change, _) in changes() {
            let (text, place) = text_and_place(change);
            places.entry(text).or_default().insert(place);
        }
        outcomes.extend(changes().map(|(change, outcome)| {
            let (text, place) = text_and_place(change);
            // Two changes of a function can read the same.
            let before = places[&text].range(..place).count();
            let number = if before == 0 { String::new() } else { format!(" ({})", before + 1) };
            (format!("{text}{number}"), outcome)
        }));
    }
    let before = fs::read_to_string(root.join(PAGE)).with_context(|| PAGE.to_owned())?;
    Ok(fs::write(root.join(PAGE), page(&before, &outcomes)?)?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Noticed,
    Survived,
    DoesNotBuild,
}

/// The change without its line and column, which move; and these.
fn text_and_place(change: &str) -> (String, (u32, u32)) {
    let mut parts = change.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|number| number.parse().ok()).unwrap_or_default();
    let place = (number(), number());
    (format!("{file}:{}", parts.next().unwrap_or_default()), place)
}

/// The page with the figures of these outcomes. The rows of modules that were not tried stay, as does the reason that
/// somebody wrote beside a survivor.
fn page(before: &str, outcomes: &BTreeMap<String, Outcome>) -> Result<String> {
    let (own, written) = before.split_once(MARK).with_context(|| format!("{PAGE} has no {MARK}"))?;
    let mut counts = BTreeMap::<&str, [usize; 2]>::new();
    for (change, outcome) in outcomes {
        let [all, noticed] = counts.entry(module(change)).or_default();
        *all += usize::from(*outcome != Outcome::DoesNotBuild);
        *noticed += usize::from(*outcome == Outcome::Noticed);
    }
    let rows =
        written.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let (survivors, modules): (Vec<_>, Vec<_>) = rows.partition(|(name, _)| name.contains(':'));
    let was_tried = |name: &str| counts.contains_key(module(name));
    let mut table: BTreeMap<_, _> = modules
        .into_iter()
        .filter(|(name, _)| !was_tried(name))
        .map(|(name, row)| (name, row.to_owned()))
        .collect();
    table.extend(counts.iter().map(|(name, [all, noticed])| {
        (*name, format!("{all} | {noticed} | {} %", noticed * 100 / all.max(&1)))
    }));
    let reasons: BTreeMap<_, _> = survivors.iter().copied().collect();
    let mut left: BTreeMap<_, _> = survivors
        .iter()
        .filter(|(change, _)| !was_tried(change))
        .map(|(change, reason)| ((*change).to_owned(), *reason))
        .collect();
    left.extend(outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Survived).map(|(change, _)| {
        // A table's cell ends at a bar.
        let change = change.replace('|', "¦");
        let reason = reasons.get(&*change).copied().unwrap_or("not looked at yet");
        (change, reason)
    }));
    let mut text = format!("{own}{MARK}\n| module | changes | noticed | share |\n|---|---|---|---|\n");
    for (module, row) in table {
        writeln!(text, "| `{module}` | {row} |")?;
    }
    text += "\n| not noticed | why |\n|---|---|\n";
    for (change, reason) in left {
        writeln!(text, "| `{change}` | {reason} |")?;
    }
    Ok(text)
}

/// The module that a change or a row of the table is about.
fn module(name: &str) -> &str {
    let path = name.strip_prefix("cmp/src/").unwrap_or(name);
    path.split(['/', '.']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_pass_counts_what_does_not_build_is_no_success_and_equal_texts_are_two_changes() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write(PAGE, MARK);
        let run = format!("{OUTPUT}/a-all");
        write(&format!("{run}/mutants.out.old/unviable.txt"), "cmp/src/a.rs:1:1: one\n");
        write(&format!("{run}/mutants.out.old/caught.txt"), "cmp/src/a.rs:2:1: two\n");
        write(&format!("{run}/mutants.out.old/timeout.txt"), "cmp/src/a.rs:3:1: three\n");
        write(
            &format!("{run}/mutants.out/previously_caught.txt"),
            "cmp/src/a.rs:1:1: one\ncmp/src/a.rs:2:1: two\n",
        );
        write(&format!("{run}/mutants.out/missed.txt"), "cmp/src/a.rs:3:1: three\ncmp/src/a.rs:4:1: two\n");
        merge(root.path()).expect("a page");
        let page = fs::read_to_string(root.path().join(PAGE)).expect("a page");
        assert!(page.contains("| `a` | 3 | 1 | 33 % |"), "{page}");
        for left in ["`cmp/src/a.rs: three`", "`cmp/src/a.rs: two (2)`"] {
            assert!(page.contains(left), "{left}\n{page}");
        }
    }

    #[test]
    fn modules_that_were_not_tried_keep_their_rows() {
        let before = format!(
            "{MARK}\n| module | changes | noticed | share |\n|---|---|---|---|\n| `a` | 9 | 9 | 100 % |\n| `b` | 4 | 3 | 75 % |\n\n\
             | not noticed | why |\n|---|---|\n| `cmp/src/a/x.rs: old` | equal |\n| `cmp/src/b.rs: y` | why |\n"
        );
        let outcomes = [("cmp/src/a/x.rs: z".to_owned(), Outcome::Noticed)].into();
        let page = page(&before, &outcomes).expect("a page");
        assert!(page.contains("| `a` | 1 | 1 | 100 % |\n| `b` | 4 | 3 | 75 % |\n"), "{page}");
        assert!(page.contains("| `cmp/src/b.rs: y` | why |") && !page.contains("old"), "{page}");
    }

    #[test]
    fn figures_are_of_changes_that_build_and_reasons_stay() {
        let before =
            format!("# Words\n\n{MARK}\n| not noticed | why |\n|---|---|\n| `cmp/src/a.rs: x` | equal |\n");
        let outcomes = [
            ("cmp/src/a.rs:1:2: x", Outcome::Survived),
            ("cmp/src/a.rs:1:2: y", Outcome::Noticed),
            ("cmp/src/a.rs:7:2: z", Outcome::DoesNotBuild),
            ("cmp/src/b/mod.rs:7:2: replace || with &&", Outcome::Survived),
        ];
        let outcomes = outcomes.map(|(change, outcome)| (text_and_place(change).0, outcome)).into();
        let page = page(&before, &outcomes).expect("a page");
        for line in [
            "# Words",
            "| `a` | 2 | 1 | 50 % |",
            "| `b` | 1 | 0 | 0 % |",
            "| `cmp/src/a.rs: x` | equal |",
            "| `cmp/src/b/mod.rs: replace ¦¦ with &&` | not looked at yet |",
        ] {
            assert!(page.lines().any(|written| written == line), "{line}\n{page}");
        }
    }
}
