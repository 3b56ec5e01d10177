//! The progress of a streaming query as series of numbers: a point for each batch, or, of many
//! batches, for each run of them. Reports are taken in one after the other; what is held does not
//! grow with their number.

use std::collections::{BTreeMap, HashMap};

use afterglow_ingest::event::ProgressReport;
use afterglow_ingest::event::progress::{Numbers, SourceProgress, StateOperator};

use crate::date::instant;

/// A value for each point; none where no report of the point has it.
pub type Column = Vec<Option<f64>>;

/// The series of a run of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Reports taken in.
    pub batches: usize,
    /// Of each point the last batch, and when it was triggered, epoch milliseconds.
    pub batch: Vec<Option<i64>>,
    pub time: Vec<Option<i64>>,
    pub input_rows: Column,
    pub input_rate: Column,
    pub processed_rate: Column,
    pub duration: BTreeMap<String, Column>,
    /// Epoch milliseconds.
    pub watermark: Column,
    pub watermark_lag: Column,
    pub operators: Vec<Operator>,
    pub sources: Vec<Source>,
    pub sink: Option<String>,
}

/// A stateful operator, by its place in the query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operator {
    pub name: String,
    pub rows: Column,
    pub updated: Column,
    pub removed: Column,
    pub dropped: Column,
    pub update_time: Column,
    pub removal_time: Column,
    pub commit_time: Column,
    pub memory: Column,
    /// Instances of the state store: partitions, times the stores that the operator keeps.
    pub instances: Column,
    pub custom: BTreeMap<String, Column>,
}

/// A source, by its place in the query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    pub description: String,
    pub input_rows: Column,
    pub lag: Column,
}

/// How the values of a run of batches become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    Mean,
    Most,
}

/// Values of one name, a sum and a number for each point.
#[derive(Debug, Clone)]
struct Gathered {
    fold: Fold,
    points: Vec<(f64, u32)>,
}

impl Gathered {
    fn column(&self) -> Column {
        let value = |(v, n): &(f64, u32)| match (n, self.fold) {
            (0, _) => None,
            (_, Fold::Most) => Some(*v),
            (n, Fold::Mean) => Some(v / f64::from(*n)),
        };
        self.points.iter().map(value).collect()
    }
}

/// An operator or a source.
struct GatheredPart {
    name: String,
    fixed: BTreeMap<&'static str, Gathered>,
    custom: Open,
}

impl GatheredPart {
    fn new(name: &str) -> Self {
        GatheredPart { name: name.to_owned(), fixed: BTreeMap::new(), custom: Open::default() }
    }
}

/// Series whose names the reports bring.
#[derive(Default)]
struct Open {
    all: Vec<(String, Gathered)>,
    places: HashMap<String, usize>,
}

impl Open {
    /// Takes in the numbers of a report. Reports have the same names in the same order, mostly:
    /// each is looked for in its place first.
    fn take(&mut self, numbers: &Numbers<'_>, at: usize, new: &mut Room, fold: impl Fn(&str) -> Fold) {
        for (i, (name, value)) in numbers.iter().enumerate() {
            let here = self.all.get(i).is_some_and(|(n, _)| **n == **name);
            let place = if here { Some(i) } else { self.places.get(&**name).copied() };
            let place = match place {
                Some(place) => place,
                None if value.0.is_none() || new.names == 0 => continue,
                None => {
                    new.names -= 1;
                    self.places.insert(name.to_string(), self.all.len());
                    self.all.push((name.to_string(), gathered(fold(name), new.points)));
                    self.all.len() - 1
                }
            };
            add(&mut self.all[place].1, at, value.0);
        }
    }

    fn columns(self) -> BTreeMap<String, Column> {
        self.all.into_iter().map(|(name, g)| (name, g.column())).collect()
    }
}

/// Custom metrics that are times: their highest value tells more than the mean.
fn is_time(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("latency") || name.ends_with("ms") || name.ends_with("time")
}

/// Takes reports in.
pub struct Gatherer {
    total: usize,
    points: usize,
    new: Room,
    taken: usize,
    batch: Vec<Option<i64>>,
    time: Vec<Option<i64>>,
    query: BTreeMap<&'static str, Gathered>,
    duration: Open,
    operators: Vec<GatheredPart>,
    sources: Vec<GatheredPart>,
    sink: Option<String>,
}

/// Series whose names the reports bring, in all; operators, and sources. A hostile log could make many of them, each
/// as long as a request asks for.
const MOST_NAMES: usize = 2000;
const MOST_PARTS: usize = 100;

/// What room there is for further series.
struct Room {
    names: usize,
    /// Of each.
    points: usize,
}

impl Gatherer {
    /// For `total` reports, at most so many points.
    pub fn new(total: usize, points: usize) -> Self {
        let points = points.clamp(1, total.max(1));
        Gatherer {
            total: total.max(1),
            points,
            new: Room { names: MOST_NAMES, points },
            taken: 0,
            batch: vec![None; points],
            time: vec![None; points],
            query: BTreeMap::new(),
            duration: Open::default(),
            operators: Vec::new(),
            sources: Vec::new(),
            sink: None,
        }
    }

