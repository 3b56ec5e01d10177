//! A reverse proxy before an S3 server: it notes what is asked, cuts listings into small pages, and fails as stores and networks do.
//! One request a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A request that was made.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// First and last byte asked for, where a range is.
    pub from: Option<u64>,
    pub to: Option<u64>,
    /// Access key id and region of the signature.
    pub signed: Option<(String, String)>,
}

impl Request {
    pub fn is_list(&self) -> bool {
        self.method == "GET" && self.target.contains("list-type=2")
    }

    /// Whether it asks for a later page of a listing.
    pub fn goes_on(&self) -> bool {
        self.is_list() && self.target.contains("continuation-token=")
    }

    /// Whether it reads an object.
    pub fn is_get(&self) -> bool {
        self.method == "GET" && !self.is_list()
    }

    /// Whether it is about a bucket, or something in it.
    pub fn is_of(&self, bucket: &str) -> bool {
        self.target.split(['/', '?']).nth(1) == Some(bucket)
    }
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// An error of S3 in its place: status and code.
    Error(u16, &'static str),
    /// What was asked is done, and the connection reset before the answer.
    Unheard,
    /// The connection is reset after so many bytes of the body.
    Reset(u64),
    /// The body comes in pieces of so many bytes, with a pause after each.
    Trickle(usize, Duration),
}

struct Rule {
    fits: Box<dyn Fn(&Request) -> bool + Send>,
    fault: Fault,
    times: usize,
}

struct State {
    upstream: SocketAddr,
    seen: Mutex<Vec<Request>>,
    rules: Mutex<Vec<Rule>>,
    page: AtomicUsize,
}

/// Runs until it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

impl Proxy {
    pub fn before(upstream: SocketAddr) -> Proxy {
        let state = State { upstream, seen: Mutex::default(), rules: Mutex::default(), page: AtomicUsize::new(0) };
        let state = Arc::new(state);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = state.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a port");
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                // What fails here fails for the client, which is the one to say so.
                tokio::spawn(async move { serve(client, &state).await });
            }
        });
        Proxy { address, state, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has listings come in pages of so many objects.
    pub fn pages_of(&self, objects: usize) {
        self.state.page.store(objects, Relaxed);
    }

    /// Fails the next so many requests that fit; the rule that was made first counts.
    pub fn fail(&self, times: usize, fits: impl Fn(&Request) -> bool + Send + 'static, fault: Fault) {
        self.state.rules.lock().unwrap().push(Rule { fits: Box::new(fits), fault, times });
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// Faults that were not met yet.
    pub fn left(&self) -> usize {
        self.state.rules.lock().unwrap().iter().map(|r| r.times).sum()
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl State {
    /// Notes a request; gives what becomes of its answer.
    fn meet(&self, request: &Request) -> Option<Fault> {
        self.seen.lock().unwrap().push(request.clone());
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|r| r.times > 0 && (r.fits)(request))?;
        rule.times -= 1;
        Some(rule.fault)
    }
}

/// The lines of a head, without the empty one behind it.
async fn head(from: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => return Ok(lines),
            line => lines.push(line.to_owned()),
        }
    }
}

fn header<'h>(head: &'h [String], name: &str) -> Option<&'h str> {
    let all = head[1..].iter().filter_map(|line| line.split_once(':'));
    all.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// A head that says that its connection is for this message only.
fn closing(first: &str, head: &[String]) -> String {
    let kept = head[1..].iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: Vec<&str> =
        std::iter::once(first).chain(kept.map(String::as_str)).chain(["connection: close"]).collect();
    lines.join("\r\n") + "\r\n\r\n"
}

async fn serve(client: TcpStream, state: &State) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let asked = head(&mut client).await?;
    let mut words = asked[0].split(' ').map(str::to_owned);
    let (method, mut target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut range = header(&asked, "range").and_then(|r| r.strip_prefix("bytes=")).unwrap_or_default().split('-');
    let [from, to] = [range.next(), range.next()].map(|n| n?.parse().ok());
    let mut body = vec![0; header(&asked, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
    client.read_exact(&mut body).await?;
    let signed = header(&asked, "authorization").and_then(|a| {
        let mut scope = a.split_once("Credential=")?.1.split('/');
        Some((scope.next()?.to_owned(), scope.nth(1)?.to_owned()))
    });
    let request = Request { method: method.clone(), target: target.clone(), from, to, signed };
    let fault = state.meet(&request);
    if let Some(Fault::Error(status, code)) = fault {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>As the test wants it.</Message>\
             <RequestId>4442587FB7D0A2F9</RequestId></Error>"
        );
        let length = xml.len();
        let head = format!(
            "HTTP/1.1 {status} {code}\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        return client.write_all((head + &xml).as_bytes()).await;
    }
    let page = state.page.load(Relaxed);
    if page > 0 && request.is_list() {
        target = format!("{target}&max-keys={page}");
    }
    let mut upstream = BufReader::new(TcpStream::connect(state.upstream).await?);
    upstream.write_all(closing(&format!("{method} {target} HTTP/1.1"), &asked).as_bytes()).await?;
    upstream.write_all(&body).await?;
    let answered = head(&mut upstream).await?;
    if let Some(Fault::Unheard) = fault {
        return client.get_ref().set_zero_linger();
    }
    client.write_all(closing(&answered[0], &answered).as_bytes()).await?;
    match fault {
        Some(Fault::Reset(bytes)) => {
            tokio::io::copy(&mut upstream.take(bytes), &mut client).await?;
            // What was sent arrives; then, in place of an end, a reset.
            client.flush().await?;
            client.get_ref().set_zero_linger()
        }
        Some(Fault::Trickle(bytes, pause)) => {
            let mut piece = vec![0; bytes];
            loop {
                let n = upstream.read(&mut piece).await?;
                if n == 0 {
                    return Ok(());
                }
                client.write_all(&piece[..n]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        _ => tokio::io::copy(&mut upstream, &mut client).await.map(drop),
    }
}
