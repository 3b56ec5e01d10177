//! Answers of models, put against a case: whatever they say, what is left cites nothing but what the case has, and is no more than was
//! asked for.

#![no_main]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use afterglow_alerts::remedy::answer::{Claim, check};
use afterglow_alerts::remedy::case::{Case, Passage};
use afterglow_alerts::remedy::mask::{Allowed, Mask};
use afterglow_fuzz::{redactor, seeds};
use libfuzzer_sys::fuzz_target;

/// More of either was never asked for.
const MANY: usize = 8;

fn case() -> &'static Case {
    static ONE: OnceLock<Case> = OnceLock::new();
    ONE.get_or_init(|| {
        let mask = Mask::new(redactor(), Allowed::default()).expect("its patterns");
        let texts = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let labels: BTreeMap<_, _> = texts(&[("alertname", "Lag"), ("cluster", "a")]);
        let annotations: BTreeMap<_, _> = texts(&[("summary", "falls behind by 30 s")]);
        let text = |t: &str| t.to_owned();
        let passage = Passage { id: text("p1"), title: text("Lag"), text: text("More cores."), from: text("runbooks") };
        Case::of_alert(&labels, &annotations, "critical", &mask).passages([passage])
    })
}

fuzz_target!(
    init: {
        let _ = case();
        seeds::plant("answer", || SEEDS.iter().map(|s| s.as_bytes().to_vec()).collect());
    },
    |data: &[u8]| {
        let Ok(given) = serde_json::from_slice(data) else { return };
        let Some(left) = check(&given, case()) else { return };
        assert!(left.steps.len() <= MANY && left.settings.len() <= MANY, "{left:?}");
        for Claim { text, cites } in left.steps.iter().chain(&left.cause) {
            assert!(!text.is_empty());
            resolved(cites);
        }
        left.settings.iter().for_each(|s| resolved(&s.cites));
    }
);

fn resolved(cites: &[String]) {
    assert!(!cites.is_empty() && cites.iter().all(|id| case().has(id)), "{cites:?}");
}

const SEEDS: [&str; 3] = [
    r#"{"cause":{"text":"The query reads faster than it writes.","cites":["e1"]},"steps":[{"text":"Give it more cores.","cites":["p1","e2"]}],"settings":[{"key":"spark.sql.shuffle.partitions","suggested":"400","why":"smaller tasks","cites":["e1"]}]}"#,
    r#"{"steps":"[{\"text\":\"Look at http://x.example\",\"cites\":[\"e9\"]}]","cause":null,"settings":[]}"#,
    r#"{"settings":[{"key":"spark.executor.memory","suggested":"8g","why":"it spills","cites":["p1"]},{"key":"spark.driver.host","suggested":"x","why":"y","cites":[]}]}"#,
];
