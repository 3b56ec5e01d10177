//! Whatever is asked, whatever numbers a log has, whatever became of the store's objects: no answer is a failure,
//! none takes long, what says that it is JSON is JSON, and the server is as well afterwards as before.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use regex::Regex;

use crate::answers::{self, Answers};
use crate::http::{Client, Response};
use crate::logs;
use crate::server::{self, TestServer, eventually};

/// Beside the APIs.
const PAGES: [&str; 6] = ["/", "/healthz", "/readyz", "/sources", "/apps/default/x", "/history/x/jobs"];
/// Where the APIs are mounted.
const MOUNTS: [&str; 4] =
    ["/api/v1", "/clusters/{cluster}/api/v1", "/api/afterglow/v1", "/api/afterglow/v1/clusters/{cluster}"];
/// Parameters that no route reads.
const STRANGE: [&str; 4] = ["", "unknown", "offset[]", "ſtatus"];

/// What a parameter may hold and make sense.
const SENSE: [&str; 40] = [
    "0",
    "1",
    "2",
    "20",
    "100",
    "true",
    "false",
    "TRUE",
    "0.5",
    "0.05,0.25,0.5,0.75,0.95",
    "ID",
    "runtime",
    "-runtime",
    "+RUNTIME",
    "SUCCESS",
    "failed",
    "running",
    "COMPLETED",
    "complete",
    "ACTIVE",
    "skipped",
    "asc",
    "desc",
    "Duration",
    "GC Time",
    "Accumulators",
    "Errors",
    "Host",
    "Locality Level",
    "status",
    "description",
    "duration",
    "2015-02-10",
    "2026-11-21T00:00:00.000GMT",
    "count",
    "sql AND job",
    "c3BhcmtVc2Vy",
    "driver",
    "root",
    "local",
];

const NUMBERS: [&str; 34] = [
    "-1",
    "-0",
    "+5",
    "127",
    "32768",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967296",
    "1000000000000",
    "9007199254740993",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "1e309",
    "-1e309",
    "1e-400",
    "NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "0x10",
    "1_000",
    "1,5",
    "٣",
    "１",
    " 7",
    "7 ",
];

const TEXTS: [&str; 58] = [
    "",
    " ",
    "null",
    "undefined",
    "[]",
    "{}",
    "..",
    ".",
    "../..",
    "../../../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "file:///etc/passwd",
    "a/b/c",
    "\0",
    "a\0b",
    "\r\nX-Injected: yes",
    "☃",
    "\u{202e}evil",
    "𝕊𝕢𝕝",
    "e\u{301}",
    "ﬀ",
    "İ",
    "' OR '1'='1",
    "'; DROP TABLE attempts; --",
    "%' ESCAPE '",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}}",
    ".*",
    "(a+)+$",
    "[",
    "(",
    ")",
    "\"",
    "\\",
    "*",
    "?",
    "-",
    "NOT",
    "AND OR",
    "a AND",
    "-a -b",
    "text:",
    "text:*",
    "row:1",
    "row:[* TO *]",
    "ended:[1 TO 99999999999999999999]",
    "ended:>=0",
    "nothing:here",
    "text: IN [a b c]",
    "\"a b\"~4294967295",
    "\"a b\"~99999999999999999999",
    "\"a b\"*",
    "a^1e400",
    "a^NaN",
    "/(a|b)*c/",
    "app:local* OR (user:root AND -status:lost)",
];

const DATES: [&str; 14] = [
    "0000-00-00",
    "9999-99-99",
    "-2015-02-10",
    "2015-02-30T99:99:99.999GMT",
    "2015-02-10T00:00:00.000GMT+99:99",
    "2015-02-10T00:00:00.000+2400",
    "99999999999-01-01",
    "9223372036854775807-12-31T23:59:59.999GMT",
    "292278994-08-17T07:12:55.808GMT",
    "2015-9223372036854775807-9223372036854775807",
    "2015-02-10T9223372036854775807:9223372036854775807:9223372036854775807.9223372036854775807GMT",
    "2015-02-10T-1:-1:-1.-1GMT",
    "yesterday",
    "２０１５-02-10",
];

