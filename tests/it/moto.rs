//! A real S3 server: moto, one process for all tests, which ends when the end of its standard input tells it that they are over.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::http::{Client, Response};
use crate::skip;

const SERVE: &str = "
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
print('%s:%d' % server.get_host_and_port(), flush=True)
sys.stdin.read()
";

/// Where the server listens; none, and a note, if there is none on this machine.
pub fn address() -> Option<SocketAddr> {
    static MOTO: OnceLock<Option<(Child, SocketAddr)>> = OnceLock::new();
    let started = MOTO.get_or_init(start);
    if started.is_none() {
        skip::unprepared("S3 (tests/it/s3.rs, stumbling.rs): no .venv/bin/moto_server: run tests/prepare.sh");
    }
    started.as_ref().map(|(_, address)| *address)
}

fn start() -> Option<(Child, SocketAddr)> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin");
    if !programs.join("moto_server").exists() {
        return None;
    }
    let mut command = Command::new(programs.join("python"));
    command.args(["-c", SERVE]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("moto starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped"))
        .read_line(&mut line)
        .expect("moto says where it listens");
    Some((child, line.trim().parse().expect("an address")))
}

/// A bucket of one test.
pub struct Bucket {
    pub name: String,
    client: Client,
}

impl Bucket {
    pub fn create(name: &str) -> Option<Bucket> {
        let mut client = Client::new(address()?);
        // Who asks is nobody to moto, unless a request claims to be somebody's.
        client.authorization =
            "AWS4-HMAC-SHA256 Credential=tests/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let mut bucket = Bucket { name: name.to_owned(), client };
        bucket.send("PUT", "", &[]);
        Some(bucket)
    }

    /// Writes an object; a key that ends in a slash marks a folder.
    pub fn put(&mut self, key: &str, bytes: &[u8]) {
        self.send("PUT", &format!("/{key}"), bytes);
    }

    pub fn delete(&mut self, key: &str) {
        self.send("DELETE", &format!("/{key}"), &[]);
    }

    /// Keys of the first thousand objects.
    pub fn keys(&mut self) -> Vec<String> {
        texts(&self.send("GET", "?list-type=2", &[]), "Key")
    }

    /// Their sizes.
    pub fn sizes(&mut self) -> Vec<String> {
        texts(&self.send("GET", "?list-type=2", &[]), "Size")
    }

    /// Keys of uploads in several parts that were begun and not ended.
    pub fn uploads(&mut self) -> Vec<String> {
        texts(&self.send("GET", "?uploads", &[]), "Key")
    }

    fn send(&mut self, method: &str, below: &str, body: &[u8]) -> Response {
        let path = format!("/{}{below}", self.name);
        let response = self.client.send(method, &path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        assert!((200..300).contains(&response.status), "{method} {path}: {} {}", response.status, response.text());
        response
    }
}

/// What stands between tags of this name.
fn texts(answer: &Response, tag: &str) -> Vec<String> {
    let text = answer.text();
    text.split(&format!("<{tag}>")).skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
}
