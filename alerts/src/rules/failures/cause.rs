//! What kind of thing an error is, told from its text, and what helps.

use afterglow_history::insight::outcome::{first_line, is_cancelled};
use afterglow_history::insight::removal::{self, Removal};

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, Setting};

/// The kinds of errors that ask for different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Cancelled,
    /// The driver stopped while it worked.
    Stopped,
    FetchFailed,
    ExecutorLost,
    /// An executor that its container's limit or a signal ended.
    ExecutorKilled,
    HeapFull,
    ResultTooLarge,
    Broadcast,
    DiskFull,
    PythonWorker,
    Excluded,
    KryoBuffer,
    NotSerializable,
    Access,
    Throttled,
    MissingFile,
    BadFile,
    MissingClass,
    BadValue,
    Analysis,
    CommitDenied,
    Timeout,
    PythonError,
    Other,
}

use Cause::*;

/// Words, in lower case, by what they mean; the first cause that has one in the text is it.
const WORDS: &[(Cause, &[&str])] = &[
    (Stopped, &["cancelled because sparkcontext was shut down"]),
    (ResultTooLarge, &["is bigger than spark.driver.maxresultsize", "bigger than local result size limit"]),
    (
        Broadcast,
        &["cannot broadcast the table", "not enough memory to build and broadcast", "could not execute broadcast in"],
    ),
    (
        HeapFull,
        &[
            "outofmemoryerror",
            "gc overhead limit exceeded",
            "unable_to_acquire_memory",
            "bytes of memory, got",
            "requested array size exceeds",
        ],
    ),
    (DiskFull, &["no space left on device", "disk quota exceeded"]),
    (PythonWorker, &["python worker exited unexpectedly", "python worker failed to connect back"]),
    (Excluded, &["cannot run anywhere due to node and executor"]),
    (KryoBuffer, &["kryo serialization failed: buffer overflow"]),
    (NotSerializable, &["task not serializable", "notserializableexception"]),
    (
        Access,
        &[
            "accessdenied",
            "access denied",
            "accesscontrolexception",
            "permission denied",
            "expiredtoken",
            "not authorized to perform",
        ],
    ),
    (Throttled, &["slowdown", "slow down", "reduce your request rate", "rate exceeded", "toomanyrequests"]),
    (
        MissingFile,
        &[
            "filenotfoundexception",
            "file does not exist",
            "nosuchkey",
            "path_not_found",
            "the underlying files have been updated",
        ],
    ),
    (
        BadFile,
        &["is not a parquet file", "could not read footer", "malformed orc", "corrupt", "cannot_read_file_footer"],
    ),
    (MissingClass, &["classnotfoundexception", "noclassdeffounderror", "nosuchmethoderror", "modulenotfounderror"]),
    (
        BadValue,
        &[
            "[divide_by_zero",
            "[cast_invalid_input",
            "[cast_overflow",
            "[arithmetic_overflow",
            "numberformatexception",
            "arithmeticexception",
            "[user_raised_exception",
        ],
    ),
    (
        Analysis,
        &[
            "analysisexception",
            "[table_or_view_not_found",
            "[unresolved_column",
            "[parse_syntax_error",
            "parseexception",
        ],
    ),
    (CommitDenied, &["taskcommitdenied", "commitdeniedexception"]),
    (
        Timeout,
        &["rpctimeoutexception", "futures timed out", "read timed out", "connection reset", "connection refused"],
    ),
    (PythonError, &["pythonexception", "traceback (most recent call last)"]),
];

impl Cause {
    /// What an error text is about.
    pub fn of(error: &str) -> Self {
        let text = error.to_lowercase();
        // What the scheduler says itself comes first: these quote other errors.
        if text.contains("fetchfailed(") || text.contains("fetchfailedexception") {
            return FetchFailed;
        }
        if text.contains("executorlostfailure") {
            return match removal::class(error) {
                Removal::OutOfMemory | Removal::Killed => ExecutorKilled,
                _ => ExecutorLost,
            };
        }
        if is_cancelled(error) {
            return Cancelled;
        }
        let found = WORDS.iter().find(|(_, words)| words.iter().any(|w| text.contains(w)));
        found.map_or(Other, |(cause, _)| *cause)
    }

