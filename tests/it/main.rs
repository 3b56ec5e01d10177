//! End-to-end tests: the real binary, over real logs, asked over HTTP.
//!
//! The tools: [`server`] runs the binary, [`http`] asks it, [`logs`] unpacks `tests/logs`, [`rules`]
//! compares answers, [`archive`] reads the recordings of `tests/golden`, [`answers`] collects all that a
//! server says of an application, [`moto`] is an S3 server, [`proxy`] stands before it and fails, [`otlp`] is a
//! receiver of OTLP and Rotel a real one, [`paged`] is a store in memory that fails, [`prometheus`] is a real one, [`skip`] notes what cannot be tested. The others are tests, by what
//! they are about.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod answers;
mod archive;
mod http;
mod logs;
mod moto;
mod otlp;
mod paged;
mod prometheus;
mod proxy;
mod rules;
mod server;
mod skip;

mod cli;
mod conformance;
mod containers;
mod credentials;
mod custom_rules;
mod engines;
mod findings_streaming;
mod fleet;
mod follow;
mod golden;
mod hostile;
mod ingest;
mod listing;
mod metrics;
mod otel;
mod ours;
mod pages;
mod postgres;
mod remote_write;
mod restart;
mod s3;
mod sql;
mod stumbling;
