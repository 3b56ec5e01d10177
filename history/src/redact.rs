//! Masks secrets before anything is stored: property values by Spark's own rule (key or value
//! matches `spark.redaction.regex`) and a wider one of ours; in free text (SQL, plans, errors,
//! descriptions) only the secret itself.

use std::borrow::Cow;

use regex::Regex;

/// Spark's replacement text, which clients know.
pub const REDACTED: &str = "*********(redacted)";

/// Default of `spark.redaction.regex` in Spark 4.3.
pub const SPARK_DEFAULT: &str = r"(?i)secret|password|token|access[.]?key|credential";

/// Keys whose values Spark would show: JAAS configurations, pass phrases, private keys, and
/// JDBC user info in the `jdbc.*` options.
const KEYS: &str = r"(?i)jaas[.]config|passwd|passphrase|private[._-]?key|api[._-]?key|account[.]key";

/// Secrets inside text, after `name = ` or, quoted, after `name `; the groups stay, the rest is masked.
const TEXT: &str = concat!(
    r#"(?i)(\b(?:password|passwd|pwd|secret|secret[._-]?key|access[._-]?key|api[._-]?key|account[._-]?key|[a-z]*token|credentials?|sasl[._]jaas[._]config)"#,
    r#"["'`]?\s*(?:=>|=|:)\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\"(?:[^"\\])*\\"|[^\s"'`,;&)}\]\\]+)"#,
    r#"|(\b(?:password|passwd|secret|secret[._-]?key|access[._-]?key|api[._-]?key|token)["'`]?\s+)(?:"[^"]+"|'[^']+')"#,
);

/// Secrets that show by their own shape: AWS access key ids, user info in URLs, JWTs.
const SHAPES: &str = concat!(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    r"|(?:://)[^\s/:@'\x22]+:[^\s/@'\x22]+@",
);

/// Some text that every secret of [`KEYS`], [`TEXT`] and [`SHAPES`] has in it or beside it: found fast, as it
/// begins with a letter that is known. Of letters that only Unicode calls the same (a Kelvin sign for a k) it knows nothing.
const SUSPECT: &str = concat!(
    r"(?i-u:jaas[._]config|passwd|passphrase|password|pwd|secret|token|credential|private[._-]?key|api[._-]?key|account[._-]?key|access[._-]?key)",
    r"|AKIA|ASIA|eyJ|://[^\s/:@'\x22]+:[^\s/@'\x22]+@",
);

/// The rules in force; compiled once a process.
pub struct Redactor {
    property: Regex,
    keys: Regex,
    text: Regex,
    shapes: Regex,
    /// Where one of these may match; none if `property` may ask where a text begins or ends.
    any: Option<Regex>,
}

impl Redactor {
    /// `property` is matched against keys and values of properties, as Spark does.
    pub fn new(property: &str) -> Result<Self, regex::Error> {
        let any = format!("(?:{property})|(?:{SUSPECT})");
        let anchored = property.contains(['^', '$', '\\']);
        Ok(Redactor {
            property: Regex::new(property)?,
            keys: Regex::new(KEYS)?,
            text: Regex::new(TEXT)?,
            shapes: Regex::new(SHAPES)?,
            any: if anchored { None } else { Regex::new(&any).ok() },
        })
    }

    /// Masks the values of a list of properties.
    pub fn properties(&self, mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        let suspects = self.suspects(&pairs);
        for ((key, value), _) in pairs.iter_mut().zip(suspects).filter(|(_, suspect)| *suspect) {
            if self.property.is_match(key) || self.keys.is_match(key) || self.property.is_match(value) {
                REDACTED.clone_into(value);
            } else if let Cow::Owned(masked) = self.text(value) {
                *value = masked;
            }
        }
        pairs
    }

    /// Which pairs may hold something to mask: few do, and one search over all of them costs less
    /// than one in each.
    fn suspects(&self, pairs: &[(String, String)]) -> Vec<bool> {
        let Some(any) = &self.any else { return vec![true; pairs.len()] };
        let mut all = String::new();
        let ends: Vec<usize> = pairs
            .iter()
            .map(|(key, value)| {
                for text in [key, value] {
                    all.push_str(text);
                    all.push('\n');
                }
                all.len()
            })
            .collect();
        let mut suspects = vec![false; pairs.len()];
        for found in any.find_iter(&all) {
            let first = ends.partition_point(|end| *end <= found.start());
            let last = ends.partition_point(|end| *end < found.end());
            suspects.iter_mut().take(last + 1).skip(first).for_each(|s| *s = true);
        }
        suspects
    }

    /// Masks the secrets inside free text.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let first = if self.text.is_match(text) {
            Cow::Owned(self.text.replace_all(text, format!("${{1}}${{2}}{REDACTED}")).into_owned())
        } else {
            Cow::Borrowed(text)
        };
        if self.shapes.is_match(&first) {
            Cow::Owned(self.shapes.replace_all(&first, REDACTED).into_owned())
        } else {
            first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(SPARK_DEFAULT).unwrap()
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
            let hidden = redactor.property.is_match(&text) || redactor.keys.is_match(&text);
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
            ("OPTIONS (url 'jdbc:x', password 'p')", "OPTIONS (url 'jdbc:x', password *********(redacted))"),
            ("OPTIONS (password = 'hunter2', dbtable 't')", "OPTIONS (password = *********(redacted), dbtable 't')"),
            (
                "jdbc:postgresql://h/db?user=a&password=hunter2&ssl=1",
                "jdbc:postgresql://h/db?user=a&password=*********(redacted)&ssl=1",
            ),
            ("COPY INTO t FROM 's3://b' AKIAIOSFODNN7EXAMPLE", "COPY INTO t FROM 's3://b' *********(redacted)"),
            ("jdbc:mysql://root:toor@db/x", "jdbc:mysql*********(redacted)db/x"),
            ("Project [token#1, key#2]", "Project [token#1, key#2]"),
        ];
        for (text, expected) in cases {
            assert_eq!(redactor().text(text), expected, "{text}");
        }
    }
}