    /// Takes the next report in; one that cannot be read leaves a gap.
    pub fn take(&mut self, report: Option<&ProgressReport<'_>>) {
        let at = (self.taken * self.points / self.total).min(self.points - 1);
        self.taken += 1;
        let Some(r) = report else { return };
        let time = instant(&r.timestamp);
        self.batch[at] = Some(r.batch_id);
        self.time[at] = time.or(self.time[at]);
        let points = self.points;
        let put = |of: &mut BTreeMap<&'static str, Gathered>, name: &'static str, fold: Fold, value: Option<f64>| {
            add(of.entry(name).or_insert_with(|| gathered(fold, points)), at, value);
        };
        let sum = |of: fn(&SourceProgress<'_>) -> Option<f64>| r.sources.iter().filter_map(of).reduce(|a, b| a + b);
        put(&mut self.query, "inputRows", Fold::Mean, sum(|s| s.num_input_rows.0));
        put(&mut self.query, "inputRate", Fold::Mean, sum(|s| s.input_rows_per_second.0));
        put(&mut self.query, "processedRate", Fold::Mean, sum(|s| s.processed_rows_per_second.0));
        // Until the first row has told the event time, the watermark stands at 1970.
        let watermark = r.watermark().and_then(instant).filter(|w| *w > 0);
        put(&mut self.query, "watermark", Fold::Most, watermark.map(|w| w as f64));
        let lag = watermark.zip(time).map(|(w, t)| t.saturating_sub(w) as f64);
        put(&mut self.query, "watermarkLag", Fold::Most, lag);
        self.duration.take(&r.duration_ms, at, &mut self.new, |_| Fold::Most);
        for (i, o) in r.state_operators.iter().take(MOST_PARTS).enumerate() {
            if self.operators.len() <= i {
                self.operators.push(GatheredPart::new(&o.operator_name));
            }
            let GatheredPart { fixed, custom, .. } = &mut self.operators[i];
            for (name, fold, value) in numbers(o) {
                put(fixed, name, fold, value);
            }
            custom.take(
                &o.custom_metrics,
                at,
                &mut self.new,
                |name| if is_time(name) { Fold::Most } else { Fold::Mean },
            );
        }
        for (i, s) in r.sources.iter().take(MOST_PARTS).enumerate() {
            if self.sources.len() <= i {
                self.sources.push(GatheredPart::new(&s.description));
            }
            let fixed = &mut self.sources[i].fixed;
            put(fixed, "inputRows", Fold::Mean, s.num_input_rows.0);
            put(fixed, "lag", Fold::Most, s.lag());
        }
        if r.sink.description.is_some() {
            self.sink = r.sink.description.as_ref().map(|d| d.to_string());
        }
    }

    /// The series; without reports they have no points.
    pub fn finish(self) -> Series {
        if self.taken == 0 {
            return Series::default();
        }
        let none = vec![None; self.points];
        let column =
            |of: &BTreeMap<&'static str, Gathered>, name| of.get(name).map_or_else(|| none.clone(), Gathered::column);
        Series {
            batches: self.taken,
            input_rows: column(&self.query, "inputRows"),
            input_rate: column(&self.query, "inputRate"),
            processed_rate: column(&self.query, "processedRate"),
            duration: self.duration.columns(),
            watermark: column(&self.query, "watermark"),
            watermark_lag: column(&self.query, "watermarkLag"),
            operators: self
                .operators
                .into_iter()
                .map(|GatheredPart { name, fixed, custom }| Operator {
                    name,
                    rows: column(&fixed, "rows"),
                    updated: column(&fixed, "updated"),
                    removed: column(&fixed, "removed"),
                    dropped: column(&fixed, "dropped"),
                    update_time: column(&fixed, "updateTime"),
                    removal_time: column(&fixed, "removalTime"),
                    commit_time: column(&fixed, "commitTime"),
                    memory: column(&fixed, "memory"),
                    instances: column(&fixed, "instances"),
                    custom: custom.columns(),
                })
                .collect(),
            sources: self
                .sources
                .into_iter()
                .map(|GatheredPart { name, fixed, .. }| Source {
                    description: name,
                    input_rows: column(&fixed, "inputRows"),
                    lag: column(&fixed, "lag"),
                })
                .collect(),
            batch: self.batch,
            time: self.time,
            sink: self.sink,
        }
    }
}

fn numbers(o: &StateOperator<'_>) -> [(&'static str, Fold, Option<f64>); 9] {
    [
        ("rows", Fold::Mean, o.num_rows_total.0),
        ("updated", Fold::Mean, o.num_rows_updated.0),
        ("removed", Fold::Mean, o.num_rows_removed.0),
        ("dropped", Fold::Mean, o.num_rows_dropped_by_watermark.0),
        ("updateTime", Fold::Most, o.all_updates_time_ms.0),
        ("removalTime", Fold::Most, o.all_removals_time_ms.0),
        ("commitTime", Fold::Most, o.commit_time_ms.0),
        ("memory", Fold::Mean, o.memory()),
        ("instances", Fold::Most, o.num_state_store_instances.0),
    ]
}

