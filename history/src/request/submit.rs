//! Arguments of `spark-submit` and `spark-sql`: options, and the settings that they stand for.

use super::document::Node;
use super::shape::{count, text};
use super::{Problem, Setting};

/// Options and the settings that they stand for; they win over `--conf`.
const OPTIONS: [(&str, &str); 21] = [
    ("--name", "spark.app.name"),
    ("--master", "spark.master"),
    ("--remote", "spark.remote"),
    ("--deploy-mode", "spark.submit.deployMode"),
    ("--driver-memory", "spark.driver.memory"),
    ("--driver-cores", "spark.driver.cores"),
    ("--driver-java-options", "spark.driver.extraJavaOptions"),
    ("--driver-library-path", "spark.driver.extraLibraryPath"),
    ("--driver-class-path", "spark.driver.extraClassPath"),
    ("--executor-memory", "spark.executor.memory"),
    ("--executor-cores", "spark.executor.cores"),
    ("--total-executor-cores", "spark.cores.max"),
    ("--num-executors", "spark.executor.instances"),
    ("--queue", "spark.yarn.queue"),
    ("--jars", "spark.jars"),
    ("--packages", "spark.jars.packages"),
    ("--exclude-packages", "spark.jars.excludes"),
    ("--repositories", "spark.jars.repositories"),
    ("--py-files", "spark.submit.pyFiles"),
    ("--files", "spark.files"),
    ("--archives", "spark.archives"),
];
const PROPERTIES_FILE: &str = "--properties-file";
const LOAD_DEFAULTS: &str = "--load-spark-defaults";
/// Options that are no settings and have a value.
const OTHERS: [&str; 7] = ["--class", PROPERTIES_FILE, "--principal", "--keytab", "--proxy-user", "--status", "--kill"];
/// Those without a value.
const FLAGS: [&str; 7] = ["--verbose", "--supervise", "-v", LOAD_DEFAULTS, "--version", "--help", "-h"];
/// What only `spark-sql` has.
const SQL_OTHERS: [&str; 8] = ["-d", "--define", "--database", "-e", "-f", "--hiveconf", "--hivevar", "-i"];
const SQL_FLAGS: [&str; 3] = ["-S", "--silent", "-H"];

/// Which program has the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Submit,
    Sql,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Submit => "spark-submit",
            Program::Sql => "spark-sql",
        }
    }

    fn has(self, word: &str, of_both: &[&str], of_sql: &[&str]) -> bool {
        of_both.contains(&word) || (self == Program::Sql && of_sql.contains(&word))
    }

    fn is_option(self, word: &str) -> bool {
        matches!(word, "--conf" | "-c")
            || OPTIONS.iter().any(|(option, _)| *option == word)
            || self.has(word, &OTHERS, &SQL_OTHERS)
            || self.has(word, &FLAGS, &SQL_FLAGS)
    }
}

/// What a line of arguments says.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Those that win last.
    pub settings: Vec<Setting>,
    /// A file of settings is read in the place of `spark-defaults`.
    pub no_defaults: bool,
}

/// Reads a line of arguments.
pub fn arguments(line: &Node, program: Program, from: &'static str, problems: &mut Vec<Problem>) -> Arguments {
    let name = program.name();
    let Some(said) = text(line, from, problems) else { return Arguments::default() };
    let mut joined = said.to_owned();
    if said.contains("\\\n") || said.contains("\\\r\n") {
        let what = format!("{from}: a backslash at the end of a line is for shells: leave it out, and write one line");
        problems.push(line.problem(what));
        joined = said.replace("\\\r\n", " ").replace("\\\n", " ");
    }
    let Some(words) = shlex::split(&joined) else {
        problems.push(line.problem(format!("{from}: a quote is not closed")));
        return Arguments::default();
    };
    if has_comment(&joined) {
        let what = format!("{from}: `#` begins a comment, and what is behind it is left out: put it in quotes");
        problems.push(line.problem(what));
    }
    let (mut confs, mut options) = (Vec::new(), Vec::new());
    let (mut has_file, mut loads) = (false, false);
    let set = |name: &str, value: &str| Setting::new(name, value, from, line);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (word, joined) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") && !value.is_empty() => (option, Some(value)),
            _ => (word, None),
        };
        if program.has(word, &FLAGS, &SQL_FLAGS) {
            loads |= word == LOAD_DEFAULTS;
            continue;
        }
        if !program.is_option(word) {
            problems.push(line.problem(if word.starts_with('-') {
                format!("{from}: {name} has no option `{word}`")
            } else {
                format!("{from}: `{word}` belongs to no option: settings are written as --conf NAME=VALUE")
            }));
            continue;
        }
        // It takes the next word, whatever that is.
        let Some(value) = joined.or_else(|| words.next()) else {
            problems.push(line.problem(format!("{from}: `{word}` has no value")));
            continue;
        };
        if joined.is_none() && program.is_option(value) {
            let what = format!("{from}: `{word}` has no value: {name} takes the next word, `{value}`, for it");
            problems.push(line.problem(what));
        }
        has_file |= word == PROPERTIES_FILE;
        if let Some((_, setting)) = OPTIONS.iter().find(|(option, _)| *option == word) {
            options.push(set(setting, value));
        } else if matches!(word, "--conf" | "-c") {
            match value.split_once('=') {
                Some((name, value)) => confs.push(set(name.trim(), value)),
                None => {
                    let what = format!("{from}: `--conf {value}` has no `=`: write --conf NAME=VALUE");
                    problems.push(line.problem(what));
                }
            }
        }
    }
    confs.extend(options);
    Arguments { settings: confs, no_defaults: has_file && !loads }
}

/// Whether a word begins with `#` outside of quotes.
fn has_comment(text: &str) -> bool {
    let (mut quote, mut begins, mut escaped) = (None, true, false);
    for c in text.chars() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('#', None) if begins => return true,
            _ => {}
        }
        begins = quote.is_none() && !escaped && c.is_ascii_whitespace();
    }
    false
}

/// Tells settings of `spark-defaults` that are not read, and takes them away.
pub fn without_defaults(line: &Node, from: &str, defaults: &mut Vec<Setting>, problems: &mut Vec<Problem>) {
    if !defaults.is_empty() {
        let count = count(defaults.len(), "setting");
        problems.push(line.problem(format!(
            "{from}: with {PROPERTIES_FILE}, spark-defaults ({count}) is not read: write its settings into that file, or add {LOAD_DEFAULTS} (Spark 4)"
        )));
        defaults.clear();
    }
}
