//! Who is answered: requests to a name that this server has, and changes that no other site's page asked for.
//!
//! A browser lets any page send requests to any address, this machine's own among them. A page cannot forge three
//! things: the `Host` it asks (its own name, even if it has that name lead here), the `Origin` it comes from and,
//! without asking first, a `Content-Type` of JSON. So every request names a host that is ours, and one that changes something
//! comes from our own pages or from no browser, and has JSON. One middleware, over everything that is served; it also
//! tells browsers what they may do with answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use crate::api::{ApiError, as_ours};

/// Paths of our own API, whose errors are JSON.
const OURS: &str = "/api/afterglow/";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// For answers that do not say it themselves, as pages do: data, which shows nothing and loads nothing.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
];

/// What a server answers to.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Whether it listens on an address that other machines reach.
    remote: bool,
    /// Names in lower case; `*.` before one stands for any name below it.
    hosts: Vec<String>,
    /// Paths that take a body of any type, because they believe a signature and nothing else.
    signed: &'static [&'static str],
}

impl Guard {
    /// For a server at an address, with the names it also has: those under which a proxy or DNS knows it.
    pub fn new(address: SocketAddr, hosts: &[String], signed: &'static [&'static str]) -> Self {
        let hosts = hosts.iter().map(|h| h.to_ascii_lowercase()).collect();
        Guard { remote: !address.ip().is_loopback(), hosts, signed }
    }

    /// The router behind it.
    pub fn before(self, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::new(self), check))
    }

    /// Whether a name, without port, is one of this server's.
    fn answers_to(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return self.remote || ip.is_loopback() || self.is_named(bare);
        }
        name.eq_ignore_ascii_case("localhost") || self.is_named(name)
    }

    fn is_named(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let below = |host: &str| name.strip_suffix(host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
        self.hosts.iter().any(|host| match host.strip_prefix("*.") {
            Some(host) => below(host),
            None => *host == name,
        })
    }

    /// Why a request is not answered.
    fn refuses(&self, request: &Request) -> Result<(), ApiError> {
        let host = host(request)?;
        for authority in host.into_iter().chain(request.uri().authority().map(|a| a.as_str())) {
            let name = name_of(authority).ok_or_else(|| ApiError::bad(format!("Host: `{authority}` is no host")))?;
            if !self.answers_to(name) {
                return Err(ApiError::Text(
                    StatusCode::FORBIDDEN,
                    format!("this address is not one this server answers to: {name}: list it in server.hosts"),
                ));
            }
        }
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        self.is_of_another_site(request.headers(), host.unwrap_or_default())?;
        if has_body(request.headers()) && !is_json(request.headers()) && !self.signed.contains(&request.uri().path()) {
            let what =
                "send the body with `Content-Type: application/json`: other types are what any web page may send";
            return Err(ApiError::Text(StatusCode::UNSUPPORTED_MEDIA_TYPE, what.into()));
        }
        Ok(())
    }

    /// Whether a browser sent it for a page that is not ours.
    fn is_of_another_site(&self, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
        let text = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or_default());
        let refused = |what: String| {
            let remedy = "ask from this server's own pages, or list the name that browsers know it by in server.hosts";
            Err(ApiError::Text(StatusCode::FORBIDDEN, format!("{what} may change nothing here: {remedy}")))
        };
        if let Some(origin) = text(header::ORIGIN) {
            let authority = origin.split_once("://").map_or("", |(_, rest)| rest);
            // Behind a proxy the browser knows another name than the one that is asked here.
            let known = name_of(authority).is_some_and(|name| self.is_named(name));
            if !known && (authority.is_empty() || !authority.eq_ignore_ascii_case(host)) {
                return refused(format!("a page of {origin}"));
            }
        }
        match text(SEC_FETCH_SITE) {
            None | Some("same-origin" | "none") => Ok(()),
            Some(site) => refused(format!("a {site} request")),
        }
    }
}

/// The one `Host` of a request; HTTP/1.0 knows none.
fn host(request: &Request) -> Result<Option<&str>, ApiError> {
    let mut all = request.headers().get_all(header::HOST).iter();
    match (all.next(), all.next()) {
        (None, _) if request.version() < Version::HTTP_11 => Ok(None),
        (None, _) if request.version() > Version::HTTP_11 && request.uri().authority().is_some() => Ok(None),
        (None, _) => Err(ApiError::bad("a request of HTTP/1.1 names its Host: this one does not")),
        (Some(_), Some(_)) => Err(ApiError::bad("a request has one Host: this one has several")),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| ApiError::bad("Host: no text")),
    }
}