fn gathered(fold: Fold, points: usize) -> Gathered {
    Gathered { fold, points: vec![(0.0, 0); points] }
}

fn add(to: &mut Gathered, at: usize, value: Option<f64>) {
    let (Some(value), Some((sum, n))) = (value, to.points.get_mut(at)) else { return };
    *sum = match (to.fold, *n) {
        (_, 0) => value,
        (Fold::Mean, _) => *sum + value,
        (Fold::Most, _) => sum.max(value),
    };
    *n += 1;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(n: i64) -> String {
        format!(
            r#"{{"batchId":{n},"timestamp":"2026-11-21T00:00:0{}.000Z","durationMs":{{"addBatch":{}}},"eventTime":{{"watermark":"{}"}},
            "stateOperators":[{{"operatorName":"dedupe","numRowsTotal":{n},"customMetrics":{{"getLatencyMs":{n},"hits":{n}}}}}],
            "sources":[{{"description":"a","numInputRows":{n},"inputRowsPerSecond":1.5}},{{"description":"b","numInputRows":10}}],"sink":{{"description":"s"}}}}"#,
            n % 10,
            n * 7 % 5,
            if n == 0 { "1970-01-01T00:00:00.000Z" } else { "2026-11-21T00:00:00.000Z" },
        )
    }

    fn series(n: i64, points: usize) -> Series {
        let mut all = Gatherer::new(n as usize, points);
        (0..n).for_each(|i| all.take(ProgressReport::read(&report(i)).as_ref()));
        all.finish()
    }

    #[test]
    fn a_point_for_each_batch() {
        let s = series(3, 500);
        assert_eq!((s.batches, &s.batch), (3, &vec![Some(0), Some(1), Some(2)]));
        assert_eq!(s.input_rows, [Some(10.0), Some(11.0), Some(12.0)]);
        assert_eq!(s.input_rate, [Some(1.5); 3]);
        assert_eq!(s.processed_rate, [None; 3]);
        assert_eq!(s.watermark_lag, [None, Some(1000.0), Some(2000.0)]);
        assert_eq!(s.watermark[1], Some(1_795_219_200_000.0));
        assert_eq!(s.duration["addBatch"], [Some(0.0), Some(2.0), Some(4.0)]);
        assert_eq!((s.operators[0].rows[2], s.operators[0].commit_time[2]), (Some(2.0), None));
        assert_eq!((s.sources.len(), s.sources[1].input_rows[0], s.sources[1].lag[0]), (2, Some(10.0), None));
        assert_eq!(s.sink.as_deref(), Some("s"));
    }

    #[test]
    fn a_point_for_a_run_of_batches() {
        let s = series(10, 2);
        assert_eq!(s.batch, [Some(4), Some(9)]);
        assert_eq!(s.input_rows, [Some(12.0), Some(17.0)], "means");
        assert_eq!(s.duration["addBatch"], [Some(4.0), Some(4.0)], "highest");
        assert_eq!(s.operators[0].custom["getLatencyMs"], [Some(4.0), Some(9.0)]);
        assert_eq!(s.operators[0].custom["hits"], [Some(2.0), Some(7.0)]);
    }

    /// A report may name what it likes, and a request ask for as many points as there are reports.
    #[test]
    fn there_is_room_for_so_many_series_and_no_more() {
        let names = |of: usize| (0..500).map(|i| format!("\"m{of}-{i}\":1")).collect::<Vec<_>>().join(",");
        let operators: Vec<String> = (0..300).map(|of| format!("{{\"customMetrics\":{{{}}}}}", names(of))).collect();
        let report = format!("{{\"batchId\":0,\"stateOperators\":[{}]}}", operators.join(","));
        let mut all = Gatherer::new(10_000, 10_000);
        all.take(ProgressReport::read(&report).as_ref());
        let s = all.finish();
        assert_eq!(s.operators.len(), MOST_PARTS);
        assert_eq!(s.operators.iter().map(|o| o.custom.len()).sum::<usize>(), MOST_NAMES);
    }

    proptest! {
        #[test]
        fn no_report_is_lost(n in 0i64..60, points in 1usize..80) {
            let s = series(n, points);
            prop_assert_eq!(s.batches as i64, n);
            prop_assert_eq!(s.batch.len(), points.min(n as usize));
            prop_assert!(s.batch.iter().all(Option::is_some));
            let most = s.operators.first().map_or(-1.0, |o| o.custom["getLatencyMs"].iter().flatten().fold(-1.0f64, |a, b| a.max(*b)));
            prop_assert_eq!(most as i64, n - 1);
        }
    }
}
