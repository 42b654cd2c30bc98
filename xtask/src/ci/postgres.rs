//! The tests of `cmp-store` and of the fleet on a Postgres server of their own, in a temporary folder, without a network
//! port.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::run::{Done, cargo};

pub(super) const FLEET: &str = "fleet/Cargo.toml";
/// It shares the target folder, so what both workspaces need alike is built once.
pub(super) const BUILD_FLEET: [&str; 4] = ["--manifest-path", FLEET, "--target-dir", "target"];
/// How the tests find the server.
const URL: &str = "CMP_STORE_POSTGRES";
/// Where Debian and others have the server's programs, outside of `PATH`.
const FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/usr/local/opt"];

pub(super) fn check(root: &Path) -> Result<Done> {
    let Some(programs) = programs() else {
        return Ok(Done::Skipped(
            "Postgres is not installed (`apt-get install postgresql`, or `initdb` and `pg_ctl` in PATH); the tests on SQLite ran"
                .to_owned(),
        ));
    };
    let server = Server::start(&programs)?;
    // The same features as for all tests, so that nothing is built again.
    cargo(root, &["test", "--workspace", "--test", "store"], &[(URL, &server.url())])?;
    cargo(root, &[&["test"], &BUILD_FLEET[..]].concat(), &[(URL, &server.url())])
}

/// The folder with `initdb` and `pg_ctl`.
fn programs() -> Option<PathBuf> {
    let in_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let mut folders = in_path.unwrap_or_default();
    for folder in FOLDERS {
        let mut versions: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin"))
            .collect();
        // The newest first, of versions with two digits.
        versions.sort_by(|one, other| other.cmp(one));
        folders.extend(versions);
    }
    folders.into_iter().find(|folder| ["initdb", "pg_ctl"].iter().all(|name| folder.join(name).is_file()))
}

struct Server<'a> {
    programs: &'a Path,
    folder: TempDir,
}

impl<'a> Server<'a> {
    fn start(programs: &'a Path) -> Result<Self> {
        let server = Self { programs, folder: tempfile::Builder::new().prefix("cmp-pg").tempdir()? };
        server.give_to_its_user()?;
        let data = server.data();
        server.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        )?;
        // Everybody gets in without a password but this one, for the test of a wrong password. The first line that fits counts.
        let rules = server.folder.path().join("data/pg_hba.conf");
        let trusted = fs::read_to_string(&rules)?;
        fs::write(&rules, format!("local all cmp_login scram-sha-256\n{trusted}"))?;
        // Only a socket, in the folder. A server that a test ends with needs no care for a loss of power.
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.path());
        let log = format!("{}/log", server.path());
        server.run("pg_ctl", &["start", "-w", "-s", "-D", &data, "-l", &log, "-o", &options])?;
        Ok(server)
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn data(&self) -> String {
        format!("{}/data", self.path())
    }

    fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.path())
    }

    /// Postgres refuses to run as root.
    fn give_to_its_user(&self) -> Result<()> {
        if is_root() {
            let status = Command::new("chown").arg(USER).arg(self.folder.path()).status()?;
            ensure!(status.success(), "the folder of Postgres can't be given to the user `{USER}`");
        }
        Ok(())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", "nogroup", "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        let output = command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        // The server keeps the standard output of `pg_ctl`, and reading it to its end would wait for the server.
        let status = output.stdout(Stdio::null()).status().with_context(|| program.to_owned())?;
        ensure!(status.success(), "`{program}` failed");
        Ok(())
    }
}

/// The user that runs the server for root.
const USER: &str = "nobody";

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // Without a server there is nothing to stop.
        let _ = self.run("pg_ctl", &["stop", "-m", "immediate", "-s", "-D", &self.data()]);
    }
}
