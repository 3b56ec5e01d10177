//! The web UI as the binary serves it, with its build and without.

use crate::logs;
use crate::server::TestServer;

#[test]
fn every_address_of_a_page_gets_the_page_and_others_do_not() {
    let dir = logs::folder();
    let server = TestServer::serve(dir.path()).logs(dir.path().to_str().unwrap()).start();
    let index = server.get("/");
    let pages = [
        "/sources",
        "/rules",
        "/rules/gc-pressure",
        "/incidents",
        "/incidents/7",
        "/apps/c/app-1",
        "/apps/c/app-1/2/stages/3/0?sort=-duration",
        "/history/app-1/jobs/job/?id=3",
    ];
    for path in pages {
        let page = server.get(path);
        assert_eq!((page.status, page.text()), (200, index.text()), "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self';"), "{path}");
    }
    for path in ["/nothing", "/assets/nothing.js", "/api/nothing", "/apps"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    // What the page needs is there, or the page says how to get it.
    let text = index.text();
    let scripts: Vec<&str> = text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!scripts.is_empty() || text.contains("make ui"), "{text}");
    for script in scripts {
        let response = server.get(script);
        assert_eq!(response.header("content-type"), Some("text/javascript; charset=utf-8"), "{script}");
        let kept = if script.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        assert_eq!(response.header("cache-control"), Some(kept), "{script}");
    }
}
