//! The command line: help, settings that do not hold, and what is said of them.

use std::fs;

use crate::logs;
use crate::server::{TestServer, eventually, run, stderr, stdout};

#[test]
fn every_command_explains_itself() {
    let overview = stdout(&run(&["--help"]));
    for (command, says) in [
        ("serve", "--logs <[CLUSTER=]URL>"),
        ("ingest", "With --once the exit status is 0 if nothing was damaged"),
        ("history", "--store <FOLDER|URL>"),
        ("demo", "Serve the bundled sample logs"),
        ("check", "Print the settings in force, secrets masked"),
    ] {
        assert!(overview.contains(&format!("  {command} ")), "{overview}");
        let help = run(&[command, "--help"]);
        assert!(help.status.success() && stdout(&help).contains(says), "{command}: {}", stdout(&help));
    }
    assert_eq!(stdout(&run(&["--version"])).trim(), concat!("afterglow ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_settings_are_named_by_file_line_and_key() {
    let dir = logs::folder();
    let file = dir.path().join("a.toml");
    for (text, says) in [
        ("[server]\nlisten = \"127.0.0.1:0\"\n\n[ingest]\npol = \"7s\"\n", ["a.toml:5: ", "unknown field `pol`"]),
        ("[ingest]\npoll = \"7 parsecs\"\n", ["a.toml:2: ", "`7 parsecs` is no length of time"]),
        ("[[source]]\nurl = \"\"\n", ["source[0].url: ", "name a folder or s3://bucket/prefix"]),
        ("[redaction]\nregex = \"(\"\n", ["redaction.regex: ", "regular expression"]),
    ] {
        fs::write(&file, text).unwrap();
        let checked = run(&["check", "--config", file.to_str().unwrap()]);
        assert_eq!(checked.status.code(), Some(1), "{text}");
        for part in says {
            assert!(stderr(&checked).contains(part), "{part}: {}", stderr(&checked));
        }
    }
}

#[test]
fn settings_are_printed_without_secrets() {
    let dir = logs::folder();
    let file = dir.path().join("a.toml");
    let text = "[store.options]\naws_session_token = \"hunter1\"\n[[source]]\ncluster = \"east\"\nurl = \"s3://b/p\"\n\
                [source.options]\naws_region = \"eu-central-1\"\naws_secret_access_key = \"hunter2\"\n";
    fs::write(&file, text).unwrap();
    let printed = run(&["check", "--print", "--config", file.to_str().unwrap()]);
    let text = stdout(&printed);
    assert!(printed.status.success(), "{}", stderr(&printed));
    assert!(!text.contains("hunter"), "{text}");
    for part in [
        "aws_secret_access_key = \"*********(redacted)\"",
        "aws_region = \"eu-central-1\"",
        "cluster = \"east\"",
        "poll = \"5s\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn check_reaches_every_source() {
    let dir = logs::folder();
    let store = dir.path().join("store");
    let good = format!("good={}", logs::case("3.5.9", "users").display());
    let args = ["check", "--store", store.to_str().unwrap(), "--logs", &good];
    let checked = run(&args);
    assert!(checked.status.success(), "{}", stdout(&checked));
    assert!(stdout(&checked).contains(": ok (first object: local-17952"), "{}", stdout(&checked));
    let checked = run(&[&args[..], &["--logs", "bad=/no/such/folder"]].concat());
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout(&checked).contains("source bad=/no/such/folder: file:///no/such/folder: no such folder: create it"));
}

#[test]
fn other_machines_are_let_in_only_if_somebody_says_so() {
    let dir = logs::folder();
    for command in ["serve", "history"] {
        let refused = run(&[command, "--listen", "0.0.0.0:0", "--store", dir.path().to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            stderr(&refused).contains("server.listen: 0.0.0.0:0 is reachable from other machines"),
            "{}",
            stderr(&refused)
        );
        assert!(stderr(&refused).contains("--allow-remote"));
    }
}

#[test]
fn no_logs_are_no_reason_to_do_nothing_silently() {
    let dir = logs::folder();
    let refused = run(&["ingest", "--once", "--store", dir.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("no logs named: use --logs"), "{}", stderr(&refused));
}

#[test]
fn a_source_that_is_not_there_is_shown_and_others_are_served() {
    let dir = logs::folder();
    let users = logs::case("3.5.9", "users");
    let server =
        TestServer::serve(dir.path()).logs("gone=/no/such/folder").logs(&format!("here={}", users.display())).start();
    eventually("the other source is indexed", 20, || {
        let all = server.json("/api/v1/applications");
        (all.as_array()?.len() == 4).then_some(())
    });
    let healthy = eventually("both sources are listed", 10, || {
        let all = server.json("/api/afterglow/v1/sources");
        let of = |cluster: &str| all.as_array()?.iter().find(|s| s["cluster"] == cluster).cloned();
        let (gone, here) = (of("gone")?, of("here")?);
        (here["logs"] == 4).then_some([gone, here])
    });
    assert_eq!((&healthy[0]["healthy"], &healthy[1]["healthy"]), (&false.into(), &true.into()));
    assert!(healthy[0]["problem"].as_str().unwrap().contains("no such folder: create it, or correct the path"));
    assert!(server.get("/readyz").status == 200 && server.get("/healthz").text() == "ok");
}
