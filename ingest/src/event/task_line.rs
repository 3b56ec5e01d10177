//! The two events that are nearly every line of a large log, read in the shape Spark's own writer
//! gives them: a task's start, and its end in success. In: one line. Out: the record, or `None` for
//! any other shape, which the general reader then reads. Both give the same record (tests).

use super::{
    cursor::{Cursor, key},
    metrics::{ExecutorMetrics, TaskMetrics},
    scheduler::{Accumulable, Accumulables, TaskEnd, TaskEndReason, TaskInfo, TaskStart, unknown},
    text::{AccumulatorValue, Text},
};

pub(super) fn task_start(line: &[u8]) -> Option<TaskStart<'_>> {
    let mut c = Cursor::new(line);
    c.eat(r#"{"Event":"SparkListenerTaskStart","#)?;
    let event = TaskStart {
        stage_id: c.member(key!("Stage ID"), Cursor::int)?,
        stage_attempt_id: c.member(key!("Stage Attempt ID"), Cursor::int)?,
        task_info: c.member(key!("Task Info"), task_info)?,
    };
    c.eat("}")?;
    c.end()?;
    Some(event)
}

pub(super) fn task_end(line: &[u8]) -> Option<TaskEnd<'_>> {
    let mut c = Cursor::new(line);
    c.eat(r#"{"Event":"SparkListenerTaskEnd","#)?;
    let stage_id = c.member(key!("Stage ID"), Cursor::int)?;
    let stage_attempt_id = c.member(key!("Stage Attempt ID"), Cursor::int)?;
    c.member(key!("Task Type"), Cursor::text)?;
    c.member(key!("Task End Reason"), |c| c.eat(r#"{"Reason":"Success"}"#))?;
    let event = TaskEnd {
        stage_id,
        stage_attempt_id,
        reason: TaskEndReason { reason: "Success".into(), ..TaskEndReason::default() },
        task_info: Some(c.member(key!("Task Info"), task_info)?),
        executor_metrics: c.optional(key!("Task Executor Metrics"), ExecutorMetrics::in_order)?.unwrap_or_default(),
        metrics: c.optional(key!("Task Metrics"), TaskMetrics::in_order)?,
    };
    c.eat("}")?;
    c.end()?;
    Some(event)
}

fn task_info<'a>(c: &mut Cursor<'a>) -> Option<TaskInfo<'a>> {
    c.eat("{")?;
    let info = TaskInfo {
        task_id: c.member(key!("Task ID"), Cursor::int)?,
        index: c.member(key!("Index"), Cursor::int)?,
        attempt: c.member(key!("Attempt"), Cursor::int)?,
        partition_id: c.optional(key!("Partition ID"), Cursor::int)?.unwrap_or_else(unknown),
        launch_time: c.member(key!("Launch Time"), Cursor::int)?,
        executor_id: c.member(key!("Executor ID"), Cursor::text)?.into(),
        host: c.member(key!("Host"), Cursor::text)?.into(),
        locality: c.member(key!("Locality"), Cursor::text)?.into(),
        speculative: c.member(key!("Speculative"), Cursor::bool)?,
        getting_result_time: c.member(key!("Getting Result Time"), Cursor::int)?,
        finish_time: c.member(key!("Finish Time"), Cursor::int)?,
        failed: c.member(key!("Failed"), Cursor::bool)?,
        killed: c.optional(key!("Killed"), Cursor::bool)?.unwrap_or_default(),
        accumulables: c.member(key!("Accumulables"), accumulables)?,
    };
    c.eat("}")?;
    Some(info)
}

fn accumulables<'a>(c: &mut Cursor<'a>) -> Option<Accumulables<'a>> {
    c.eat("[")?;
    let mut all = Accumulables::default();
    if c.has("]") {
        return Some(all);
    }
    loop {
        all.keep(accumulable(c)?);
        if c.has("]") {
            return Some(all);
        }
        c.eat(",")?;
    }
}

