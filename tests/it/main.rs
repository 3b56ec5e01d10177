//! End-to-end tests: the real binary, over real logs, asked over HTTP.
//!
//! The tools: [`server`] runs the binary, [`http`] asks it, [`logs`] unpacks `tests/logs`, [`rules`]
//! compares answers, [`archive`] reads the recordings of `tests/golden`, [`answers`] collects all that a
//! server says of an application, [`bedrock`] speaks the wire format of Amazon Bedrock, [`moto`] is an S3 server, [`proxy`] stands before it and fails, [`otlp`] is a
//! receiver of OTLP and Rotel a real one, [`paged`] is a store in memory that fails, [`prometheus`] is a real one, [`skip`] notes what cannot be tested, [`synthetic`] writes logs of any size. The others are tests, by what
//! they are about.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod answers;
mod archive;
mod bedrock;
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
mod synthetic;

mod alerts;
mod cli;
mod conformance;
mod containers;
mod credentials;
mod crowded;
mod custom_rules;
mod engines;
mod findings;
mod findings_data;
mod findings_streaming;
mod findings_tasks;
mod fleet;
mod follow;
mod formats;
mod golden;
mod guarded;
mod hostile;
mod ingest;
mod listing;
mod metrics;
mod noted;
mod odd;
mod otel;
mod ours;
mod overview;
mod pages;
mod placed;
mod postgres;
mod postgres_clients;
mod ready;
mod remediation;
mod remote_write;
mod reports;
mod restart;
mod s3;
mod secrets;
mod several;
mod sns;
mod sql;
mod sql_attacked;
mod sql_damaged;
mod stumbling;
mod watched;