/// An authority without its port; none if it is no authority.
fn name_of(authority: &str) -> Option<&str> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at_checked(end)?;
    let is_port = |p: &str| p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit());
    let right = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let odd = |b: u8| b.is_ascii_whitespace() || b.is_ascii_control() || b"/\\?#@,\"<>".contains(&b);
    (right && !name.is_empty() && !name.bytes().any(odd)).then_some(name)
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|l| l.as_bytes() != b"0")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let ours = request.uri().path().starts_with(OURS);
    let mut response = match guard.refuses(&request) {
        Ok(()) => next.run(request).await,
        Err(e) if ours => as_ours(e.into_response()).await,
        Err(e) => e.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const SNS: &str = "/api/afterglow/v1/intake/sns";

    fn guard(address: &str, hosts: &[&str]) -> Guard {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        Guard::new(address.parse().unwrap(), &hosts, &[SNS])
    }

    /// What is answered to a request; 200 if it is let through.
    fn status(guard: &Guard, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |r, (n, v)| r.header(*n, *v)).body(Body::empty()).unwrap();
        guard.refuses(&request).map_or_else(|e| e.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn names_are_this_machines_or_those_of_the_settings() {
        let cases = [
            ("localhost", true, true),
            ("LOCALHOST.:18080", true, true),
            ("127.0.0.1:18080", true, true),
            ("127.8.9.10", true, true),
            ("[::1]:18080", true, true),
            ("spark.example.com", true, true),
            ("a.b.wild.example.com:443", true, true),
            ("wild.example.com", false, false),
            ("evilwild.example.com", false, false),
            ("evil.example.com", false, false),
            ("localhost.evil.example.com", false, false),
            ("10.1.2.3:18080", false, true),
            ("[fe80::1]", false, true),
        ];
        for (host, here, remote) in cases {
            for (address, answered) in [("127.0.0.1:1", here), ("[::1]:1", here), ("0.0.0.0:1", remote)] {
                let guard = guard(address, &["Spark.example.com", "*.wild.example.com"]);
                let expected = if answered { 200 } else { 403 };
                assert_eq!(status(&guard, "GET", "/", &[("host", host)]), expected, "{host} at {address}");
            }
        }
    }

    #[test]
    fn there_is_one_host() {
        let guard = guard("127.0.0.1:1", &[]);
        assert_eq!(status(&guard, "GET", "/", &[]), 400);
        assert_eq!(status(&guard, "GET", "/", &[("host", "localhost"), ("host", "localhost")]), 400);
        for bad in ["", "a b", "localhost:x", "localhost:1:2", "[::1", "user@localhost", "localhost/x", "a,b"] {
            assert_eq!(status(&guard, "GET", "/", &[("host", bad)]), 400, "{bad}");
        }
        assert_eq!(status(&guard, "GET", "http://evil.example.com/", &[("host", "localhost")]), 403);
    }

    #[test]
    fn only_our_own_pages_and_machines_change_anything() {
        let guard = guard("127.0.0.1:1", &["spark.example.com"]);
        let (json, size) = (("content-type", "application/json; charset=utf-8"), ("content-length", "2"));
        let host = ("host", "127.0.0.1:18080");
        let asked = |more: &[(&str, &str)]| status(&guard, "POST", "/x", &[&[host, size], more].concat());
        assert_eq!(asked(&[json]), 200);
        assert_eq!(asked(&[json, ("origin", "http://127.0.0.1:18080"), ("sec-fetch-site", "same-origin")]), 200);
        // Behind a proxy that asks by address.
        assert_eq!(asked(&[json, ("origin", "https://spark.example.com"), ("sec-fetch-site", "same-origin")]), 200);
        for origin in ["http://evil.example.com", "null", "", "http://127.0.0.1:3000", "http://localhost:18080"] {
            assert_eq!(asked(&[json, ("origin", origin)]), 403, "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(asked(&[json, ("sec-fetch-site", site)]), 403, "{site}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"] {
            assert_eq!(asked(&[("content-type", kind)]), 415, "{kind}");
        }
        assert_eq!(asked(&[]), 415);
        assert_eq!(status(&guard, "DELETE", "/x", &[host]), 200);
        assert_eq!(status(&guard, "DELETE", "/x", &[host, ("origin", "http://evil.example.com")]), 403);
        assert_eq!(status(&guard, "POST", "/x", &[host, ("transfer-encoding", "chunked")]), 415);
        let text = ("content-type", "text/plain; charset=UTF-8");
        assert_eq!(status(&guard, "POST", SNS, &[host, size, text]), 200);
        assert_eq!(status(&guard, "POST", SNS, &[host, size, text, ("origin", "http://evil.example.com")]), 403);
        // A page that only reads is stopped by the browser, which does not show it the answer.
        assert_eq!(status(&guard, "GET", "/x", &[host, ("origin", "http://evil.example.com")]), 200);
    }
}
