//! The command line: help, settings that do not hold, and what is said of them.

use std::fs;
use std::path::Path;

use crate::logs;
use crate::server::{TestServer, afterglow, eventually, run, stderr, stdout};

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

#[test]
fn check_fails_for_what_serve_cannot_work_with() {
    let dir = logs::folder();
    let file = dir.path().join("a.toml");
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("empty"), "\n").unwrap();
    fs::write(at("no.pem"), "no certificate").unwrap();
    fs::write(at("logs"), "a file, no folder").unwrap();
    let check = || {
        let mut command = afterglow(&["check", "--config", file.to_str().unwrap()]);
        command.env_remove("AFTERGLOW_POSTGRES__LISTEN").output().unwrap()
    };
    let rule = |sql: &str| format!("[[rule]]\nname = \"r\"\nsql = \"{sql}\"\n");
    let receiver = "[[alerts.receiver]]\nname = \"a\"\n";
    for (text, says) in [
        ("[postgres]\nlisten = \"0.0.0.0:15432\"\n[postgres.users]\na = \"b\"".to_owned(), "postgres.certificate"),
        (format!("[postgres]\ncertificate = \"{0}\"\nkey = \"{0}\"", at("no.pem")), "postgres.certificate: "),
        (format!("[postgres.users]\na = \"file:{}\"", at("none")), "postgres.users.a: "),
        (format!("[postgres.users]\na = \"file:{}\"", at("empty")), "postgres.users.a: the password is empty"),
        ("[postgres.users]\na = \"\"".to_owned(), "postgres.users.a: the password is empty"),
        (rule("SELECT nothing FROM applications"), "rule[0].sql: "),
        (rule("SELECT FROM WHERE"), "rule[0].sql: "),
        (rule("DELETE FROM applications"), "rule[0].sql: "),
        (rule("SELECT 1; DROP TABLE applications"), "rule[0].sql: "),
        ("[ingest]\npoll = \"0s\"".to_owned(), "ingest.poll: "),
        ("[sql]\ntimeout = \"0s\"".to_owned(), "sql.timeout: "),
        ("[sql]\nmemory = \"0\"".to_owned(), "sql.memory: "),
        (
            format!("{receiver}[[alerts.receiver.webhook]]\nurl = \"file:{}\"", at("none")),
            "alerts.receiver[0].webhook[0].url: ",
        ),
        (
            format!("{receiver}[[alerts.receiver.slack]]\nurl = \"file:{}\"", at("empty")),
            "slack[0].url: the file is empty",
        ),
        (
            format!("[remote_write]\nurl = \"http://h/\"\nbearer_token_file = \"{}\"", at("none")),
            "remote_write.bearer_token_file: ",
        ),
        (
            "[[source]]\nurl = \"s3://b/p\"\n[source.options]\naws_regoin = \"x\"".to_owned(),
            "`aws_regoin` means nothing to s3://: did you mean aws_region?",
        ),
        (format!("[store]\nurl = \"{}/store\"", at("logs")), "store: "),
    ] {
        let store =
            if text.starts_with("[store]") { String::new() } else { format!("[store]\nurl = \"{}\"\n", at("store")) };
        fs::write(&file, format!("{store}{text}\n")).unwrap();
        let checked = check();
        let said = stdout(&checked) + &stderr(&checked);
        assert!(checked.status.code() == Some(1) && said.contains(says), "{text}: {:?}: {said}", checked.status.code());
    }
    let good = rule("SELECT cluster, count(*) AS value FROM applications GROUP BY cluster");
    fs::write(&file, format!("[store]\nurl = \"{}\"\n{good}", at("store"))).unwrap();
    let checked = check();
    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
}

