//! Attributes in OTLP's form, and what spans of several kinds say in the same words.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};

use super::SCOPE;
use crate::state::metrics::TaskMetrics;

/// Bytes of a text at most: stacks are the longest.
const LONGEST: usize = 16 << 10;

/// Attributes in the order in which they were added.
#[derive(Debug, Default)]
pub struct Attributes(pub Vec<KeyValue>);

impl Attributes {
    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
        self
    }

    pub fn text(self, key: &str, value: &str) -> Self {
        self.with(key, Value::StringValue(bounded(value).to_owned()))
    }

    /// Nothing where there is no text.
    pub fn text_if(self, key: &str, value: Option<&str>) -> Self {
        match value.filter(|v| !v.is_empty()) {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    pub fn int(self, key: &str, value: i64) -> Self {
        self.with(key, Value::IntValue(value))
    }

    pub fn int_if(self, key: &str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(key, value),
            None => self,
        }
    }

    pub fn flag(self, key: &str, value: bool) -> Self {
        self.with(key, Value::BoolValue(value))
    }

    /// Nothing for an empty list.
    pub fn texts(self, key: &str, values: &[String]) -> Self {
        if values.is_empty() {
            return self;
        }
        let value = |v: &String| AnyValue { value: Some(Value::StringValue(bounded(v).to_owned())) };
        self.with(key, Value::ArrayValue(ArrayValue { values: values.iter().map(value).collect() }))
    }

    /// Every metric of tasks, under its name.
    pub fn metrics(self, metrics: &TaskMetrics) -> Self {
        METRICS.iter().fold(self, |all, m| all.int(m.name, (m.of)(metrics)))
    }
}

/// A metric of tasks.
pub struct Measure {
    pub name: &'static str,
    /// As OTLP writes units.
    pub unit: &'static str,
    pub about: &'static str,
    pub of: fn(&TaskMetrics) -> i64,
}

macro_rules! measures {
    ($($name:literal, $unit:literal, $field:ident, $about:literal;)*) => {
        &[$(Measure { name: $name, unit: $unit, about: $about, of: |m| m.$field }),*]
    };
}

/// The metric that says nothing as a sum over an application.
pub const PEAK: &str = "spark.execution_memory.peak";

/// What tasks spend and move; docs/opentelemetry.md lists them.
pub const METRICS: &[Measure] = measures! {
    "spark.executor.run_time", "ms", executor_run_time, "Time that tasks ran";
    "spark.executor.cpu_time", "ns", executor_cpu_time, "CPU time of tasks";
    "spark.executor.deserialize_time", "ms", executor_deserialize_time, "Time to deserialize tasks";
    "spark.executor.deserialize_cpu_time", "ns", executor_deserialize_cpu_time, "CPU time to deserialize tasks";
    "spark.executor.gc_time", "ms", jvm_gc_time, "Time that JVMs collected garbage while tasks ran";
    "spark.result.serialization_time", "ms", result_serialization_time, "Time to serialize results";
    "spark.result.size", "By", result_size, "Bytes of results";
    "spark.spill.memory", "By", memory_bytes_spilled, "Bytes, as they were in memory, that were spilled";
    "spark.spill.disk", "By", disk_bytes_spilled, "Bytes that spills took on disk";
    "spark.execution_memory.peak", "By", peak_execution_memory, "Peak of execution memory, summed up over tasks";
    "spark.input.size", "By", input_bytes_read, "Bytes read from storage or cached blocks";
    "spark.input.records", "{record}", input_records_read, "Records read from storage or cached blocks";
    "spark.output.size", "By", output_bytes_written, "Bytes written to storage";
    "spark.output.records", "{record}", output_records_written, "Records written to storage";
    "spark.shuffle.read.local_size", "By", shuffle_local_bytes_read, "Shuffle bytes read from the same host";
    "spark.shuffle.read.remote_size", "By", shuffle_remote_bytes_read, "Shuffle bytes read from other hosts";
    "spark.shuffle.read.remote_to_disk_size", "By", shuffle_remote_bytes_read_to_disk, "Shuffle bytes read from other hosts onto disk";
    "spark.shuffle.read.records", "{record}", shuffle_records_read, "Shuffle records read";
    "spark.shuffle.read.local_blocks", "{block}", shuffle_local_blocks_fetched, "Shuffle blocks read from the same host";
    "spark.shuffle.read.remote_blocks", "{block}", shuffle_remote_blocks_fetched, "Shuffle blocks read from other hosts";
    "spark.shuffle.read.fetch_wait_time", "ms", shuffle_fetch_wait_time, "Time that tasks waited for shuffle blocks";
    "spark.shuffle.write.size", "By", shuffle_bytes_written, "Shuffle bytes written";
    "spark.shuffle.write.records", "{record}", shuffle_records_written, "Shuffle records written";
    "spark.shuffle.write.time", "ns", shuffle_write_time, "Time to write shuffle blocks";
};

/// Who says it.
pub fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: SCOPE.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    })
}

/// As much of a text as is sent.
pub fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// Epoch milliseconds as OTLP has times.
pub fn nanos(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

/// The class of an error, if its line begins with one; what the conventions write otherwise.
pub fn error_type(line: &str) -> &str {
    let class = line.split([':', ' ', '(']).next().unwrap_or_default();
    let named = class.ends_with("Error") || class.ends_with("Exception") || class.ends_with("Failure");
    let condition = line.strip_prefix('[').and_then(|l| l.split(']').next());
    let is_condition = |c: &&str| !c.is_empty() && c.bytes().all(|b| b.is_ascii_uppercase() || b"_.".contains(&b));
    match condition.filter(is_condition) {
        Some(condition) => condition,
        None if named => class,
        None => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_few_types() {
        for (line, of) in [
            ("java.lang.IllegalStateException: no", "java.lang.IllegalStateException"),
            ("ValueError: bad value: 7", "ValueError"),
            ("ExecutorLostFailure (executor 2 exited) Reason: killed", "ExecutorLostFailure"),
            ("[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found.", "TABLE_OR_VIEW_NOT_FOUND"),
            ("Job 6 cancelled part of cancelled job group doomed", "_OTHER"),
            ("", "_OTHER"),
        ] {
            assert_eq!(error_type(line), of);
        }
    }

    #[test]
    fn texts_end_between_characters() {
        let long = "ä".repeat(LONGEST);
        assert_eq!(bounded(&long).len(), LONGEST);
        assert_eq!(bounded(&format!("x{long}")).len(), LONGEST - 1);
        assert_eq!((nanos(-1), nanos(7)), (0, 7_000_000));
    }
}
