//! The contract check against a server that repeats everything: no report shows a value.

use std::{fs, process::Command};

use workspace_tests::marks::{CLIENT_SECRET, MARKS, PLANTED, SHORT_CRYPTOGRAM, Search, found};

use crate::hostile::{Hostile, Plan, Shape};

const REPORTS: [&str; 3] = ["junit", "json", "markdown"];

/// Runs all checks, and returns what the program prints and each report.
fn check(server: &Hostile, path: &str) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("{}{path}", server.url);
    let mut command = Command::new(env!("CARGO_BIN_EXE_contract-check"));
    command.env("VGS_CLIENT_ID", "ACcanary").env("VGS_CLIENT_SECRET", CLIENT_SECRET.value);
    // What the program logs would come out at once.
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.args(["--base-url", &url, "--token-url", &format!("{}/token", server.url)]);
    for report in REPORTS {
        command.arg(format!("--{report}")).arg(folder.path().join(report));
    }
    if let Some(certificate) = &server.certificate {
        let file = folder.path().join("certificate");
        fs::write(&file, certificate).expect("a file");
        command.arg("--root-certificate").arg(file);
    }
    let output = command.output().expect("the program runs");
    // Without an access token there is no report.
    let code = output.status.code();
    assert!(matches!(code, Some(1 | 2 | 4)), "{output:?}");
    let mut shown = vec![("output", String::from_utf8_lossy(&output.stdout).into_owned())];
    shown.push(("error output", String::from_utf8_lossy(&output.stderr).into_owned()));
    for report in REPORTS.into_iter().filter(|_| code != Some(2)) {
        shown.push((report, fs::read_to_string(folder.path().join(report)).expect("a report")));
    }
    shown
}

const PLANS: [(u16, Shape); 8] = [
    (200, Shape::Scattered),
    (400, Shape::Errors),
    (200, Shape::Echo),
    (200, Shape::Success),
    (201, Shape::Scattered),
    (303, Shape::Scattered),
    (404, Shape::Echo),
    (500, Shape::Page),
];

#[test]
fn no_report_shows_what_the_server_repeats() {
    // Three digits may be the fraction of a duration.
    let marks: Vec<_> = MARKS.into_iter().filter(|mark| *mark != SHORT_CRYPTOGRAM).collect();
    let mut search = Search::of(&marks);
    // A run has all checks, so the others have fewer plans.
    for (server, plans, for_tokens) in
        [(Hostile::http1(), 8, false), (Hostile::http1(), 3, true), (Hostile::http2(), 2, false)]
    {
        for (status, shape) in &PLANS[..plans] {
            let plan = Plan { status: *status, shape: *shape, for_tokens };
            server.answer(plan);
            for (report, text) in check(&server, "") {
                search.assert_none(&text, &format!("{plan:?}: {report}"));
            }
        }
    }
}

#[test]
fn a_number_in_the_address_is_found_in_each_report() {
    let server = Hostile::http1();
    server.answer(Plan { status: 200, shape: Shape::Scattered, for_tokens: false });
    let shown = check(&server, &format!("/{}", PLANTED.value));
    for report in REPORTS {
        let (_, text) = shown.iter().find(|(name, _)| *name == report).expect("a report");
        assert!(!found(text, &[PLANTED]).is_empty(), "{report}: {text}");
    }
    let printed = shown.iter().filter(|(name, _)| !REPORTS.contains(name));
    let printed: String = printed.map(|(_, text)| &**text).collect();
    assert!(!found(&printed, &[PLANTED]).is_empty(), "{printed}");
}
