//! Lines through the event parser. A line that is an event is the same event to both readers of JSON, whatever
//! blanks are around it; a line that the careful reader takes is not lost by the fast one.

#![no_main]

use afterglow_fuzz::{redactor, runtime, seeds, with_stack};
use afterglow_history::state::Attempt;
use afterglow_ingest::event::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        // Made before memory is looked at.
        let _ = (runtime(), redactor());
        seeds::plant("event", seeds::lines);
    },
    |data: &[u8]| {
        let line = data.to_vec();
        with_stack(data, move || check(&line));
    }
);

fn check(line: &[u8]) {
    let event = parse(line);
    if let Ok(event) = &event {
        let mut attempt = Attempt::new(redactor());
        attempt.apply(event);
        attempt.take_changed();
    }
    // A blank before the first name: the line is no longer known by its first bytes, and is read by serde_json.
    let Some(rest) = line.strip_prefix(b"{") else { return };
    let spaced = [b"{ ", rest, b" "].concat();
    match (event, parse(&spaced)) {
        (Ok(fast), Ok(careful)) => same(&format!("{fast:?}"), &format!("{careful:?}")),
        (Err(e), Ok(careful)) => panic!("only one reader takes the line: {e}: {careful:?}"),
        _ => {}
    }
}

/// The same but for the line itself, which an unknown event has, and is with one blank more.
fn same(fast: &str, careful: &str) {
    let is_unknown = fast.starts_with("Unknown(") || fast.starts_with("QueryProgress(");
    assert!(fast == careful || is_unknown, "two readings:\n{fast}\n{careful}");
}