/// Percent signs that encode nothing, or nothing that is text.
const GARBAGE: [&str; 12] = [
    "%",
    "%%",
    "%2",
    "%zz",
    "%u2603",
    "%ff%fe",
    "%c3%28",
    "%ed%a0%80",
    "%f4%90%80%80",
    "%00",
    "%25%32%66",
    "%2e%2e%2f",
];

/// No answer takes so long, even by a debug build on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(10);
/// By how much asking may raise the most memory that the server ever held; the store's cache is half of it.
const GROWTH: u64 = 256 << 20;

fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A value as it stands in a URL.
fn value() -> BoxedStrategy<String> {
    let of = |all: &'static [&'static str]| prop::sample::select(all).prop_map(percent);
    let many = |what: &'static str, n: usize| Just(vec![what; n].join(","));
    prop_oneof![
        12 => of(&SENSE),
        8 => of(&NUMBERS),
        6 => of(&TEXTS),
        2 => of(&DATES),
        2 => prop::sample::select(&GARBAGE[..]).prop_map(str::to_owned),
        2 => "\\PC{0,12}".prop_map(|t| percent(&t)),
        2 => prop::collection::vec(prop::sample::select(&NUMBERS[..]), 1..9).prop_map(|all| percent(&all.join(","))),
        1 => prop::collection::vec(any::<f64>().prop_map(|v| v.to_string()), 1..200).prop_map(|all| all.join(",")),
        1 => prop_oneof![many("0.5", 10_000), many("-1", 10_000), many("", 10_000), Just("a".repeat(60_000))],
        1 => (prop::sample::select(vec!["(", "-", "+(", "NOT ", "a OR ", "\"", "[", "%"]), 1usize..3000)
            .prop_map(|(what, n)| percent(&what.repeat(n))),
    ]
    .boxed()
}

/// What a pattern finds in the sources of the API, each once.
fn named(pattern: &str) -> BTreeSet<String> {
    fn texts(folder: &Path, out: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()) {
            match entry.is_dir() {
                true => texts(&entry, out),
                false => out.push_str(&fs::read_to_string(entry).expect("a source")),
            }
        }
    }
    let mut sources = String::new();
    texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("history/src/api"), &mut sources);
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(&sources).map(|c| c[1].to_owned()).collect()
}

