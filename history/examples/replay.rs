use std::{io::Read, sync::Arc, time::Instant};
use afterglow_history::{redact::{Redactor, SPARK_DEFAULT}, state::Attempt};
use afterglow_ingest::event;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut data = Vec::new();
    std::fs::File::open(path).unwrap().read_to_end(&mut data).unwrap();
    let mb = data.len() as f64 / 1e6;
    let t = Instant::now();
    let mut n = 0u64; let mut bad = 0;
    for l in data.split(|b| *b == b'\n') { if l.is_empty() { continue; } n += 1; if event::parse(l).is_err() { bad += 1; } }
    println!("parse {n} lines bad {bad}: {:.0} MB/s", mb / t.elapsed().as_secs_f64());
    let t = Instant::now();
    let mut a = Attempt::new(Arc::new(Redactor::new(SPARK_DEFAULT).unwrap()));
    let mut rows = 0;
    for l in data.split(|b| *b == b'\n') { if l.is_empty() { continue; } if let Ok(e) = event::parse(l) { a.apply(&e); } if a.waiting_tasks() > 8192 { rows += a.take_rows().tasks.len(); } }
    println!("parse+apply rows {rows}: {:.0} MB/s {:?} unknown {:?}", mb / t.elapsed().as_secs_f64(), a.application, a.completeness.unknown_events);
    let t = Instant::now();
    let s: u64 = memchr_count(&data);
    println!("newlines {s}: {:.0} MB/s", mb / t.elapsed().as_secs_f64());
}
fn memchr_count(d: &[u8]) -> u64 { let mut n = 0; let mut d = d; while let Some(i) = d.iter().position(|b| *b == b'\n') { n += 1; d = &d[i+1..]; } n }
