//! S3 as it is on bad days: throttled, failing, refusing, cutting connections off. A proxy before a real server makes it so.

use std::time::Duration;

use afterglow_history::store::part::Finished;
use afterglow_history::store::{Kind, Store, part_key};
use serde_json::json;

use crate::logs;
use crate::moto::Bucket;
use crate::proxy::{Fault, Proxy, Request};
use crate::s3::{PREFIX, assert_same, environment, mixed, put_folder, read, s3, source};
use crate::server::{TestServer, afterglow, eventually, ingest, stdout};

/// Faults that a client must bear, one after the other, for what `fits`.
fn stumbles(proxy: &Proxy, fits: impl Fn(&Request) -> bool + Send + Clone + 'static) {
    proxy.fail(1, fits.clone(), Fault::Error(503, "SlowDown"));
    proxy.fail(1, fits.clone(), Fault::Error(500, "InternalError"));
    proxy.fail(1, fits.clone(), Fault::Unheard);
    proxy.fail(1, fits.clone(), Fault::Reset(1000));
    proxy.fail(1, fits, Fault::Trickle(16 << 10, Duration::from_millis(2)));
}

#[test]
fn a_store_that_stumbles_costs_time_only() {
    let Some(proxy) = s3() else { return };
    let dir = logs::folder();
    let [folder, local, store] = ["logs", "local", "store"].map(|name| dir.path().join(name));
    mixed(&folder);
    let (mut bucket, kept) = (Bucket::create("stumbling").unwrap(), Bucket::create("stumbling-store").unwrap());
    put_folder(&mut bucket, &folder);
    let ingested = ingest(&local, &[folder.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0), "{}", stdout(&ingested));

    proxy.pages_of(10);
    for code in ["SlowDown", "ServiceUnavailable"] {
        proxy.fail(1, |r| r.is_list() && !r.goes_on(), Fault::Error(503, code));
        proxy.fail(1, |r| r.is_list() && r.goes_on(), Fault::Error(503, code));
    }
    proxy.fail(1, |r| r.is_list() && r.goes_on(), Fault::Trickle(100, Duration::from_millis(2)));
    // Of one log each, so that no request meets more than it may.
    for name in [
        "eventlog_v2_local-1795221735814/events_1",
        "2026/11/21/local-1795219283395",
        "eventlog_v2_local-1795221858643/events_1",
    ] {
        stumbles(&proxy, move |r| r.is_get() && r.target.contains(name));
    }
    // What was written is written again if nobody heard that it was.
    stumbles(&proxy, |r| r.method == "PUT");
    let objects = format!("s3://{}", kept.name);
    let logs = format!("s3://{}/{PREFIX}", bucket.name);
    let mut command = afterglow(&["ingest", "--once", "--logs", &logs, "--store", &objects]);
    command.envs(environment(&proxy)).env("AFTERGLOW_STORE__DIR", &store);
    // The other name of the endpoint.
    let stumbled = command.env_remove("AWS_ENDPOINT_URL").env("AWS_ENDPOINT_URL_S3", proxy.url()).output().unwrap();
    assert_eq!((proxy.left(), stumbled.status.code()), (0, Some(0)), "{}", stdout(&stumbled));
    let told = |output| stdout(output).split(" in ").next().unwrap().to_owned();
    assert_eq!(told(&stumbled), told(&ingested), "applications, events and bytes");

    let expected = TestServer::history(&local);
    let server = TestServer::role("history", &store).objects(&objects).with(&proxy).start();
    stumbles(&proxy, |r| r.is_get());
    assert_same(&expected, &server, 7);
    assert_eq!(proxy.left(), 0);
}