    /// As `heap full`: a few words for people.
    pub fn name(self) -> &'static str {
        match self {
            Cancelled => "cancelled",
            Stopped => "driver stopped",
            FetchFailed => "fetch failed",
            ExecutorLost => "executor lost",
            ExecutorKilled => "executor killed, probably for its memory",
            HeapFull => "out of memory",
            ResultTooLarge => "result too large for the driver",
            Broadcast => "broadcast failed",
            DiskFull => "disk full",
            PythonWorker => "Python worker died",
            Excluded => "every executor excluded",
            KryoBuffer => "Kryo buffer too small",
            NotSerializable => "not serializable",
            Access => "access denied",
            Throttled => "throttled by the storage",
            MissingFile => "file missing",
            BadFile => "file unreadable",
            MissingClass => "class or module missing",
            BadValue => "bad value in the data",
            Analysis => "query not valid",
            CommitDenied => "commit denied",
            Timeout => "timeout or broken connection",
            PythonError => "error in Python code",
            Other => "other error",
        }
    }

    /// What helps.
    pub fn advice(self, facts: &Facts) -> Vec<Advice> {
        match self {
            HeapFull => vec![
                grown(
                    facts,
                    heap_key(facts),
                    1 << 30,
                    "half as much heap again; what a task holds must fit beside what others hold",
                ),
                does("or give each task less: more partitions, or fewer cores for an executor"),
            ],
            ExecutorKilled => {
                let why = does("see in the container's log whether the kernel or the cluster manager killed it");
                overhead(facts).into_iter().chain([why]).collect()
            }
            ResultTooLarge => vec![
                does("write the result instead of collecting it: collect and toPandas bring all of it to the driver"),
                grown(facts, "spark.driver.maxResultSize", 1 << 30, "only if the driver's heap has room for it"),
            ],
            Broadcast => vec![
                set(
                    facts,
                    "spark.sql.autoBroadcastJoinThreshold",
                    "-1",
                    "no table is broadcast for its estimated size; drop broadcast hints, too",
                    (0, 0),
                ),
                set(
                    facts,
                    "spark.sql.broadcastTimeout",
                    "1200",
                    "if the table must be broadcast, and takes long to compute",
                    (0, 0),
                ),
            ],
            DiskFull => vec![
                does("larger local disks, or more of them in spark.local.dir: shuffle and spill fill them"),
                does("more executors on other nodes spread what is written"),
            ],
            PythonWorker => {
                let why = "the next crash then says in which Python line it happened";
                let line = set(facts, "spark.python.worker.faulthandler.enabled", "true", why, (3, 2));
                overhead(facts).into_iter().chain([line]).collect()
            }
            Excluded => vec![does(
                "look at the failures that led to the exclusions first: spark.excludeOnFailure.* only says how many are too many",
            )],
            KryoBuffer => vec![set(
                facts,
                "spark.kryoserializer.buffer.max",
                "512m",
                "one object, as it is serialized, must fit",
                (0, 0),
            )],
            NotSerializable => vec![does(
                "what a function refers to is sent to the executors with it: make it there, or mark it transient",
            )],
            Access => {
                vec![does("see which role the job ran with, and what it may do to the path that the error names")]
            }
            Throttled => vec![does(
                "fewer requests at once: larger files, fewer partitions in a path, fewer tasks; or more prefixes",
            )],
            MissingFile => vec![does(
                "somebody removed or overwrote files while they were read: run the writer before or after, or use a table format with snapshots",
            )],
            BadFile => vec![does(
                "find who wrote the file that the error names; spark.sql.files.ignoreCorruptFiles leaves such files out without a word",
            )],
            MissingClass => vec![does(
                "bring the library with the job (--packages, --jars, --py-files), built for this version of Spark and Scala",
            )],
            BadValue => vec![does(
                "look at the rows that the error is about; try_cast and try_divide give null in place of an error",
            )],
            Analysis => vec![does("a name or an expression in the query is wrong: the error says which")],
            CommitDenied => vec![does(
                "two attempts of a task wrote at once: see that speculation is off where output is not idempotent",
            )],
            Timeout => vec![
                does("look first at who did not answer: long garbage collection, a lost node, a full driver"),
                set(facts, "spark.network.timeout", "300s", "only if they were alive and slow", (0, 0)),
            ],
            Stopped => vec![does(
                "see who stopped the driver while the job ran: a person, the cluster manager, another thread that failed",
            )],
            FetchFailed => vec![does("see why the executor that had the shuffle files went, or could not answer")],
            ExecutorLost => vec![does("see why the executor went")],
            PythonError | Other => {
                vec![does("the error's own words are the best advice there is: it comes from the job's code or data")]
            }
            Cancelled => Vec::new(),
        }
    }
}

