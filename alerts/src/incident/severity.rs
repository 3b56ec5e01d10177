//! What others call severities, as ours: whatever the case, and the words of those who use Alertmanager, Grafana, PagerDuty,
//! Opsgenie, Zabbix and syslog.

/// Ours, and the words that mean it. `error` and `page` are no `critical`: PagerDuty and Opsgenie tell them apart.
const WORDS: [(&str, &[&str]); 5] = [
    (
        "critical",
        &[
            "crit",
            "fatal",
            "emergency",
            "emerg",
            "alert",
            "panic",
            "disaster",
            "blocker",
            "p0",
            "p1",
            "s1",
            "sev0",
            "sev1",
        ],
    ),
    ("page", &["pager", "paging"]),
    ("error", &["err", "high", "major", "p2", "s2", "sev2"]),
    ("warning", &["warn", "medium", "moderate", "average", "minor", "p3", "s3", "sev3"]),
    ("info", &["information", "informational", "notice", "low", "none", "debug", "p4", "p5", "s4", "sev4", "sev5"]),
];

/// A severity by our name for it; one that is not known stays as it is.
pub fn named(text: &str) -> String {
    let text = text.trim();
    let folded: String = text.to_lowercase().chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    let known = WORDS.iter().find(|(name, words)| *name == folded || words.contains(&folded.as_str()));
    known.map_or(text, |(name, _)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_call_it() {
        for (text, name) in [
            ("CRITICAL", "critical"),
            (" Critical ", "critical"),
            ("crit", "critical"),
            ("Sev-1", "critical"),
            ("P1", "critical"),
            ("Page", "page"),
            ("High", "error"),
            ("WARN", "warning"),
            ("Warning", "warning"),
            ("Informational", "info"),
            ("P5", "info"),
            ("Gold", "Gold"),
            ("", ""),
        ] {
            assert_eq!(named(text), name, "{text}");
        }
    }
}
