//! The message of Prometheus' remote write protocol, version 1.0: protobuf, compressed with snappy's block format.

use prost::Message;

use super::samples::Sample;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    /// In the order of their names.
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(double, tag = "1")]
    value: f64,
    /// Epoch milliseconds.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// The body of a request with samples of one moment (epoch milliseconds).
///
/// # Errors
/// Only if it were larger than snappy's 4 GiB.
pub fn body(samples: &[Sample], timestamp: i64) -> Result<Vec<u8>, snap::Error> {
    let timeseries = samples.iter().map(|s| {
        let mut labels: Vec<_> =
            s.labels.iter().map(|(name, value)| Label { name: name.clone(), value: value.clone() }).collect();
        labels.push(Label { name: "__name__".to_owned(), value: s.name.clone() });
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        TimeSeries { labels, samples: vec![Value { value: s.value, timestamp }] }
    });
    let message = WriteRequest { timeseries: timeseries.collect() }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_in_order_and_values_survive() {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let sample = Sample {
            name: "afterglow_x".into(),
            labels: vec![label("source", "s3://b"), label("Z", "1"), label("cluster", "c")],
            value: -0.5,
        };
        let body = body(&[sample], 1_763_717_000_123).unwrap();
        let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
        let back = WriteRequest::decode(&plain[..]).unwrap();
        let names: Vec<_> = back.timeseries[0].labels.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["Z", "__name__", "cluster", "source"]);
        assert_eq!(back.timeseries[0].samples, [Value { value: -0.5, timestamp: 1_763_717_000_123 }]);
    }
}