fn accumulable<'a>(c: &mut Cursor<'a>) -> Option<Accumulable<'a>> {
    c.eat("{")?;
    let id = c.member(key!("ID"), Cursor::int)?;
    let name = c.optional(key!("Name"), Cursor::text)?.map(Text::from);
    let update = c.optional(key!("Update"), accumulated)?;
    let value = c.optional(key!("Value"), accumulated)?;
    let internal = c.member(key!("Internal"), Cursor::bool)?;
    c.member(key!("Count Failed Values"), Cursor::bool)?;
    let metadata = c.optional(key!("Metadata"), Cursor::text)?.map(Text::from);
    c.eat("}")?;
    Some(Accumulable { id, name, update, value, internal, metadata })
}

#[inline(always)]
fn accumulated<'a>(c: &mut Cursor<'a>) -> Option<AccumulatorValue<'a>> {
    match c.int() {
        Some(number) => Some(AccumulatorValue::Int(number)),
        None => c.text().map(|text| AccumulatorValue::Text(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of Spark 2.4, 3.5 and 4.3, as their own writers give them.
    const LINES: &str = include_str!("task_line_samples.jsonl");

    fn samples() -> impl Iterator<Item = &'static [u8]> {
        LINES.lines().map(str::as_bytes)
    }

    /// What both readers make of a line: that of this module, and the general one.
    fn both(line: &[u8]) -> (Option<String>, Option<String>) {
        if line.starts_with(br#"{"Event":"SparkListenerTaskStart""#) {
            let general = serde_json::from_slice::<TaskStart<'_>>(line).ok();
            (task_start(line).map(|e| format!("{e:?}")), general.map(|e| format!("{e:?}")))
        } else {
            let general = serde_json::from_slice::<TaskEnd<'_>>(line).ok();
            (task_end(line).map(|e| format!("{e:?}")), general.map(|e| format!("{e:?}")))
        }
    }

    #[test]
    fn lines_of_every_spark_are_read_as_the_general_reader_reads_them() {
        for line in samples() {
            let (ours, general) = both(line);
            assert!(ours.is_some(), "not in the known shape: {}", String::from_utf8_lossy(line));
            assert_eq!(ours, general);
        }
        assert_eq!(samples().count(), 7);
    }

    #[test]
    fn other_shapes_are_left_to_the_general_reader() {
        let line = std::str::from_utf8(samples().find(|l| l.len() > 2000).unwrap()).unwrap();
        for (from, to) in [
            (r#""Reason":"Success""#, r#""Reason":"Resubmitted""#),
            (r#""Host":"localhost""#, r#""Host":"a\u00e9""#),
            (r#""Host":"localhost""#, r#""Host":"é""#),
            (r#""Host":"localhost""#, r#""Host":null"#),
            (r#""JVM GC Time":0"#, r#""JVM GC Time":1.5"#),
            (r#""JVM GC Time":0"#, r#""JVM GC Time":9223372036854775808"#),
            (r#""JVM GC Time":0"#, r#""JVM GC Time": 0"#),
            (r#""JVM GC Time":0"#, r#""New Metric":7,"JVM GC Time":0"#),
            (r#""Updated Blocks":[]"#, r#""Updated Blocks":[{"Block ID":"rdd_0_0"}]"#),
            (r#"}}"#, r#"},"New":1}"#),
        ] {
            let other = line.replacen(from, to, 1);
            assert_ne!(other, line, "{from}");
            assert!(both(other.as_bytes()).0.is_none(), "{to}");
        }
    }

    const PUT: &[&[u8]] =
        &[b"", b"0", b"-", b"9", b"\"", b"\\", b",", b"}", b"{", b"]", b".", b"e", b" ", b"\xff", b"\x01"];

    proptest! {
        /// Whatever is damaged: a record from here is the record that the line says.
        #[test]
        fn never_another_record(
            which in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            put in prop::sample::select(PUT),
            cut in 0..3usize,
        ) {
            let lines: Vec<_> = samples().collect();
            let mut line = which.get(&lines).to_vec();
            let at = at.index(line.len());
            line.splice(at..line.len().min(at + cut), put.iter().copied());
            let (ours, general) = both(&line);
            if ours.is_some() {
                prop_assert_eq!(ours, general);
            }
        }
    }
}