/// Lines of an error that are looked at for one that says more.
const LINES: usize = 1_000;

/// The line of an error that says what kind it is: the one of its last cause, unless that says less than one before.
pub fn telling_line(error: &str) -> String {
    let (line, cause) = (first_line(error), Cause::of(error));
    // Of Python's errors the exception says most, and not that it is one.
    if matches!(cause, Other | PythonError) || Cause::of(&line) == cause {
        return line;
    }
    let telling = error.lines().take(LINES).find(|l| Cause::of(l) == cause);
    telling.map_or(line, |l| first_line(l.trim().trim_start_matches("Caused by: ")))
}

fn does(text: &str) -> Advice {
    Advice::Do(text.to_owned())
}

fn heap_key(facts: &Facts) -> &'static str {
    // A local application has one heap, the driver's.
    if facts.is_local() { "spark.driver.memory" } else { "spark.executor.memory" }
}

fn set(facts: &Facts, key: &'static str, suggested: &str, why: &str, since: (u32, u32)) -> Advice {
    Advice::Set(Setting {
        key,
        current: facts.conf.current(key),
        suggested: suggested.to_owned(),
        why: why.to_owned(),
        since,
    })
}

/// Half as much again; `default` are bytes, and settings without unit are in mebibytes.
fn grown(facts: &Facts, key: &'static str, default: i64, why: &str) -> Advice {
    let now = facts.conf.bytes(key, 1 << 20).filter(|n| *n > 0).unwrap_or(default);
    set(facts, key, &as_setting(now.saturating_add(now / 2)), why, (0, 0))
}

/// That executors that are told to go move their blocks away first; empty where it is on.
pub fn decommission(facts: &Facts) -> Vec<Advice> {
    if facts.conf.flag("spark.decommission.enabled", false) {
        return Vec::new();
    }
    let on = |key, why: &str| set(facts, key, "true", why, (3, 1));
    let mut out = vec![
        on("spark.decommission.enabled", "an executor that is warned finishes its tasks and moves its blocks"),
        on("spark.storage.decommission.enabled", "blocks are moved when an executor is decommissioned"),
    ];
    // From Spark 3.4 on that is the default.
    if facts.conf.version < (3, 4) {
        out.push(on("spark.storage.decommission.shuffleBlocks.enabled", "shuffle files among them"));
    }
    out
}

