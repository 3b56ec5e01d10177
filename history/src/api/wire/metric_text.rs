//! The texts that Spark makes of the values of a plan metric: sizes, durations, averages and
//! sums, with total, least, median and highest where there are several values.

use crate::state::SqlMetric;

const SUFFIX: &str = "(min, med, max (stageId: taskId))";
const CUSTOM: &str = "v2Custom_";
const CUSTOM_OF_PYTHON: &str = "v2Custom_org.apache.spark.sql.execution.datasources.v2.python.PythonCustomMetric";

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The text of a metric's values. Metrics of a connector's own kind are texts that only the
/// connector can make: `N/A`, as in a History Server without its jar.
pub fn metric_text(metric: &SqlMetric) -> String {
    match metric.kind.as_str() {
        "sum" => grouped(metric.sum),
        "average" => spread(metric, average, false),
        "size" => spread(metric, bytes, true),
        "timing" => spread(metric, duration, true),
        "nsTiming" => spread(metric, |ns| duration(ns / 1_000_000), true),
        CUSTOM_OF_PYTHON => spread(&SqlMetric { max_at: None, ..metric.clone() }, bytes, true),
        kind if kind.starts_with(CUSTOM) => "N/A".to_owned(),
        _ => spread(metric, |v| format!("[unknown] {}", grouped(v)), true),
    }
}

/// A single value alone; of several the total (if it means something), least, median and highest.
fn spread(metric: &SqlMetric, text: impl Fn(i64) -> String, total: bool) -> String {
    if metric.values <= 1 {
        return text(metric.max);
    }
    let at = match metric.max_at {
        Some((stage, attempt, task)) => format!("(stage {stage}.{attempt}: task {task})"),
        None => "(driver)".to_owned(),
    };
    let values = format!("({}, {}, {} {at})", text(metric.min), text(metric.median), text(metric.max));
    if total { format!("total {SUFFIX}\n{} {values}", text(metric.sum)) } else { format!("{SUFFIX}:\n{values}") }
}

/// Bytes in the largest unit of which there are two at least.
fn bytes(size: i64) -> String {
    let power = (1..UNITS.len()).rev().find(|p| size >= 2 << (10 * p)).unwrap_or(0);
    format!("{} {}", rounded(size as f64 / (1i64 << (10 * power)) as f64, 1), UNITS[power])
}

/// Milliseconds in the largest unit of which there is one at least.
fn duration(ms: i64) -> String {
    let of = |unit: i64| f64::from(ms as f32 / unit as f32); // Spark divides in single precision
    match ms {
        _ if ms < SECOND => format!("{ms} ms"),
        _ if ms < MINUTE => format!("{} s", rounded(of(SECOND), 1)),
        _ if ms < HOUR => format!("{} m", rounded(of(MINUTE), 1)),
        _ => format!("{} h", rounded(of(HOUR), 2)),
    }
}

/// An average, which Spark keeps in tenths.
fn average(tenths: i64) -> String {
    let text = (tenths as f64 / 10.0).to_string();
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", group(whole)),
        None => group(&text),
    }
}

fn grouped(value: i64) -> String {
    group(&value.to_string())
}