#[test]
fn a_source_that_refuses_is_told_with_advice_and_stops_no_other() {
    let Some(proxy) = s3() else { return };
    let dir = logs::folder();
    let (app, log) = logs::plain("3.5.9", "codec-none");
    let names = ["denied", "skewed", "expired", "unreadable", "odd", "torn", "good"];
    let mut server = TestServer::serve(&dir.path().join("store")).with(&proxy);
    for name in names {
        Bucket::create(name).unwrap().put(&format!("{PREFIX}/{app}"), &log);
    }
    let mut odd = Bucket::create("odd").unwrap();
    odd.put(&format!("{PREFIX}//nameless"), b"x");
    for name in names.iter().chain(&["missing"]) {
        server = server.logs(&format!("{name}=s3://{name}/{PREFIX}"));
    }
    let always = usize::MAX / 8;
    proxy.fail(always, |r| r.is_of("denied"), Fault::Error(403, "AccessDenied"));
    proxy.fail(always, |r| r.is_of("skewed"), Fault::Error(403, "RequestTimeTooSkewed"));
    proxy.fail(always, |r| r.is_of("expired"), Fault::Error(400, "ExpiredToken"));
    // Who may list may not read: a common mistake in policies.
    proxy.fail(always, |r| r.is_of("unreadable") && r.is_get(), Fault::Error(403, "AccessDenied"));
    proxy.fail(2, |r| r.is_of("torn") && r.is_list(), Fault::Reset(50));
    let server = server.start();
    let jobs = |cluster: &str| server.get(&format!("/clusters/{cluster}/api/v1/applications/{app}/jobs")).status;
    // A listing that breaks off is begun anew at the next poll.
    for name in ["good", "torn"] {
        read(&server, name);
        assert_eq!(jobs(name), 200, "{name}");
    }
    for (name, advice) in [
        ("denied", "access denied: grant s3:ListBucket on the bucket and s3:GetObject on the prefix"),
        ("skewed", "clock skew: this machine's clock differs from the store's; set it by NTP"),
        ("expired", "the credentials are not valid: check AWS_ACCESS_KEY_ID"),
        ("missing", "no such bucket: correct the name, the region or the endpoint"),
        ("odd", "an object's name cannot be read: rename or remove it"),
        ("unreadable", "access denied: grant s3:ListBucket on the bucket and s3:GetObject on the prefix"),
    ] {
        let about = eventually(&format!("{name} has a problem"), 30, || {
            source(&server, name).filter(|s| s["problem"] != json!(null))
        });
        let problem = about["problem"].as_str().unwrap();
        assert!(about["healthy"] == false && problem.contains(advice), "{name}: {problem}");
        assert_eq!(jobs(name), 404);
    }
    // Once they are mended, they are as the other.
    proxy.heal();
    odd.delete(&format!("{PREFIX}//nameless"));
    Bucket::create("missing").unwrap().put(&format!("{PREFIX}/{app}"), &log);
    for name in names.iter().chain(&["missing"]) {
        read(&server, name);
        assert_eq!(jobs(name), 200, "{name}");
    }
    let all = server.json("/api/afterglow/v1/sources");
    assert!(all.as_array().unwrap().iter().all(|s| s["problem"] == json!(null)), "{all}");
}

/// A part of an attempt that is put in two pieces.
fn large(store: &Store) -> Finished {
    let mut n = 1_u64;
    // Text that zstd makes three quarters of.
    let mut text = || -> String {
        let mut next = || {
            n = n.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            char::from(b'0' + (n >> 58) as u8)
        };
        (0..1 << 16).map(|_| next()).collect()
    };
    let texts: Vec<String> = (0..200).map(|_| text()).collect();
    let mut part = store.writer();
    part.entities(Kind::Foreign, texts.iter().enumerate().map(|(i, text)| (i as i64, Some(text)))).unwrap();
    part.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_part_is_put_whole_or_leaves_nothing() {
    let Some(proxy) = s3() else { return };
    let dir = logs::folder();
    let mut bucket = Bucket::create("pieces").unwrap();
    let options = environment(&proxy).map(|(name, value)| (name.to_ascii_lowercase(), value));
    let (_, objects, root) = afterglow_ingest::source::open("s3://pieces/kept", &options.into()).await.unwrap();
    let store = Store::new(objects, root, dir.path(), 0).unwrap();
    let key = part_key("lab", "app-1", None, 1, 1);
    let piece = |r: &Request| r.method == "PUT" && r.target.contains("partNumber=2");

    proxy.fail(1, piece, Fault::Error(403, "AccessDenied"));
    let denied = store.publish(&key, large(&store)).await.unwrap_err();
    assert!(denied.to_string().contains("AccessDenied"), "{denied}");
    assert_eq!((bucket.keys(), bucket.uploads()), (vec![], vec![]));

    for fault in [Fault::Error(503, "SlowDown"), Fault::Error(500, "InternalError"), Fault::Unheard] {
        proxy.fail(1, piece, fault);
    }
    // S3 also says so in an answer that begins as if all were well.
    for status in [503, 200] {
        proxy.fail(1, |r| r.method == "POST" && r.target.contains("uploadId="), Fault::Error(status, "InternalError"));
    }
    let size = store.publish(&key, large(&store)).await.unwrap();
    assert_eq!((size > 9 << 20, proxy.left()), (true, 0), "{size}");
    assert_eq!((bucket.sizes(), bucket.uploads()), (vec![size.to_string()], vec![]));
}
