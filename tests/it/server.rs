//! Runs the binary: [`run`] to its end, [`TestServer`] as a server on a port of its own.
//!
//! A server that is dropped is asked to end, and fails its test if it had died before, does not end, or
//! leaves files in the store's scratch folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Client, Response};

const READY: &str = "serving on http://";
/// Time to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with nothing of this machine's settings.
pub fn afterglow(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterglow"));
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    // Tests run side by side: who wants it names a port.
    command.env("AFTERGLOW_POSTGRES__LISTEN", "off");
    for (name, _) in
        std::env::vars().filter(|(n, _)| n.starts_with("AFTERGLOW_") || n.starts_with("AWS_") || n.starts_with("OTEL_"))
    {
        command.env_remove(name);
    }
    command
}

pub fn run(args: &[&str]) -> Output {
    afterglow(args).output().expect("the binary runs")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `ingest --once`; each of `logs` is `[CLUSTER=]FOLDER`.
pub fn ingest(store: &Path, logs: &[&str]) -> Output {
    let store = store.display().to_string();
    let mut args = vec!["ingest", "--once", "--store", &store];
    logs.iter().for_each(|l| args.extend(["--logs", l]));
    run(&args)
}

/// Asks until there is an answer; fails the test after `seconds`.
pub fn eventually<T>(what: &str, seconds: u64, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How to start a server.
pub struct Builder {
    command: Command,
    store: PathBuf,
    /// Where attempts are kept, if not in the folder.
    objects: Option<String>,
}

/// A server that runs.
pub struct TestServer {
    child: Child,
    pub address: SocketAddr,
    store: PathBuf,
    client: Mutex<Client>,
    log: Arc<Mutex<String>>,
    ended: bool,
    /// Whether it was asked to end.
    asked: AtomicBool,
}

impl Builder {
    pub fn logs(mut self, logs: &str) -> Self {
        self.command.args(["--logs", logs]);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Keeps attempts in an object store, and in the folder what must be local.
    pub fn objects(mut self, url: &str) -> Self {
        self.objects = Some(url.to_owned());
        self
    }

    pub fn start(mut self) -> TestServer {
        match &self.objects {
            Some(url) => self.command.args(["--store", url]).env("AFTERGLOW_STORE__DIR", &self.store),
            None => self.command.arg("--store").arg(&self.store),
        };
        let mut child = self.command.spawn().expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
                if let Some((_, address)) = line.split_once(READY) {
                    let _ = found.send(address.trim().to_owned());
                }
            }
        });
        let address = match address.recv_timeout(PATIENCE) {
            Ok(address) => address.parse().expect("an address"),
            Err(e) => {
                let _ = child.kill();
                let ended = if e == RecvTimeoutError::Timeout { "did not say where it serves" } else { "ended" };
                panic!("the server {ended}:\n{}", log.lock().unwrap());
            }
        };
        let client = Mutex::new(Client::new(address));
        TestServer { child, address, store: self.store, client, log, ended: false, asked: AtomicBool::new(false) }
    }
}

impl TestServer {
    /// Any role that serves.
    pub fn role(role: &str, store: &Path) -> Builder {
        let mut command = afterglow(&[role, "--listen", "127.0.0.1:0"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Builder { command, store: store.to_owned(), objects: None }
    }

    /// `serve`: index and answer, polling quickly.
    pub fn serve(store: &Path) -> Builder {
        Self::role("serve", store).env("AFTERGLOW_INGEST__POLL", "300ms")
    }

    /// `history`: answer from a store that is there.
    pub fn history(store: &Path) -> TestServer {
        Self::role("history", store).start()
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub fn get(&self, path: &str) -> Response {
        let result = self.client.lock().unwrap_or_else(|e| e.into_inner()).get(path);
        result.unwrap_or_else(|e| panic!("GET {path}: {e}\n{}", self.log()))
    }

    /// The JSON of a path that must be there.
    pub fn json(&self, path: &str) -> Value {
        let response = self.get(path);
        assert_eq!(response.status, 200, "GET {path}: {}", response.text());
        serde_json::from_slice(&response.body).unwrap_or_else(|e| panic!("GET {path}: {e}: {}", response.text()))
    }

    /// The JSON of a path, if it is there already.
    pub fn try_json(&self, path: &str) -> Option<Value> {
        let response = self.get(path);
        (response.status == 200).then(|| serde_json::from_slice(&response.body).expect("JSON"))
    }

    /// Where the PostgreSQL protocol is answered; it is said before [`READY`].
    pub fn postgres(&self) -> SocketAddr {
        let log = self.log();
        let (_, said) = log.split_once("PostgreSQL protocol on ").expect("the PostgreSQL protocol");
        said.split(": ").next().and_then(|a| a.parse().ok()).expect("an address")
    }

    /// What the server wrote to standard error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// The most memory that the server ever held, bytes.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("a process that lives");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// The process that answers this server's statements, if it runs.
    pub fn engine(&self) -> Option<u32> {
        let parent = self.child.id().to_string();
        let pids = std::fs::read_dir("/proc").ok()?.flatten();
        pids.filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
            let read = |what: &str| std::fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default();
            let of = read("status").lines().find_map(|l| l.strip_prefix("PPid:").map(|p| p.trim().to_owned()));
            of.as_deref() == Some(&parent) && read("cmdline").contains("sql-engine")
        })
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.asked.store(true, Ordering::Relaxed);
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
    }

    /// SIGKILL: no goodbye.
    pub fn kill(mut self) {
        assert!(self.child.try_wait().expect("a child").is_none(), "the server had died:\n{}", self.log());
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("a child");
        self.ended = true;
    }

    /// SIGTERM, and an orderly end.
    fn stop(&mut self) -> Result<(), String> {
        self.ended = true;
        let asked = self.asked.load(Ordering::Relaxed);
        if let Some(status) = self.child.try_wait().map_err(|e| e.to_string())?.filter(|s| !asked || !s.success()) {
            return Err(format!("the server had died: {status}"));
        }
        // Idle connections would hold the server up.
        *self.client.lock().unwrap_or_else(|e| e.into_inner()) = Client::new(self.address);
        self.terminate();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let _ = self.child.kill();
                    return Err("the server did not end when asked to".into());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        if !status.success() {
            return Err(format!("the server ended with {status}"));
        }
        match scratch(&self.store) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("left in the scratch folder: {left:?}")),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let stopped = self.stop();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        } else if let Err(e) = stopped {
            panic!("{e}\n{}", self.log());
        }
    }
}

/// Files in the scratch folder of a store.
pub fn scratch(store: &Path) -> Vec<String> {
    let Ok(all) = std::fs::read_dir(store.join("tmp")) else { return Vec::new() };
    all.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect()
}
