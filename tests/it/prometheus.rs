//! A real Prometheus: from the path, or where `tests/prepare.sh` puts it. It ends with the value.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Client;
use crate::{logs, skip};

/// A program of Prometheus; none, and a note, if it is not on this machine.
pub fn program(name: &str) -> Option<PathBuf> {
    let prepared = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.work/prometheus/usr/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain([prepared]).map(|p| p.join(name)).find(|p| p.is_file());
    if found.is_none() {
        skip::unprepared(&format!("Prometheus (tests/it/metrics.rs): no {name}: run tests/prepare.sh"));
    }
    found
}

/// Runs promtool, with a text for it to read.
pub fn promtool(args: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(program("promtool")?);
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // Who reads no input may be gone.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Some(child.wait_with_output().expect("promtool ends"))
}

pub struct Prometheus {
    child: Child,
    pub address: SocketAddr,
    client: Mutex<Client>,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that takes remote writes, and fetches from `targets` every second.
    pub fn start(targets: &[SocketAddr]) -> Option<Prometheus> {
        let program = program("prometheus")?;
        let folder = logs::folder();
        let config = folder.path().join("prometheus.yml");
        let targets: Vec<String> = targets.iter().map(|t| format!("'{t}'")).collect();
        let jobs = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: afterglow\n    static_configs: [{{targets: [{}]}}]\n",
            targets.join(", ")
        );
        fs::write(&config, jobs).expect("a file");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("prometheus starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (found, address) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok).filter(|l| l.contains("Listening on")) {
                if let Some((_, address)) = line.split_once("address=") {
                    let _ = found.send(address.trim().to_owned());
                }
            }
        });
        let address = address.recv_timeout(Duration::from_secs(30)).expect("prometheus says where it listens");
        let address = address.parse().expect("an address");
        Some(Prometheus { child, address, client: Mutex::new(Client::new(address)), _folder: folder })
    }

    /// The samples of an expression: (labels, value).
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let encoded: String = expression.bytes().map(|b| format!("%{b:02X}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let Ok(response) = self.client.lock().unwrap().get(&path) else { return Vec::new() };
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |r: &Value| r["value"][1].as_str().expect("a value").parse().expect("a number");
        result.iter().map(|r| (r["metric"].clone(), value(r))).collect()
    }

    /// The one value of an expression, if it has one.
    pub fn value(&self, expression: &str) -> Option<f64> {
        match &self.query(expression)[..] {
            [(_, value)] => Some(*value),
            _ => None,
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