/// Every path of the router, with `{of}` for the application: read off its source, so that none is forgotten.
fn routes(server: &TestServer, base: &str) -> Vec<String> {
    let paths = named(r#"\.route\(\s*"([^"]+)""#);
    let mut found = Vec::new();
    for mount in MOUNTS {
        let ask = |path: &str| {
            let got = server.get(&filled(&format!("{mount}{path}"), base, "default", &[]));
            (got.status, got.body)
        };
        let nothing = ask("/no/such/path/at/all");
        let all = paths.iter().flat_map(|p| [p.clone(), format!("{{of}}{p}")]);
        found.extend(all.filter(|path| ask(path) != nothing).map(|path| format!("{mount}{path}")));
    }
    assert!(found.len() >= 80, "{found:?}");
    found
}

/// A path with something in place of each name.
fn filled(template: &str, of: &str, cluster: &str, parts: &[String]) -> String {
    let mut parts = parts.iter();
    let mut path = template.replace("{of}", of).replacen("{cluster}", cluster, 1);
    while let Some((start, end)) = path.find('{').and_then(|s| Some((s, s + path[s..].find('}')?))) {
        path.replace_range(start..=end, parts.next().map_or("0", String::as_str));
    }
    path
}

/// A path and a query, of the applications that are there and of others.
fn request(routes: Vec<String>, bases: Vec<String>) -> BoxedStrategy<String> {
    // Whatever name something is asked for by.
    let names = named(r#"\(\s*"([A-Za-z]+(?:\[\w+\])*)"\s*[,)]"#);
    assert!(names.len() >= 25, "{names:?}");
    let names: Vec<String> = names.iter().map(|n| percent(n)).collect();
    let pages = prop::sample::select(&PAGES[..]).prop_map(str::to_owned);
    let template = prop_oneof![20 => prop::sample::select(routes), 1 => pages];
    // Mostly an application that is there: what is behind it is worth more than that it is not.
    let other = (value(), value()).prop_map(|(a, b)| format!("/applications/{a}/{b}"));
    let of = prop_oneof![8 => prop::sample::select(bases), 1 => other];
    let few = (1u8..9).prop_map(|n| n.to_string());
    let part = prop_oneof![4 => Just("0".to_owned()), 2 => few, 1 => Just("driver".to_owned()), 2 => value()];
    let cluster = prop_oneof![5 => Just("default"), 1 => Just("b"), 1 => Just("none")];
    let strange = prop::sample::select(&STRANGE[..]).prop_map(percent);
    let name = prop_oneof![18 => prop::sample::select(names), 1 => strange, 1 => value()];
    let pair = (name, prop_oneof![9 => value().prop_map(|v| format!("={v}")), 1 => Just(String::new())]);
    let query = prop::collection::vec(pair.prop_map(|(name, value)| name + &value), 0..7);
    (template, of, prop::collection::vec(part, 5), cluster, query)
        .prop_map(|(template, of, parts, cluster, query)| {
            let path = filled(&template, &of, cluster, &parts);
            if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
        })
        .boxed()
}

/// Answers of 500 and above that Spark's own History Server gives, and its clients may count on: what its
/// handlers throw when a task page is asked for without its parameters, or for no task at all; and thread
/// dumps, which only a live application has.
fn is_sparks_own(path: &str, got: &Response) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let html = got.header("content-type").is_some_and(|t| t.starts_with("text/html"));
    match got.status {
        500 => html && ["/taskList", "/taskTable", "/threads"].iter().any(|end| path.ends_with(end)),
        503 => path.ends_with("/threads") && got.text().starts_with("Thread dumps not available"),
        _ => false,
    }
}

/// What is wrong with the answer to a request.
fn ask(client: &mut Client, request: &str) -> Result<(), String> {
    let began = Instant::now();
    let got = client.get(request).map_err(|e| format!("no answer: {e}"))?;
    let took = began.elapsed();
    if took > PATIENCE {
        return Err(format!("took {took:?}"));
    }
    if got.status >= 500 && !is_sparks_own(request, &got) {
        return Err(format!("{}: {}", got.status, got.text()));
    }
    let kind = got.header("content-type").unwrap_or_default();
    // A date that is none: Spark answers words under the type of JSON.
    let words = got.status == 400 && got.body.starts_with(b"Couldn't parse date: ");
    if kind.starts_with("application/json") && !words {
        serde_json::from_slice::<serde_json::Value>(&got.body).map_err(|e| format!("no JSON: {e}: {}", got.text()))?;
    }
    let pages =
        ["/healthz", "/readyz", "/logs"].iter().any(|end| request.split('?').next().unwrap_or_default().ends_with(end));
    if got.status == 200 && request.contains("/api/") && !pages && kind != "application/json" {
        return Err(format!("answered {kind}: {}", got.text()));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(1000).collect()
}

/// Applications and attempts as they begin a path.
fn bases(server: &TestServer) -> Vec<String> {
    let all = server.json("/api/v1/applications");
    let all = all.as_array().expect("applications").iter();
    let found: Vec<String> = all
        .flat_map(|app| {
            let id = app["id"].as_str().expect("an id").to_owned();
            let attempts = app["attempts"].as_array().expect("attempts").clone();
            attempts.into_iter().map(move |a| match a["attemptId"].as_str() {
                Some(attempt) => format!("/applications/{id}/{attempt}"),
                None => format!("/applications/{id}"),
            })
        })
        .collect();
    assert!(found.len() >= 20, "{found:?}");
    found
}

#[test]
fn no_request_is_too_much() {
    let dir = logs::folder();
    let (one, other, store) = (dir.path().join("one"), dir.path().join("other"), dir.path().join("store"));
    for case in ["connect", "derived", "exec-lost", "fail-job", "skew", "sql", "storage", "streaming-rocksdb", "users"]
    {
        logs::lay(&logs::case("4.3.0", case), &one, &|_| true);
    }
    // In two clusters at once: an id alone is not enough for these.
    logs::lay(&logs::case("4.3.0", "users"), &other, &|_| true);
    server::ingest(&store, &[one.to_str().unwrap(), &format!("b={}", other.display())]);
    let server = TestServer::history(&store);
    let bases = bases(&server);
    let mut client = server.client();
    let known: Vec<String> =
        bases.iter().map(|b| format!("/api/v1{b}/stages?details=true&withSummaries=true")).collect();
    known.iter().for_each(|request| ask(&mut client, request).unwrap());
    let busy = bases.iter().find(|b| server.get(&format!("/api/v1{b}/stages/0/0/taskSummary")).status == 200);
    let busy = busy.expect("a stage with tasks");
    let routes = routes(&server, busy);
    let before = server.most_memory();

    for request in fixed(busy) {
        ask(&mut client, &request)
            .unwrap_or_else(|e| panic!("{}: {}\n{}", shortened(&request), shortened(&e), server.log()));
    }
    let config = Config { cases: Config::default().cases.max(2000), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let client = std::sync::Mutex::new(client);
    let result = runner.run(&request(routes, bases), |request| {
        let mut client = client.lock().unwrap_or_else(|e| e.into_inner());
        ask(&mut client, &request).map_err(|e| TestCaseError::fail(shortened(&e)))
    });
    if let Err(e) = result {
        panic!("{}\n{}", shortened(&e.to_string()), server.log());
    }

    let grown = server.most_memory().saturating_sub(before);
    assert!(grown < GROWTH, "{} MiB more than before", grown >> 20);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert_eq!(server.json("/api/v1/version")["spark"], "4.3.0");
}

/// What chance finds too seldom, or once found.
fn fixed(base: &str) -> Vec<String> {
    let list = |of: &str, n: usize| vec![of; n].join(",");
    let mut all: Vec<String> = Vec::new();
    for number in NUMBERS {
        let n = percent(number);
        for name in ["offset", "limit"] {
            all.push(format!("/api/afterglow/v1/search?{name}={n}"));
            all.push(format!("/api/v1/applications?{name}={n}"));
        }
        for path in ["jobs", "stages", "sql", "allexecutors", "stages/0/0/taskList"] {
            all.push(format!("/api/v1{base}/{path}?offset={n}&length={n}"));
        }
        all.push(format!("/api/v1{base}/sql/sqlTable?start={n}&length={n}&draw={n}"));
        for search in ["", "driver"] {
            let order = "columnNameToSort=Duration&order[0][dir]=asc";
            all.push(format!(
                "/api/v1{base}/stages/0/0/taskTable?numTasks={n}&start={n}&length={n}&{order}&search[value]={search}"
            ));
        }
        let ours = format!("/api/afterglow/v1{base}");
        all.push(format!("{ours}/stages?offset={n}&length={n}&q={n}"));
        all.push(format!("{ours}/stages/{n}/{n}/executors?offset={n}&length={n}"));
        all.push(format!("{ours}/stages/{n}/{n}/quantiles"));
        all.push(format!("{ours}/streaming/progress?batch={n}&runId={n}"));
        all.push(format!("{ours}/executors/timeline?points={n}"));
        all.push(format!("/api/v1{base}/stages/{n}/{n}/taskSummary?quantiles={n},0.5"));
        all.push(format!("/api/v1{base}/stages/0/0/taskSummary?quantiles={n},0.5,-{n}"));
        all.push(format!("/api/v1{base}/stages/0/0?withSummaries=true&quantiles={n},0.5"));
    }
    for nested in ["(", "(a ", "-(", "+(", "NOT ", "a OR (", "\"", "[", "text:(", "a^"] {
        for times in [30, 1000, 60_000 / percent(nested).len()] {
            all.push(format!("/api/afterglow/v1/search?q={}", percent(nested).repeat(times)));
            all.push(format!(
                "/api/afterglow/v1/search?q={}a{}",
                percent(nested).repeat(times.min(9000)),
                "%29".repeat(times.min(9000))
            ));
        }
    }
    // Words are looked for by how they begin, too.
    for word in ["a".repeat(60_000), "a,b ".repeat(9000), "ab ".repeat(20_000), percent("é").repeat(9000)] {
        let word = word.replace(' ', "%20");
        all.push(format!("/api/afterglow/v1/search?q={word}"));
        all.push(format!("/api/afterglow/v1/applications?q={word}"));
    }
    for quantiles in [list("0.5", 10_000), list("NaN", 10_000), list("", 10_000), list("-Infinity,Infinity", 3000)] {
        all.push(format!("/api/v1{base}/stages/0/0/taskSummary?quantiles={quantiles}"));
        all.push(format!("/api/v1{base}/stages?withSummaries=true&quantiles={quantiles}"));
    }
    all
}

/// Numbers that Spark never writes, in logs that it did write: the logs are read, and all answers are answers.
#[test]
fn no_number_in_a_log_is_too_much() {
    const EXTREMES: [&str; 10] = [
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775806",
        "-1",
        "2147483647",
        "4294967296000",
        "4611686018427387904",
        "18446744073709551615",
        "0",
        "1e300",
    ];
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir_all(&folder).unwrap();
    let number = Regex::new(r"(: ?|[,\[])-?[0-9]+([,}\]])").unwrap();
    let mut seed = 7u64;
    let mut chance = |of: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % of
    };
    // From a few odd numbers, so that the rest of the log still fits together, to nothing but odd ones.
    let cases = ["codec-none", "exec-exclude", "exec-metrics", "sql", "storage", "streaming-rocksdb"];
    let all = cases.map(|case| ("3.5.9", case)).into_iter().chain([("4.3.0", "codec-none")]);
    for (i, (version, case)) in all.enumerate() {
        let (id, log) = logs::plain(version, case);
        let text = String::from_utf8(log).unwrap();
        for (n, one_in) in [200, 20, 5, 1].into_iter().enumerate() {
            let odd = number.replace_all(&text, |c: &regex::Captures<'_>| match chance(one_in) {
                0 => format!("{}{}{}", &c[1], EXTREMES[chance(10) as usize], &c[2]),
                _ => c[0].to_owned(),
            });
            let new = format!("local-{i}{n}00");
            fs::write(folder.join(&new), odd.replace(&id, &new)).unwrap();
        }
    }
    let ingested = server::ingest(&store, &[folder.to_str().unwrap()]);
    let said = server::stderr(&ingested);
    // How far it is, it says where it takes long; nothing else.
    let told = said.lines().all(|l| l.is_empty() || l.contains(" of 28 logs, "));
    assert!(matches!(ingested.status.code(), Some(0 | 3)) && told, "{:?}: {said}", ingested.status);
    let server = TestServer::history(&store);
    let mut client = server.client();
    let bases = bases(&server);
    let routes = routes(&server, &bases[0]);
    for base in bases {
        let found = |list: &str, key: &str| -> Vec<String> {
            let all = server.json(&format!("/api/v1{base}/{list}"));
            all.as_array().expect("a list").iter().map(|v| v[key].to_string()).collect()
        };
        // One mount of each API will do, and ids that there are likely to be.
        let plain = routes.iter().filter(|r| r.contains("{of}") && !r.contains("{cluster}"));
        let ids = [["0", "0"], ["1", "0"], ["3", "0"]].map(|ids| ids.map(str::to_owned));
        let mut all: Vec<String> =
            plain.flat_map(|r| ids.each_ref().map(|ids| filled(r, &base, "default", ids))).collect();
        all.sort_unstable();
        all.dedup();
        all.push("/api/v1/applications".to_owned());
        all.push("/api/afterglow/v1/search?q=".to_owned());
        all.push(format!("/api/v1{base}/stages?details=true&withSummaries=true"));
        all.push(format!(
            "/api/v1{base}/sql/sqlTable?groupSubExecution=true&order[0][column]=0&columns[0][name]=duration"
        ));
        let ours = format!("/api/afterglow/v1{base}");
        for sort in ["id", "name", "-duration", "-skew", "skew", "-gcShare", "-shuffleReadBytes", "cpuTime", "-tasks"] {
            all.push(format!("{ours}/stages?sort={sort}"));
        }
        for query in server.json(&format!("{ours}/streaming/queries")).as_array().expect("a list") {
            let run = query["runId"].as_str().unwrap_or_default();
            for bounds in ["from=0", "to=9223372036854775807", "from=-9223372036854775808&to=0", "from=1793491200000"] {
                all.push(format!("{ours}/streaming/queries/{run}/series?{bounds}"));
            }
            all.push(format!("{ours}/streaming/progress?runId={run}&batch=-1"));
        }
        for stage in found("stages", "stageId").iter().take(20) {
            all.extend(["executors", "quantiles"].map(|b| format!("{ours}/stages/{stage}/0/{b}")));
            let below = ["taskSummary", "taskList?length=100&sortBy=-runtime", "taskList?status=SUCCESS"];
            all.extend(below.map(|b| format!("/api/v1{base}/stages/{stage}/0/{b}")));
            for column in ["Scheduler Delay", "Getting Result Time", "GC Time", "Shuffle Read Size / Records"] {
                let query =
                    format!("start=0&length=50&numTasks=9&order[0][dir]=desc&columnNameToSort={}", percent(column));
                all.push(format!("/api/v1{base}/stages/{stage}/0/taskTable?{query}"));
            }
        }
        all.iter()
            .for_each(|r| ask(&mut client, r).unwrap_or_else(|e| panic!("{r}: {}\n{}", shortened(&e), server.log())));
    }
    assert!(server.most_memory() < 2 * GROWTH, "{} MiB", server.most_memory() >> 20);
}

/// Damage to an object of the store is met when it is read, and mended from the log.
#[test]
fn damaged_objects_are_made_anew() {
    let dir = logs::folder();
    let (folder, store) = (dir.path().join("logs"), dir.path().join("store"));
    fs::create_dir_all(&folder).unwrap();
    let (id, log) = logs::plain("3.5.9", "codec-none");
    let harms: [fn(&mut Vec<u8>); 8] = [
        |b| b.truncate(b.len() / 2),
        |b| b.truncate(b.len() - 1),
        |b| b.clear(),
        |b| b.push(0),
        |b| b.fill(0xA5),
        |b| b.iter_mut().skip(8).step_by(50).for_each(|v| *v ^= 0x10),
        |b| b.reverse(),
        |b| b.splice(..0, *b"twice").for_each(drop),
    ];
    let ids: Vec<String> = (0..harms.len()).map(|i| format!("local-10{i}")).collect();
    ids.iter().for_each(|new| fs::write(folder.join(new), logs::renamed(&log, &id, new)).unwrap());
    server::ingest(&store, &[folder.to_str().unwrap()]);
    let expected: Vec<Answers> = {
        let server = TestServer::history(&store);
        ids.iter().map(|id| answers::all(&server, id)).collect()
    };
    for (id, harm) in ids.iter().zip(harms) {
        let place = store.join("attempts/default").join(id).join("-");
        let object = fs::read_dir(place).unwrap().flatten().next().expect("a part").path();
        let mut bytes = fs::read(&object).unwrap();
        harm(&mut bytes);
        fs::write(object, bytes).unwrap();
    }
    let server = TestServer::serve(&store).logs(folder.to_str().unwrap()).start();
    for (i, (id, expected)) in ids.iter().zip(expected).enumerate() {
        let whole = || {
            ["jobs", "stages", "executors", "environment"]
                .iter()
                .all(|p| server.get(&format!("/api/v1/applications/{id}/{p}")).status == 200)
        };
        eventually(
            &format!("harm {i} is mended: {}", server.get(&format!("/api/v1/applications/{id}/jobs")).text()),
            20,
            || whole().then_some(()),
        );
        answers::assert_equal(id, &expected, &answers::all(&server, id));
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