/// Twice the memory that a container has beside the heap; none where executors have no container.
pub fn overhead(facts: &Facts) -> Option<Advice> {
    let master = facts.conf.get("spark.master").unwrap_or_default();
    if master.starts_with("spark:") || master.starts_with("local") {
        return None;
    }
    let heap = facts.conf.bytes("spark.executor.memory", 1 << 20).unwrap_or(1 << 30);
    let factor = facts.conf.decimal("spark.executor.memoryOverheadFactor", 0.1).clamp(0.0, 10.0);
    // What Spark takes without a setting: a tenth of the heap, and 384 MiB at least.
    let default = ((heap as f64 * factor) as i64).max(384 << 20);
    let now = facts.conf.bytes("spark.executor.memoryOverhead", 1 << 20).unwrap_or(default);
    let why = "room beside the heap: Python, native libraries and the network use it, and the container is killed when it is full";
    Some(set(facts, "spark.executor.memoryOverhead", &as_setting(now.saturating_mul(2)), why, (2, 3)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::cluster;

    #[test]
    fn errors_as_spark_writes_them() {
        let cases = [
            ("java.lang.OutOfMemoryError: Java heap space", HeapFull),
            ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes of memory, got 0.", HeapFull),
            (
                "FetchFailed(BlockManagerId(1, h, 7337, None), shuffleId=0, mapIndex=3, mapId=3, reduceId=1, message=\njava.lang.OutOfMemoryError\n)",
                FetchFailed,
            ),
            (
                "ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: Command exited with code 137",
                ExecutorKilled,
            ),
            (
                "ExecutorLostFailure (executor 2 exited unrelated to the running tasks) Reason: Executor heartbeat timed out after 130 ms",
                ExecutorLost,
            ),
            ("Job 6 cancelled part of cancelled job group doomed", Cancelled),
            ("Job 3 cancelled because SparkContext was shut down", Stopped),
            (
                "Job aborted due to stage failure: Total size of serialized results of 24 tasks (1026.0 MiB) is bigger than spark.driver.maxResultSize (1024.0 MiB)",
                ResultTooLarge,
            ),
            ("java.io.IOException: No space left on device", DiskFull),
            ("org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)", PythonWorker),
            (
                "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\nValueError: x",
                PythonError,
            ),
            ("Kryo serialization failed: Buffer overflow. Available: 0, required: 1", KryoBuffer),
            ("[DIVIDE_BY_ZERO] Division by zero.", BadValue),
            ("software.amazon.awssdk.services.s3.model.S3Exception: Please reduce your request rate.", Throttled),
            ("java.lang.InterruptedException\n\tat java.base/java.util.concurrent.locks.X(X.java:1)", Cancelled),
            ("java.lang.RuntimeException: boom", Other),
            ("", Other),
        ];
        for (text, cause) in cases {
            assert_eq!(Cause::of(text), cause, "{text}");
        }
    }

    #[test]
    fn the_last_cause_may_say_less() {
        let dead = "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\n\tat a.b(C.scala:1)\n\
                    Caused by: java.io.EOFException\n\tat d.e(F.java:2)";
        assert_eq!(telling_line(dead), "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)");
        let aborted = format!(
            "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (h executor 2): {dead}"
        );
        assert_eq!(
            telling_line(&aborted),
            "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)"
        );
        let python = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"a.py\"\nValueError: x";
        assert_eq!(telling_line(python), "ValueError: x");
    }

    #[test]
    fn advice_starts_from_what_is_set() {
        let of = |properties: &[(&str, &str)]| match overhead(&cluster(1, 1, "3.5.1", properties)) {
            Some(Advice::Set(s)) => (s.current, s.suggested),
            other => panic!("{other:?}"),
        };
        assert_eq!(overhead(&cluster(1, 1, "3.5.1", &[("spark.master", "spark://m:7077")])), None);
        assert_eq!(of(&[]), (None, "768m".to_owned()));
        assert_eq!(of(&[("spark.executor.memory", "8g")]), (None, "1639m".to_owned()));
        assert_eq!(of(&[("spark.executor.memoryOverhead", "1g")]), (Some("1g".to_owned()), "2g".to_owned()));
    }
}