#[test]
fn nothing_shows_the_secrets_of_a_sources_address() {
    let dir = logs::folder();
    // Nobody listens there.
    let url = "http://user:hunter1@127.0.0.1:9/logs?sig=hunter2&X-Amz-Signature=hunter3";
    let args = ["check", "--store", dir.path().to_str().unwrap(), "--logs", url];
    let mut all = vec![run(&args), run(&["check", "--print", "--logs", url])];
    all.push(run(&["ingest", "--once", "--store", dir.path().to_str().unwrap(), "--logs", url]));
    for output in &all {
        let said = stdout(output) + &stderr(output);
        assert!(said.contains("127.0.0.1:9") && !said.contains("hunter") && !said.contains("user:"), "{said}");
    }
    let server = TestServer::serve(dir.path()).logs(url).start();
    let source = eventually("the source has a problem", 120, || {
        let all = server.json("/api/afterglow/v1/sources");
        all.as_array()?.iter().find(|s| s["problem"].is_string()).cloned()
    });
    let metrics = server.get("/metrics").text();
    for said in [source.to_string(), metrics, server.log()] {
        assert!(!said.contains("hunter") && !said.contains("user:"), "{said}");
    }
}

#[test]
fn what_logs_say_does_nothing_to_a_terminal() {
    let dir = logs::folder();
    let (name, log) = logs::plain("4.3.0", "codec-none");
    let text = String::from_utf8(log).unwrap().replace("\"App Name\":\"", "\"App Name\":\"\\u001b[31mred\\u009b0m");
    let place = dir.path().join("logs").join(&name);
    fs::create_dir_all(dir.path().join("logs")).unwrap();
    fs::write(&place, text + "{no event\n").unwrap();
    let store = dir.path().join("store").display().to_string();
    let logs = place.parent().unwrap().display().to_string();
    let seen = |output: &std::process::Output| {
        let all = stdout(output) + &stderr(output);
        let acts = all.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
        assert!(!acts, "{all:?}");
        all
    };
    seen(&run(&["ingest", "--once", "--store", &store, "--logs", &logs]));
    let judged = seen(&run(&["findings", place.to_str().unwrap()]));
    assert!(judged.contains("\\x1b[31mred\\x9b0m"), "{judged}");
    let sql = "SELECT app_name FROM applications";
    let table = seen(&run(&["sql", "--store", &store, sql]));
    assert!(table.contains("\\x1b[31mred"), "{table}");
    let json = seen(&run(&["sql", "--store", &store, "--format", "json", sql]));
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(rows.to_string().contains("\\u001b[31mred\u{9b}0m"), "{json}");
    let output = run(&["findings", "--json", place.to_str().unwrap()]);
    // The status and the list say that it is damaged, as without `--json`.
    assert_eq!(output.status.code(), Some(3));
    let told = serde_json::from_str::<serde_json::Value>(&seen(&output)).unwrap();
    let rules: Vec<&str> = told.as_array().unwrap().iter().filter_map(|f| f["rule"].as_str()).collect();
    assert!(rules.contains(&"log-damaged"), "{rules:?}");
}

