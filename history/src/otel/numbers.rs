//! What an attempt came to as OTLP metrics: sums from its start to its end. Pure.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Gauge, Metric, NumberDataPoint, Sum};

use super::attributes::{Attributes, METRICS, PEAK, nanos};
use super::spans::{Entities, Frame};
use crate::state::metrics::{TaskMetrics, add};
use crate::state::{Executor, JobStatus, StageStatus};

/// The metrics of all stage attempts together.
pub fn total(of: &Entities) -> TaskMetrics {
    of.stages.values().fold(TaskMetrics::default(), |mut all, s| {
        add(&mut all, &s.metrics);
        all
    })
}

/// Every metric of an attempt. A sum that overflowed in the log is left out.
pub fn metrics<'e>(
    frame: &Frame<'_>,
    of: &Entities,
    executors: impl Iterator<Item = &'e Executor>,
    total: &TaskMetrics,
) -> Vec<Metric> {
    let point = |attributes: Attributes, value: i64| NumberDataPoint {
        attributes: attributes.0,
        start_time_unix_nano: nanos(frame.start()),
        time_unix_nano: nanos(frame.end()),
        value: Some(Value::AsInt(value)),
        ..NumberDataPoint::default()
    };
    let sum = |name: &str, unit: &str, about: &str, data_points: Vec<NumberDataPoint>| {
        let temporality = AggregationTemporality::Cumulative.into();
        let sum = Sum { data_points, aggregation_temporality: temporality, is_monotonic: true };
        metric(name, unit, about, Data::Sum(sum))
    };
    let by = |name: &str, unit: &str, about: &str, key: &str, counts: &[(&str, i64)]| {
        let points = counts.iter().filter(|(_, n)| *n >= 0);
        sum(name, unit, about, points.map(|(k, n)| point(Attributes::default().text(key, k), *n)).collect())
    };
    let counted = METRICS.iter().filter(|m| m.name != PEAK).map(|m| (m, (m.of)(total))).filter(|(_, n)| *n >= 0);
    let mut all: Vec<Metric> =
        counted.map(|(m, n)| sum(m.name, m.unit, m.about, vec![point(Attributes::default(), n)])).collect();
    let tasks = of.stages.values().fold([0i64; 3], |sums, s| {
        let of = [s.completed_tasks, s.failed_tasks, s.killed_tasks];
        std::array::from_fn(|i| sums[i].saturating_add(of[i]))
    });
    let statuses = [("succeeded", tasks[0]), ("failed", tasks[1]), ("killed", tasks[2])];
    all.push(by("spark.tasks", "{task}", "Task attempts that ended", "spark.task.outcome", &statuses));
    let stages = |status| of.stages.values().filter(|s| s.status == status).count() as i64;
    let statuses = [("complete", stages(StageStatus::Complete)), ("failed", stages(StageStatus::Failed))];
    all.push(by("spark.stages", "{stage}", "Stage attempts that ended", "spark.stage.outcome", &statuses));
    let jobs = |status| of.jobs.values().filter(|j| j.status == status).count() as i64;
    let statuses = [("succeeded", jobs(JobStatus::Succeeded)), ("failed", jobs(JobStatus::Failed))];
    all.push(by("spark.jobs", "{job}", "Jobs that ended", "spark.job.outcome", &statuses));
    let executors = executors.filter(|e| e.id != "driver").count() as i64;
    let one = |value| vec![point(Attributes::default(), value)];
    all.push(sum("spark.executors", "{executor}", "Executors that the application ever had", one(executors)));
    let took = Gauge { data_points: one(frame.end() - frame.start()) };
    let about = "From start to end, or to the last event without one";
    all.push(metric("spark.application.duration", "ms", about, Data::Gauge(took)));
    all
}

fn metric(name: &str, unit: &str, about: &str, data: Data) -> Metric {
    Metric {
        name: name.into(),
        description: about.into(),
        unit: unit.into(),
        metadata: Vec::<KeyValue>::new(),
        data: Some(data),
    }
}