/// Puts commas between the thousands of a whole number.
fn group(number: &str) -> String {
    let digits = number.trim_start_matches('-').len();
    let mut out = String::with_capacity(number.len() + digits / 3);
    for (at, c) in number.chars().enumerate() {
        let left = number.len() - at;
        if left.is_multiple_of(3) && left < digits {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A number with fixed decimals, halves going up as Java's formatter has it.
fn rounded(value: f64, decimals: u32) -> String {
    let scale = 10u128.pow(decimals);
    let scaled = (value.abs() * scale as f64 + 0.5).floor() as u128;
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}.{:0width$}", scaled / scale, scaled % scale, width = decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A metric as the fold makes it of these values.
    fn metric(kind: &str, values: &[i64]) -> SqlMetric {
        let least = if kind == "sum" { i64::MIN } else { i64::from(kind == "average") };
        let mut values: Vec<i64> = values.iter().copied().filter(|v| *v >= least).collect();
        values.sort_unstable();
        let at = |i: usize| values.get(i).copied().unwrap_or(0);
        SqlMetric {
            kind: kind.to_owned(),
            values: values.len() as i64,
            sum: values.iter().sum(),
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
            max_at: Some((3, 0, 9)),
            stages: Vec::new(),
        }
    }

    /// Expectations: `Utils.bytesToString` of Spark 4.3.0.
    #[test]
    fn sizes() {
        let cases = [
            (0, "0.0 B"),
            (1945, "1945.0 B"),
            (2047, "2047.0 B"),
            (2048, "2.0 KiB"),
            (2176, "2.1 KiB"),
            (2304, "2.3 KiB"),
            (2560, "2.5 KiB"),
            (1 << 20, "1024.0 KiB"),
            ((2 << 20) - 1, "2048.0 KiB"),
            (2_411_724, "2.3 MiB"),
            (1 << 31, "2.0 GiB"),
            (3 * (1 << 40) + 12_345, "3.0 TiB"),
            (1 << 61, "2.0 EiB"),
            (i64::MAX, "8.0 EiB"),
            (-5000, "-5000.0 B"),
        ];
        for (size, text) in cases {
            assert_eq!(bytes(size), text);
        }
    }

    /// Expectations: `Utils.msDurationToString` of Spark 4.3.0.
    #[test]
    fn durations() {
        let cases = [
            (999, "999 ms"),
            (1000, "1.0 s"),
            (1050, "1.0 s"),
            (1150, "1.1 s"),
            (1250, "1.3 s"),
            (1350, "1.4 s"),
            (59_949, "59.9 s"),
            (59_950, "60.0 s"),
            (60_000, "1.0 m"),
            (93_000, "1.5 m"),
            (3_599_999, "60.0 m"),
            (3_600_000, "1.00 h"),
            (36_000_000, "10.00 h"),
            (123_456_789_012, "34293.55 h"),
            (-5, "-5 ms"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
    }

    /// Expectations: `MetricUtils.stringValue` of Spark 4.3.0.
    #[test]
    fn texts() {
        let total = |values: &str| format!("total (min, med, max (stageId: taskId))\n{values} (stage 3.0: task 9))");
        let mean = |values: &str| format!("(min, med, max (stageId: taskId)):\n({values} (stage 3.0: task 9))");
        let cases = [
            ("sum", &[][..], "0".to_owned()),
            ("sum", &[-1, 5], "4".to_owned()),
            ("sum", &[-1234], "-1,234".to_owned()),
            ("sum", &[-123], "-123".to_owned()),
            ("sum", &[1_999_999, 1_500_000, 30_000_000], "33,499,999".to_owned()),
            ("size", &[], "0.0 B".to_owned()),
            ("size", &[1_234_567], "1205.6 KiB".to_owned()),
            ("size", &[-1, 5], "5.0 B".to_owned()),
            ("size", &[0, 0, 15, 20], total("35.0 B (0.0 B, 15.0 B, 20.0 B")),
            ("size", &[1_999_999, 1_500_000, 30_000_000], total("31.9 MiB (1464.8 KiB, 1953.1 KiB, 28.6 MiB")),
            ("timing", &[1_234_567], "20.6 m".to_owned()),
            ("timing", &[1_999_999, 1_500_000, 30_000_000], total("9.31 h (25.0 m, 33.3 m, 8.33 h")),
            ("nsTiming", &[1_234_567], "1 ms".to_owned()),
            ("nsTiming", &[1_999_999, 1_500_000, 30_000_000], total("33 ms (1 ms, 1 ms, 30 ms")),
            ("average", &[], "0".to_owned()),
            ("average", &[7], "0.7".to_owned()),
            ("average", &[10], "1".to_owned()),
            ("average", &[1_234_567], "123,456.7".to_owned()),
            ("average", &[123_456_789_012_345_678], "12,345,678,901,234,568".to_owned()),
            ("average", &[0, 0, 15, 20], mean("1.5, 2, 2")),
            ("average", &[1_999_999, 1_500_000, 30_000_000], mean("150,000, 199,999.9, 3,000,000")),
            ("other", &[7], "[unknown] 7".to_owned()),
            ("v2Custom_org.example.Rows", &[7], "N/A".to_owned()),
        ];
        for (kind, values, text) in cases {
            assert_eq!(metric_text(&metric(kind, values)), text, "{kind} {values:?}");
        }
        let of_driver = SqlMetric { max_at: None, ..metric("size", &[1, 2]) };
        assert_eq!(
            metric_text(&of_driver),
            "total (min, med, max (stageId: taskId))\n3.0 B (1.0 B, 2.0 B, 2.0 B (driver))"
        );
    }
}
