//! A client of HTTP/1.1 that keeps its connection: all that the tests need, in a page.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer of a test server takes so long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a server answered.
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection, opened when it is first needed and again after it broke.
pub struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    /// Sent with every request, if it is set.
    pub authorization: &'static str,
    /// The same.
    pub accept: &'static str,
    /// The same.
    pub traceparent: &'static str,
    /// The type of bodies.
    pub content: &'static str,
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        let content = "application/json";
        Client { address, connection: None, authorization: "", accept: "", traceparent: "", content }
    }

    pub fn get(&mut self, path: &str) -> io::Result<Response> {
        self.send("GET", path, &[])
    }

    /// Asks with any method, and with a body.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Response> {
        // The server may have closed a connection that was idle: once more on a new one.
        let kept = self.connection.is_some();
        match self.ask(method, path, body) {
            Err(_) if kept => self.ask(method, path, body),
            result => result,
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                BufReader::with_capacity(64 << 10, stream)
            }
        };
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        for (name, value) in [
            ("Authorization", self.authorization),
            ("Accept", self.accept),
            ("Traceparent", self.traceparent),
            ("Content-Type", if body.is_empty() { "" } else { self.content }),
        ] {
            if !value.is_empty() {
                head += &format!("{name}: {value}\r\n");
            }
        }
        connection.get_mut().write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
        let response = read(&mut connection)?;
        if response.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end().to_owned())
}

fn read(from: &mut impl BufRead) -> io::Result<Response> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let first = line(from)?;
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad(&first))?;
    let mut headers = Vec::new();
    loop {
        let text = line(from)?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    if let Some(length) = response.header("content-length") {
        response.body = vec![0; length.parse().map_err(|_| bad(length))?];
        from.read_exact(&mut response.body)?;
    } else if response.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = line(from)?;
            let size = u64::from_str_radix(&size, 16).map_err(|_| bad(&size))?;
            let got = from.take(size).read_to_end(&mut response.body)? as u64;
            line(from)?;
            if got < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if size == 0 {
                break;
            }
        }
    }
    Ok(response)
}
