//! Arguments of `spark-submit`: options, and the settings that they stand for.

use super::document::Node;
use super::{Problem, Setting};

/// Options and the settings that they stand for; they win over `--conf`.
const OPTIONS: [(&str, &str); 20] = [
    ("--name", "spark.app.name"),
    ("--master", "spark.master"),
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
/// Options that are no settings and have a value.
const OTHERS: [&str; 7] =
    ["--class", "--properties-file", "--principal", "--keytab", "--proxy-user", "--status", "--kill"];
/// Those without a value.
const FLAGS: [&str; 3] = ["--verbose", "--supervise", "-v"];

/// What a line of arguments sets, those that win last.
pub fn settings(line: &Node, from: &'static str, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let Some(text) = line.text() else {
        problems.push(line.problem(format!("{from} is a text: write the arguments of spark-submit as one")));
        return Vec::new();
    };
    let Some(words) = shlex::split(text) else {
        problems.push(line.problem(format!("{from}: a quote is not closed")));
        return Vec::new();
    };
    let (mut confs, mut options) = (Vec::new(), Vec::new());
    let set = |name: &str, value: &str| Setting::new(name, value, from, line);
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let (word, joined) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        if FLAGS.contains(&word) {
            continue;
        }
        let setting = OPTIONS.iter().find(|(option, _)| *option == word).map(|(_, name)| *name);
        let conf = matches!(word, "--conf" | "-c");
        if !conf && setting.is_none() && !OTHERS.contains(&word) {
            problems.push(line.problem(if word.starts_with('-') {
                format!("{from}: spark-submit has no option `{word}`")
            } else {
                format!("{from}: `{word}` belongs to no option: settings are written as --conf NAME=VALUE")
            }));
            continue;
        }
        let value = joined.or_else(|| words.next_if(|next| !next.starts_with("--")));
        let Some(value) = value else {
            problems.push(line.problem(format!("{from}: `{word}` has no value")));
            continue;
        };
        match (setting, conf.then(|| value.split_once('='))) {
            (Some(name), _) => options.push(set(name, value)),
            (None, Some(Some((name, value)))) => confs.push(set(name.trim(), value)),
            (None, Some(None)) => {
                problems.push(line.problem(format!("{from}: `--conf {value}` has no `=`: write --conf NAME=VALUE")));
            }
            (None, None) => {}
        }
    }
    confs.extend(options);
    confs
}
