use super::*;

fn redactor() -> &'static Redactor {
    static ONE: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();
    ONE.get_or_init(|| Redactor::new(SPARK_DEFAULT).unwrap())
}

/// Lines of a corpus of `tests/secrets`: fields between tabs, with `⏎` for the end of a line.
fn corpus(text: &str) -> Vec<Vec<String>> {
    let fields = |line: &str| line.split('\t').map(|f| f.replace('⏎', "\n")).collect();
    text.lines().map(fields).collect()
}

#[test]
fn planted_secrets_do_not_come_through() {
    // Literals are no secrets: prompts are without them, and pages have them.
    let mut all = corpus(include_str!("../../../tests/secrets/planted.txt"));
    all.retain(|case| case[0] != "prompt");
    let redactor = redactor();
    let mut leaks = Vec::new();
    for case in &all {
        let masked = redactor.text(&case[2]);
        if masked.contains(&case[1]) {
            leaks.push(format!("{}: {} -> {masked}", case[0], case[2]));
        }
    }
    let bound = all.len() / 100;
    assert!(all.len() >= 200 && leaks.len() <= bound, "{} of {}:\n{}", leaks.len(), all.len(), leaks.join("\n"));
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let all = corpus(include_str!("../../../tests/secrets/harmless.txt"));
    let redactor = redactor();
    let mut changed = Vec::new();
    for case in &all {
        let masked = redactor.text(&case[1]);
        if masked != case[1] {
            changed.push(format!("{}: {} -> {masked}", case[0], case[1]));
        }
    }
    let bound = all.len() / 200;
    assert!(all.len() >= 200 && changed.len() <= bound, "{} of {}:\n{}", changed.len(), all.len(), changed.join("\n"));
}

#[test]
fn masked_json_is_still_json() {
    for text in [
        r#"{"a":1,"password":"x\"y","token":"abc","n":{"secret":12345678,"k":[1]},"sasl.jaas.config":"a b=\"c\";"}"#,
        r#"{"d":"{\"password\":\"hunter2\",\"b\":1}","e":"jdbc:x?password=hunter2\nb","f":"u:\\password=a\\b"}"#,
        r#"{"options":{"url":"https://u:p@h/x"},"passwords":["a","b"]}"#,
    ] {
        let masked = redactor().text(text).into_owned();
        assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{masked}");
        assert!(masked.contains(REDACTED) && !masked.contains("hunter2"), "{masked}");
    }
}

#[test]
fn masks_properties_as_spark_does_and_further() {
    let pairs = [
        ("spark.db.password", "hunter2"),
        ("spark.hadoop.fs.s3a.secret.key", "x"),
        ("kafka.sasl.jaas.config", "org.apache.kafka...ScramLoginModule required"),
        ("spark.sql.catalog.uc.token", "dapi"),
        ("kafka.sasl.mechanism", "AWS_MSK_IAM"),
        ("kafka.security.protocol", "SASL_SSL"),
        ("spark.app.name", "daily load"),
    ];
    let masked = redactor().properties(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec());
    let shown: Vec<&str> = masked.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(shown, [REDACTED, REDACTED, REDACTED, REDACTED, "AWS_MSK_IAM", "SASL_SSL", "daily load"]);
}

#[test]
fn a_rule_of_ones_own_may_ask_for_begin_and_end() {
    let pairs = || {
        let all = [("a", "1"), ("pin", "2"), ("spin", "3"), ("b", "pin"), ("c", "x\npin")];
        all.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec()
    };
    let shown = |rule: &str| {
        let masked = Redactor::new(rule).unwrap().properties(pairs());
        masked.into_iter().map(|(_, v)| if v == REDACTED { "*".to_owned() } else { v }).collect::<Vec<_>>()
    };
    assert_eq!(shown("^pin$"), ["1", "*", "3", "*", "x\npin"]);
    assert_eq!(shown("pin"), ["1", "*", "*", "*", "*"]);
    assert_eq!(shown("z*"), ["*"; 5]);
}

proptest::proptest! {
    /// The fast search passes nothing by that the rules would mask.
    #[test]
    fn every_secret_is_suspected(words in proptest::collection::vec(proptest::sample::select(WORDS), 1..6)) {
        let redactor = redactor();
        let text = words.concat();
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let hidden = redactor.hides(&text, "v");
        let masked = if redactor.property.is_match(&text) { REDACTED.into() } else { redactor.text(&text) };
        proptest::prop_assert_eq!(&redactor.properties(pair("k", &text))[0].1, &*masked);
        proptest::prop_assert_eq!(redactor.properties(pair(&text, "v"))[0].1 == REDACTED, hidden);
    }
}

const WORDS: &[&str] = &[
    "jaas",
    "sasl",
    ".",
    "_",
    "config",
    "passwd",
    "PWD",
    "passphrase",
    "private",
    "-",
    "key",
    "api",
    "account",
    "access",
    "Secret",
    "token",
    "credentials",
    " ",
    "=",
    "'x'",
    "\"y\"",
    "://",
    "user",
    ":",
    "@",
    "host",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJI",
    "eyJzdWIiOiIx",
    "SflKxwRJSMeK",
    "\n",
    "/",
];

#[test]
fn masks_only_the_secret_in_text() {
    let cases = [
        ("OPTIONS (url 'jdbc:x', password 'p')", "OPTIONS (url 'jdbc:x', password '*********(redacted)')"),
        ("OPTIONS (password = 'hunter2', dbtable 't')", "OPTIONS (password = '*********(redacted)', dbtable 't')"),
        (
            "jdbc:postgresql://h/db?user=a&password=hunter2&ssl=1",
            "jdbc:postgresql://h/db?user=a&password=*********(redacted)&ssl=1",
        ),
        ("COPY INTO t FROM 's3://b' AKIAIOSFODNN7EXAMPLE", "COPY INTO t FROM 's3://b' *********(redacted)"),
        ("jdbc:mysql://root:toor@db/x", "jdbc:mysql://*********(redacted)@db/x"),
        ("Project [token#1, key#2]", "Project [token#1, key#2]"),
    ];
    for (text, expected) in cases {
        assert_eq!(redactor().text(text), expected, "{text}");
    }
}
