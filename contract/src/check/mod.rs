//! Checks whether a service keeps the contract.
//!
//! A check sends requests to a target without the client, so that a mistake in the client can't hide one in the service.
//! Every request and response is compared with `openapi/cmp.json`.
//!
//! - [`checks`]: the checks, as tables. [`session`]: the tools of a check. [`target`]: the service.
//! - [`mod@contract`], [`explain`], [`secrets`]: what a response must be, and how a violation is explained.
//! - [`runner`], [`mod@run`], [`outcome`], [`report`]: all checks within limits, and the reports.

mod answer;
mod checks;
mod contract;
mod explain;
mod masked;
#[cfg(test)]
mod mutations;
mod outcome;
mod report;
mod run;
mod runner;
mod secrets;
mod session;
mod target;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
pub(crate) use checks::{EXAMPLES, PROBES, Probe};
use clap::Args;
pub(crate) use contract::{Contract, Corrections, entry, statuses};
use reqwest::Certificate;
use run::{Limits, Run};
use runner::Runner;
use target::{Environment, Target};

use crate::spec::{files::Layout, write};

/// The exit status if no check could run, for example because a variable is not set.
const UNUSABLE: u8 = 2;

/// Options of `cargo xtask contract`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a target, the in-process simulator is checked. The others need VGS_CLIENT_ID and VGS_CLIENT_SECRET, use only \
documented test cards, and delete what they stored.

The contract is the one of the client's workspace: the one around the current folder, or the one given with --root. \
Elsewhere it is the one that this program was built with.

Exit status: 0 every check passed or was skipped, 1 the service broke the contract, 2 unusable arguments or variables, \
3 only that a correction is no longer needed, 4 no whole answer came or a test card is left, and nothing broke the \
contract, 130 interrupted. 2 also if the token endpoint refuses the client id and secret.")]
pub struct Options {
    /// Check the service at this URL: https, or http on loopback.
    #[arg(long, value_name = "URL", conflicts_with = "environment")]
    base_url: Option<String>,
    /// Its token endpoint, if that is not at the same URL by its usual path.
    #[arg(long, value_name = "URL", requires = "base_url")]
    token_url: Option<String>,
    /// Trust the certificates in this PEM file too, such as that of a simulator with TLS.
    #[arg(long, value_name = "FILE", requires = "base_url")]
    root_certificate: Option<PathBuf>,
    /// Check an environment of VGS.
    #[arg(long, value_enum)]
    environment: Option<Environment>,
    /// Store and delete test cards in the live environment.
    #[arg(long)]
    i_know_this_is_live: bool,
    /// Only the checks whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Runs the checks, writes the reports, and returns the exit status. Without a workspace, the contract is the one that
/// this program was built with.
pub fn run(options: &Options, workspace: Option<&Path>) -> ExitCode {
    match checked(options, &workspace.map_or_else(Layout::built_in, Layout::new)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            write::say(&format!("Error: {error:#}"));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn checked(options: &Options, layout: &Layout) -> Result<u8> {
    let contract = Contract::read(layout)?;
    let corrections = Corrections::read(layout)?;
    let (target, certificates) = (options.target()?, options.certificates()?);
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(async {
        let run = Run::new(Limits::USUAL, run::interrupts()?).trusting(certificates);
        let runner = Runner { target: &target, contract: &contract, corrections: &corrections, run: &run };
        runner.all(options.only.as_deref(), &mut report::Progress::new()).await
    })?;
    report::summary(&report);
    for (path, render) in [
        (&options.junit, report::junit as report::Render),
        (&options.json, report::json),
        (&options.markdown, report::markdown),
    ] {
        if let Some(path) = path {
            std::fs::write(path, render(&report)?)?;
        }
    }
    Ok(report.exit_status())
}

impl Options {
    fn target(&self) -> Result<Target> {
        match (&self.base_url, self.environment) {
            (Some(url), _) => Target::url(url, self.token_url.as_deref()),
            (None, Some(environment)) => Target::environment(environment, self.i_know_this_is_live),
            (None, None) => Ok(Target::simulator()),
        }
    }

    fn certificates(&self) -> Result<Vec<Certificate>> {
        let Some(path) = &self.root_certificate else { return Ok(Vec::new()) };
        let option = || format!("--root-certificate {}", path.display());
        let certificates = Certificate::from_pem_bundle(&std::fs::read(path).with_context(option)?);
        let certificates = certificates.with_context(option)?;
        ensure!(!certificates.is_empty(), "{}: the file has no certificate in PEM", option());
        // A wrong certificate would otherwise fail each request.
        reqwest::Client::builder()
            .tls_certs_merge(certificates.iter().cloned())
            .build()
            .with_context(option)?;
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        options: Options,
    }

    fn document(name: &str) -> String {
        let folder = Layout::of_tests().root.join("docs");
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn the_documented_commands_can_be_run() {
        let workflow: serde_json::Value =
            yaml_serde::from_str(&document("github-workflow-contract.yml")).unwrap();
        let steps = workflow["jobs"]["sandbox"]["steps"].as_array().unwrap();
        let scripts = steps.iter().filter_map(|step| step["run"].as_str()).collect::<Vec<_>>().join("\n");
        for text in [scripts, document("contract-in-your-ci.md")] {
            let text = text.replace("\\\n", " ");
            let command = "cmp-contract check --environment";
            let line = text.lines().find(|line| line.trim().starts_with(command)).unwrap();
            let arguments = line.split(" || ").next().unwrap().split_whitespace().skip(1);
            let options = Alone::try_parse_from(arguments).unwrap().options;
            assert_eq!(options.environment, Some(Environment::Sandbox));
            assert!(options.junit.is_some() && !options.i_know_this_is_live);
        }
    }
}
