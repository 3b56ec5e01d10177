//! What is known to be harmless: words that Spark, Java and we ourselves use, names of operators, functions and types, names of
//! Spark's settings and of well-known classes, and numbers that are no longer than measures are.

use std::collections::HashSet;
use std::sync::LazyLock;

static PROSE: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("prose.txt").split_whitespace().collect());
static SQL: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("sql.txt").split_whitespace().collect());
static PLAN: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("plan.txt").split_whitespace().collect());

/// Words that are also names of people: with a capital, they stay only where a sentence begins.
const NAMES: &[&str] = &[
    "art", "bond", "case", "chase", "cook", "day", "dean", "drew", "field", "fields", "gold", "grace", "green", "hand",
    "head", "hope", "joy", "king", "knight", "long", "love", "major", "mason", "may", "north", "page", "pierce",
    "pool", "power", "powers", "price", "prince", "ray", "rich", "stone", "strong", "swift", "wade", "walker", "ward",
    "west", "wells", "woods", "young", "best", "little", "sharp", "short", "good", "driver", "porter", "carter",
    "parker",
];

/// Where classes are whose names say nothing of those who use them.
const CLASSES: &[&str] = &[
    "com.amazonaws.",
    "com.databricks.",
    "com.datastax.",
    "com.google.cloud.",
    "com.microsoft.azure.",
    "com.mysql.",
    "com.sun.",
    "io.delta.",
    "io.netty.",
    "java.",
    "javax.",
    "jdk.",
    "net.snowflake.",
    "oracle.jdbc.",
    "org.apache.",
    "org.postgresql.",
    "org.rocksdb.",
    "org.xerial.",
    "py4j.",
    "pyspark.",
    "scala.",
    "software.amazon.",
    "sun.",
];

const UNITS: &[&str] = &[
    "", "b", "k", "m", "g", "t", "p", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "ms", "s", "sec", "min", "h",
    "d", "us", "ns", "x", "e", "th", "st", "nd", "rd", "bytes", "cores",
];

/// Two words about a slash that are no path.
const SLASHED: &[&str] =
    &["i/o", "and/or", "read/write", "input/output", "n/a", "client/server", "on/off", "key/value"];

/// A word of a sentence; `begins` if it is the first.
pub fn word(word: &str, begins: bool) -> bool {
    let capital =
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word[1..].bytes().all(|b| b.is_ascii_lowercase());
    let lower = word.to_ascii_lowercase();
    if capital && !begins && NAMES.contains(&lower.as_str()) {
        return false;
    }
    class(word) || plan(word) || sql(&lower) || parts(word).all(|part| part.len() == 1 || listed(&part))
}

fn listed(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = part.len() - letters.len();
    PROSE.contains(part) || digits <= 3 && (PROSE.contains(letters) || letters.len() == 1 || letters.is_empty())
}

/// A word of SQL: keyword, function or type, in lower case.
pub fn sql(lower: &str) -> bool {
    let whole = ["partial_", "merge_", "finalmerge_", "complete_"].iter().find_map(|p| lower.strip_prefix(p));
    SQL.contains(lower) || whole.is_some_and(|f| SQL.contains(f))
}

/// The name of an operator, or another word of plans.
pub fn plan(word: &str) -> bool {
    PLAN.contains(word)
}

/// The name of a class of Spark, Java, Hadoop and their kin.
pub fn class(word: &str) -> bool {
    CLASSES.iter().any(|c| word.starts_with(c))
}

/// A number with or without a unit: a measure, a version, a time of day.
pub fn number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '%'));
    digits <= 11 && UNITS.contains(&unit.to_ascii_lowercase().as_str())
}

/// `3/4`, `MB/s`, `read/write`.
pub fn slashed(text: &str) -> bool {
    let measure =
        |part: &str| UNITS.contains(&part) || number(part) && !part.is_empty() || part == "rows" || part == "task";
    SLASHED.contains(&text.to_ascii_lowercase().as_str())
        || text.strip_prefix("java.base/").is_some_and(class)
        || text.split('/').count() == 2 && text.to_ascii_lowercase().split('/').all(|p| !p.is_empty() && measure(p))
}

/// Parts of a word in lower case: `OutOfMemoryError`, `spark.sql.shuffle.partitions`, `gc-pressure`, `FETCH_FAILED`.
fn parts(word: &str) -> impl Iterator<Item = String> {
    let mut out = vec![String::new()];
    let all: Vec<char> = word.chars().collect();
    for (i, c) in all.iter().enumerate() {
        let before = i.checked_sub(1).map_or(' ', |i| all[i]);
        let next = all.get(i + 1).copied().unwrap_or(' ');
        let humps = c.is_uppercase() && (before.is_lowercase() || before.is_uppercase() && next.is_lowercase());
        if humps || matches!(c, '.' | '-' | '_' | '$' | '\'') {
            out.push(String::new());
        }
        if !matches!(c, '.' | '-' | '_' | '$' | '\'')
            && let Some(last) = out.last_mut()
        {
            last.extend(c.to_lowercase());
        }
    }
    out.into_iter().filter(|p| !p.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spark_says_is_known_and_names_are_not() {
        for known in [
            "OutOfMemoryError",
            "spark.sql.shuffle.partitions",
            "gc-pressure",
            "org.apache.spark.SparkException",
            "SortMergeJoin",
            "executor",
            "BIGINT",
            "can't",
            "java.lang.OutOfMemoryError",
            "RocksDB",
            "FileNotFoundException",
        ] {
            assert!(word(known, false), "{known}");
        }
        for other in
            ["Smith", "Margaret", "Hill", "acme", "AcmePayrollException", "salaries", "Müller", "customer", "Page"]
        {
            assert!(!word(other, false), "{other}");
        }
        assert!(number("126000") && number("4g") && number("3.5.1") && !number("4111111111111111") && !number("0x1f"));
        assert!(slashed("MB/s") && slashed("3/4") && !slashed("payroll/salaries"));
    }
}
