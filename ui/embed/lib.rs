//! The web UI in the binary: the files that `npm run build` wrote, and which address gets which.
//!
//! Knows nothing of what the pages show: they ask the public API from the browser.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;

/// A file of the build, plain and compressed.
struct File {
    /// As in an address: `/assets/index-B2x.js`.
    path: &'static str,
    hash: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Addresses of pages: each gets the same HTML, and the script in it shows the page. `/history/…` is where Spark's
/// History Server has its pages.
const PAGES: [&str; 10] = [
    "/",
    "/incidents",
    "/incidents/{incident}",
    "/rules",
    "/rules/{rule}",
    "/sources",
    "/docs",
    "/docs/{page}",
    "/apps/{*page}",
    "/history/{*page}",
];

const INDEX: &str = "/index.html";

/// Names under here change with the content.
const HASHED: &str = "/assets/";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Afterglow</title>\
<h1>Afterglow</h1><p>This binary was built without the web UI. To build it: install Node.js 20, run <code>make ui</code>, then build \
Afterglow again.<p>The API is here: <a href=/api/v1/applications>/api/v1/applications</a>\n";

/// Whether this binary has the pages.
pub fn is_built() -> bool {
    file(INDEX).is_some()
}

/// Serves the pages and their files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let pages = PAGES.into_iter().fold(Router::new(), |router, path| router.route(path, get(page)));
    let files = FILES.iter().filter(|f| f.path != INDEX);
    files.fold(pages, |router, f| router.route(f.path, get(asset)))
}

async fn page(headers: HeaderMap) -> Response {
    match file(INDEX) {
        Some(index) => answer(index, &headers),
        None => respond(StatusCode::OK, vec![(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT.as_bytes()),
    }
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    match file(uri.path()) {
        Some(found) => answer(found, &headers),
        None => respond(StatusCode::NOT_FOUND, vec![], b""),
    }
}

fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|f| f.path == path)
}

fn answer(file: &File, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (encoding, bytes) = match (file.br, file.gzip) {
        (Some(br), _) if accepts(accepted, "br") => (Some("br"), br),
        (_, Some(gzip)) if accepts(accepted, "gzip") => (Some("gzip"), gzip),
        _ => (None, file.plain),
    };
    let tag = format!("\"{}-{}\"", file.hash, encoding.unwrap_or("plain"));
    let cache = if file.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let unchanged = known.is_some_and(|k| k.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut sent =
        vec![(header::CACHE_CONTROL, cache), (header::VARY, "accept-encoding"), (header::ETAG, tag.as_str())];
    if unchanged {
        return respond(StatusCode::NOT_MODIFIED, sent, b"");
    }
    sent.push((header::CONTENT_TYPE, content_type(file.path)));
    sent.extend(encoding.map(|e| (header::CONTENT_ENCODING, e)));
    respond(StatusCode::OK, sent, bytes)
}

fn respond(status: StatusCode, headers: Vec<(HeaderName, &str)>, body: &'static [u8]) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(body)));
    *response.status_mut() = status;
    // Scripts, styles and data from here alone; no page may be shown inside another site's.
    let always = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in headers.into_iter().chain(always) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whether an `Accept-Encoding` allows a coding: named, and not with a weight of 0.
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0));
        named && !refused
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: File =
        File { path: "/assets/a-1.js", hash: "77", plain: b"plain", br: Some(b"br"), gzip: Some(b"gzip") };

    fn asked(headers: &[(HeaderName, &'static str)]) -> Response {
        let headers = headers.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect();
        answer(&SCRIPT, &headers)
    }

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[test]
    fn compressed_as_the_browser_accepts() {
        let cases = [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, br;q=0", "gzip"),
            ("GZIP;q=0.5", "gzip"),
            ("identity", ""),
            ("", ""),
        ];
        for (accepted, wanted) in cases {
            let response = asked(&[(header::ACCEPT_ENCODING, accepted)]);
            assert_eq!(header(&response, header::CONTENT_ENCODING), wanted, "{accepted}");
            assert_eq!(header(&response, header::VARY), "accept-encoding");
        }
    }

    #[test]
    fn named_by_content_and_therefore_kept() {
        let first = asked(&[(header::ACCEPT_ENCODING, "br")]);
        assert_eq!(header(&first, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(header(&first, header::ETAG), "\"77-br\"");
        let again = asked(&[(header::ACCEPT_ENCODING, "br"), (header::IF_NONE_MATCH, "\"x\", W/\"77-br\"")]);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn every_answer_says_what_a_page_may_load() {
        for response in [asked(&[]), respond(StatusCode::NOT_FOUND, vec![], b"")] {
            assert!(header(&response, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'self'"));
            assert_eq!(header(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        }
    }
}
