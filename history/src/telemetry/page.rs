//! A page of metrics: what is put on it, and the two formats in which it is read.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::names::Metric;

/// Label names and values of one series.
pub type Labels = Vec<(&'static str, String)>;

/// Labels from pairs.
pub fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    /// The text format of Prometheus before OpenMetrics.
    Text,
}

impl Format {
    /// What an `Accept` header asks for.
    pub fn of(accept: &str) -> Format {
        let wanted = accept.split(',').any(|kind| kind.trim().starts_with("application/openmetrics-text"));
        if wanted { Format::OpenMetrics } else { Format::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Values of one moment.
#[derive(Default)]
pub struct Page(Registry);

impl Page {
    pub fn gauges(&mut self, metric: Metric, values: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(metric.name, metric.help, family);
    }

    pub fn gauge(&mut self, metric: Metric, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(metric.name, metric.help, gauge);
    }

    pub fn counters(&mut self, metric: Metric, values: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(metric.name, metric.help, family);
    }

    pub fn counter(&mut self, metric: Metric, value: f64) {
        let counter = Counter::<f64, AtomicU64>::default();
        counter.inc_by(value);
        self.0.register(metric.name, metric.help, counter);
    }

    /// The page, together with counters that live longer than it.
    ///
    /// # Errors
    /// None that is known: the text goes to memory.
    pub fn write(&self, with: &Registry, format: Format) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, with)?;
        encode_registry(&mut text, &self.0)?;
        match format {
            Format::OpenMetrics => encode_eof(&mut text).map(|()| text),
            Format::Text => Ok(classic(&text)),
        }
    }
}

/// The older format of a page: a counter is called there as its samples are, and the page has no end mark.
fn classic(open: &str) -> String {
    let mut out = String::with_capacity(open.len() + 1024);
    let mut help = "";
    for line in open.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ').map_or("", |(_, text)| text);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|t| t.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            out.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: Metric = Metric { name: "x_events", help: "Events" };
    const LAG: Metric = Metric { name: "x_lag_seconds", help: "Lag" };

    #[test]
    fn both_formats_say_the_same() {
        let mut page = Page::default();
        page.counters(EVENTS, [(labels([("source", "a\"b\\c\nd")]), 3)]);
        page.gauge(LAG, 1.5);
        page.gauges(LAG, []);
        let none = Registry::default();
        let open = page.write(&none, Format::OpenMetrics).unwrap();
        assert_eq!(
            open,
            "# HELP x_events Events.\n# TYPE x_events counter\nx_events_total{source=\"a\\\"b\\\\c\\nd\"} 3\n\
             # HELP x_lag_seconds Lag.\n# TYPE x_lag_seconds gauge\nx_lag_seconds 1.5\n# EOF\n"
        );
        let text = page.write(&none, Format::Text).unwrap();
        assert_eq!(
            text,
            "# HELP x_events_total Events.\n# TYPE x_events_total counter\nx_events_total{source=\"a\\\"b\\\\c\\nd\"} 3\n\
             # HELP x_lag_seconds Lag.\n# TYPE x_lag_seconds gauge\nx_lag_seconds 1.5\n"
        );
    }

    #[test]
    fn the_format_is_what_the_asker_accepts() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::of(prometheus), Format::OpenMetrics);
        assert_eq!(Format::of("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), Format::Text);
        assert_eq!(Format::of(""), Format::Text);
    }
}
