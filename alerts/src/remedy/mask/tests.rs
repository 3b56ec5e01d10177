use afterglow_history::redact::SPARK_DEFAULT;

use super::*;

fn mask(allowed: Allowed) -> Mask {
    Mask::new(Arc::new(Redactor::new(SPARK_DEFAULT).unwrap()), allowed).unwrap()
}

#[test]
fn no_secret_comes_through() {
    let planted = [
        ("hunter2", "jdbc:postgresql://db.corp:5432/sales?user=app&password=hunter2"),
        ("hunter2", "connect with password=hunter2 failed"),
        ("tiger", "cannot open jdbc:oracle:thin:scott/tiger@db:1521:orcl"),
        ("toor", "jdbc:mysql://root:toor@db/x refused"),
        ("AKIAIOSFODNN7EXAMPLE", "The AWS Access Key Id AKIAIOSFODNN7EXAMPLE does not exist"),
        ("wJalrXUtnFEMI", "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY was refused"),
        ("wJalrXUtnFEMI", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ("dapi0123456789", "catalog answered 401 to dapi0123456789abcdef0123456789abcdef"),
        ("ghp_16C7e42F", "git clone with ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("SflKxwRJ", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"),
        ("abc123def", "Authorization: Bearer abc123def456"),
        ("dXNlcjpw", "authorization: Basic dXNlcjpwYXNz"),
        (
            "kafkapw",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"app\" password=\"kafkapw\";",
        ),
        (
            "alice",
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username='alice' password='x'",
        ),
        ("MIIEvQ", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY----- rest"),
        ("c2lnbmF0dXJl", "https://acc.blob.core.windows.net/c/f?sv=2024&sig=c2lnbmF0dXJl%3D"),
        ("Zm9vYmFy", "DefaultEndpointsProtocol=https;AccountKey=Zm9vYmFyYmF6cXV4;EndpointSuffix=x"),
        ("s3cr3t", "OPTIONS (url 'x', password 's3cr3t')"),
        ("s3cr3t", "fs.s3a.secret.key -> secret_key: s3cr3t"),
        ("anna", "mail anna.b@example.com about it"),
        ("10.2.3.4", "lost executor 3 on 10.2.3.4:7337"),
        ("10-2-3-4", "host ip-10-2-3-4.eu-central-1.compute.internal"),
    ];
    for allowed in [Allowed::default(), Allowed { literals: true, paths: true, names: true }] {
        let mask = mask(allowed);
        for (secret, text) in planted {
            let masked = mask.text(text);
            assert!(!masked.contains(secret), "{allowed:?} {text} -> {masked}");
        }
    }
}

#[test]
fn literals_go_and_names_stay() {
    let mask = mask(Allowed { names: true, ..Allowed::default() });
    for (text, expected) in [
        (
            "SELECT name FROM people p WHERE p.ssn = '123-45-6789' AND age > 42 AND t1.id = p.id",
            "SELECT name FROM people p WHERE p.ssn = '?' AND age > ? AND t1.id = p.id",
        ),
        ("INSERT INTO t VALUES (17, \"Smith\", -3.5e2)", "INSERT INTO t VALUES (?, '?', -?)"),
        ("SELECT 'it''s', 'a\\'b' FROM t -- Smith owes 500", "SELECT '?', '?' FROM t --"),
        ("SELECT /* Smith */ x FROM t", "SELECT x FROM t"),
        ("Filter (isnotnull(name#12) AND (name#12 = John Smith))", "Filter (isnotnull(name#12) AND (name#12 = ?))"),
        ("SortMergeJoin [id#1L], [id#7L], Inner, (x#2 < y#3)", "SortMergeJoin [id#1L], [id#7L], Inner, (x#2 < y#3)"),
        (
            "PushedFilters: [IsNotNull(name), EqualTo(name,Smith), In(city, [Bonn,Ulm])]",
            "PushedFilters: [IsNotNull(name), EqualTo(name,?), In(city,?)]",
        ),
        ("Filter name#3 IN (Smith,Jones)", "Filter name#3 IN (?)"),
        ("Project [Smith AS owner#4, id#1]", "Project [? AS owner#4, id#1]"),
        ("Filter (amount#9 > 1500)", "Filter (amount#9 > ?)"),
        ("it can't be read: unknown column `city`", "it can't be read: unknown column `city`"),
        ("cannot cast \"Smith\" to INT", "cannot cast '?' to INT"),
        ("value 'Smith is unclosed", "value '?'"),
        ("stage 3: 45 % of the run time is garbage collection", "stage 3: 45 % of the run time is garbage collection"),
    ] {
        let mut masked = mask.text(text);
        masked = masked.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(masked, expected);
    }
}

#[test]
fn paths_go_unless_they_are_allowed() {
    let texts = [
        ("FileNotFoundException: s3://bucket/sales/y=2025/part-1.parquet not there", "sales"),
        ("cannot read /home/anna/secret-project/x.csv", "home"),
        ("LOCATION hdfs://nn:8020/warehouse/t", "warehouse"),
        ("file:/data/x", "data"),
        ("wrote sales/year=2025/part-00000.parquet", "sales"),
        ("abfss://raw@acc.dfs.core.windows.net/in", "raw"),
    ];
    for (text, part) in texts {
        let masked = mask(Allowed::default()).text(text);
        assert!(!masked.contains(part) && masked.contains("[path]"), "{text} -> {masked}");
    }
    let shown = mask(Allowed { paths: true, ..Allowed::default() }).text("not there: s3://bucket/sales/x?versionId=1");
    assert_eq!(shown, "not there: s3://bucket/sales/x");
    assert_eq!(mask(Allowed::default()).text("12 MB/s and 3/4 of it"), "12 MB/s and 3/4 of it");
}

#[test]
fn text_is_one_line_without_hidden_characters_and_has_an_end() {
    assert_eq!(plain("a\u{202e}b\u{200b}c\n\td\u{0}e"), "abc d e");
    assert!(mask(Allowed::default()).text(&"x ".repeat(1_000_000)).chars().count() <= LONG + 1);
}

/// Lines of a corpus of `tests/secrets`.
fn corpus(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split('\t').map(|f| f.replace('⏎', "\n")).collect()).collect()
}

#[test]
fn no_planted_secret_or_literal_is_sent() {
    let all = corpus(include_str!("../../../../tests/secrets/planted.txt"));
    let mask = mask(Allowed::default());
    let mut leaks = Vec::new();
    for case in &all {
        let masked = mask.text(&case[2]);
        if masked.contains(&case[1]) {
            leaks.push(format!("{}: {} -> {masked}", case[0], case[2]));
        }
    }
    let bound = all.len() / 100;
    assert!(all.len() >= 250 && leaks.len() <= bound, "{} of {}:\n{}", leaks.len(), all.len(), leaks.join("\n"));
}

#[test]
fn what_advice_rests_on_is_sent() {
    let mut all = corpus(include_str!("../../../../tests/secrets/harmless.txt"));
    all.retain(|case| case[0] == "prompt");
    let mask = mask(Allowed::default());
    let changed: Vec<_> = all.iter().map(|c| (&c[1], mask.text(&c[1]))).filter(|(a, b)| *a != b).collect();
    assert!(all.len() >= 30 && changed.is_empty(), "{changed:#?}");
}

#[test]
fn names_are_sent_only_if_they_may() {
    let text = "Filter (isnotnull(salary#9) AND (salary#9 > 150000)), PushedFilters: [EqualTo(city,Bonn)]";
    assert_eq!(
        mask(Allowed::default()).text(text),
        "Filter (isnotnull(?#9) AND (?#9 > ?)), PushedFilters: [EqualTo(?)]"
    );
    assert_eq!(
        mask(Allowed { names: true, ..Allowed::default() }).text(text),
        "Filter (isnotnull(salary#9) AND (salary#9 > ?)), PushedFilters: [EqualTo(city,?)]"
    );
}