#[test]
fn a_request_is_checked_before_it_is_sent() {
    let dir = logs::folder();
    let check = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let logs = format!("c={}", dir.path().display());
        run(&["check", "--logs", &logs, "--request", file.to_str().unwrap()])
    };
    // As a public post prints it: a comma is missing, and the driver's memory is there twice.
    let request = r#"{
  "name": "etl",
  "virtualClusterId": "abc",
  "executionRoleArn": "arn:aws:iam::111122223333:role/job",
  "releaseLabel": "emr-7.2.0-latest",
  "jobDriver": {"sparkSubmitJobDriver": {
    "entryPoint": "s3://b/etl.py",
    "sparkSubmitParameters": "--conf spark.driver.memory=4G --conf spark.executor.instances=10"
  }},
  "configurationOverrides": {"applicationConfiguration": [{
    "classification": "spark-defaults",
    "properties": {
      "spark.app.name": "etl"
      "spark.driver.memory": "2G",
      "spark.hadoop.fs.s3a.secret.key": "hush",
      "spark.eventLog.enabled": "true",
      "spark.eventLog.dir": "s3://b/events/"
    }
  }]}
}"#;
    let broken = check("request.json", request);
    assert_eq!(broken.status.code(), Some(1));
    let said = stderr(&broken);
    assert!(said.contains("request.json:14:7: expected `,` or `}`"), "{said}");
    let right = check("request.json", &request.replace("\"etl\"\n", "\"etl\",\n"));
    let said = stdout(&right);
    assert_eq!(right.status.code(), Some(0), "{said}{}", stderr(&right));
    for part in [
        "request.json: StartJobRun of Amazon EMR on EKS",
        "4G (sparkSubmitParameters, line 8), wins over 2G (spark-defaults, line 14)",
        "spark.eventLog.dir: s3://b/events/ lies in no source of these settings: nobody reads it",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(!said.contains("hush"), "{said}");
    let manifest = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nspec:\n  typ: Python\n";
    let wrong = check("app.yaml", manifest);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("app.yaml:4:3: `typ` is no field of spec: `type` is meant?"), "{}", stderr(&wrong));
    let several = check("all.yaml", &format!("kind: ServiceAccount\n---\n{manifest}---\n{manifest}"));
    let said = stdout(&several);
    for part in ["all.yaml:3: a SparkApplication", "all.yaml:8: a SparkApplication", "ServiceAccount (line 1)"] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(stderr(&several).contains("all.yaml:11:3: `typ`"), "{}", stderr(&several));
}

#[test]
fn a_request_that_is_printed_has_no_secrets_and_bounds() {
    let dir = logs::folder();
    let check = |file: &Path| {
        run(&["check", "--logs", &format!("c={}", dir.path().display()), "--request", file.to_str().unwrap()])
    };
    let file = dir.path().join("app.yaml");
    let secrets = [
        "spark.hadoop.fs.s3a.secret.key: SEKRET1",
        "spark.executor.extraJavaOptions: -Dpassword=SEKRET2",
        "spark.sql.catalog.x.uri: https://u:SEKRET3@h/",
        "spark.hadoop.fs.azure.account.key.acc.blob.core.windows.net: SEKRET4",
        "spark.ssl.keyPassword: SEKRET5",
        "spark.hadoop.fs.azure.sas.c.a.blob.core.windows.net: \"?sv=2022&sig=SEKRET6abcDEF123%3D\"",
        "spark.my.apikey: SEKRET7",
        "spark.my.token: 5318008",
        "spark.other: fine",
    ];
    let manifest = format!(
        "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nspec:\n  sparkConf:\n    {}\n",
        secrets.join("\n    ")
    );
    std::fs::write(&file, manifest).unwrap();
    let output = check(&file);
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("spark.my.apikey") && said.contains("fine"), "{said}");
    assert!(!said.contains("SEKRET") && !said.contains("5318008"), "{said}");

    let conf: String = (0..5000).map(|i| format!("    spark.k{i}: {i}\n")).collect();
    std::fs::write(
        &file,
        format!("apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nspec:\n  sparkConf:\n{conf}"),
    )
    .unwrap();
    let output = check(&file);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("\n  and 4800 more\n"), "{}", stdout(&output));
    // Each is no text, and five fields are missing.
    assert!(stderr(&output).contains("and 4805 more\n"), "{}", stderr(&output));
    assert!(stdout(&output).lines().count() + stderr(&output).lines().count() < 420);

    let endless = check(Path::new("/dev/zero"));
    assert_eq!(endless.status.code(), Some(1));
    assert!(stderr(&endless).contains("/dev/zero: more than 1048576 bytes are no request"), "{}", stderr(&endless));
    std::fs::write(&file, b"\xff\xfe{\0").unwrap();
    assert!(stderr(&check(&file)).contains("it is UTF-16; save it as UTF-8"), "{}", stderr(&check(&file)));
}
