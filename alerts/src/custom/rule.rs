//! A rule as an operator wrote it, understood.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Labels, Missing, Series, Template, TemplateError};

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub name: String,
    pub kind: Kind,
    /// From one evaluation to the next.
    pub interval: Duration,
    /// How long the condition must hold before it fires.
    pub hold: Duration,
    /// How long it fires on after the condition held last.
    pub keep: Duration,
    /// Added to those of each row; with `severity`.
    pub labels: Labels,
    /// `summary` among them.
    pub annotations: BTreeMap<String, Template>,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A statement over the fleet tables. Of each row the column `value` is what the condition is about, the others are labels;
    /// without a condition each row holds.
    Sql {
        statement: String,
        condition: Option<Condition>,
    },
    /// A number of a fleet table over a window of time.
    Series {
        series: Series,
        condition: Condition,
    },
    Missing(Missing),
}

/// A threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    compare: Compare,
    threshold: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Other,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("`{0}` is no condition: write a comparison and a number, as `> 95` or `<= 0.5`")]
    Condition(String),
    #[error("{0}: {1}")]
    Template(String, TemplateError),
    #[error("`{0}` is no time of day: write hours and minutes, as 06:00")]
    TimeOfDay(String),
    #[error("`{0}` is no day: write mon, tue, wed, thu, fri, sat or sun")]
    Day(String),
    #[error("`every` does not divide a day: write 24h, 12h, 8h, 6h, 4h, 3h, 2h, 1h, 30m, 15m or 5m")]
    Every,
}

impl Condition {
    /// Reads `> 95`.
    ///
    /// # Errors
    /// If it is no comparison with a finite number.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        const COMPARISONS: [(&str, Compare); 7] = [
            ("<=", Compare::AtMost),
            (">=", Compare::AtLeast),
            ("==", Compare::Equal),
            ("!=", Compare::Other),
            ("<", Compare::Less),
            (">", Compare::More),
            ("=", Compare::Equal),
        ];
        let bad = || RuleError::Condition(text.to_owned());
        let sign = |(sign, compare): (&str, Compare)| Some((text.trim().strip_prefix(sign)?, compare));
        let (rest, compare) = COMPARISONS.into_iter().find_map(sign).ok_or_else(bad)?;
        let threshold: f64 = rest.trim().parse().map_err(|_| bad())?;
        if !threshold.is_finite() {
            return Err(bad());
        }
        Ok(Condition { compare, threshold })
    }

    pub fn holds(&self, value: f64) -> bool {
        match self.compare {
            Compare::Less => value < self.threshold,
            Compare::AtMost => value <= self.threshold,
            Compare::More => value > self.threshold,
            Compare::AtLeast => value >= self.threshold,
            Compare::Equal => value == self.threshold,
            Compare::Other => value != self.threshold,
        }
    }
}

impl Missing {
    /// Understands `by`, `every` and `days` as people write them.
    ///
    /// # Errors
    /// If one of them means nothing.
    pub fn parse(
        app_name: &str,
        cluster: Option<&str>,
        by: &str,
        every: Duration,
        days: &[String],
    ) -> Result<Self, RuleError> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let bad = || RuleError::TimeOfDay(by.to_owned());
        let (hours, minutes) = by.trim().split_once(':').ok_or_else(bad)?;
        let (hours, minutes): (i64, i64) = (hours.parse().map_err(|_| bad())?, minutes.parse().map_err(|_| bad())?);
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return Err(bad());
        }
        let every = i64::try_from(every.as_millis()).map_err(|_| RuleError::Every)?;
        if every < 60_000 || 86_400_000 % every != 0 {
            return Err(RuleError::Every);
        }
        let mut on = [days.is_empty(); 7];
        for day in days {
            let at = DAYS.iter().position(|d| day.trim().eq_ignore_ascii_case(d));
            on[at.ok_or_else(|| RuleError::Day(day.clone()))?] = true;
        }
        Ok(Missing {
            app_name: app_name.to_owned(),
            cluster: cluster.map(str::to_owned),
            by: (hours * 60 + minutes) * 60_000,
            every,
            days: on,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let holds = |text: &str, value| Condition::parse(text).map(|c| c.holds(value));
        assert_eq!((holds("< 2", 1.9), holds("<2", 2.0), holds("<= 2", 2.0)), (Ok(true), Ok(false), Ok(true)));
        assert_eq!(
            (holds("> 95", 95.0), holds(">=95", 95.0), holds("== 1", 1.0), holds("!= 1", 1.0)),
            (Ok(false), Ok(true), Ok(true), Ok(false))
        );
        for bad in ["", "95", "> much", "> inf", "=> 1"] {
            assert_eq!(Condition::parse(bad), Err(RuleError::Condition(bad.into())));
        }
    }

    #[test]
    fn times_of_day() {
        const HOUR: Duration = Duration::from_secs(3600);
        let parse = |by: &str, every, days: &[&str]| {
            let days: Vec<String> = days.iter().map(|d| (*d).to_owned()).collect();
            Missing::parse("a", None, by, every, &days)
        };
        let job = parse("06:30", 24 * HOUR, &["mon", "Sun"]).unwrap();
        assert_eq!((job.by, job.every), (23_400_000, 86_400_000));
        assert_eq!(job.days, [true, false, false, false, false, false, true]);
        assert_eq!(parse("0:10", HOUR, &[]).unwrap().days, [true; 7]);
        assert_eq!(parse("24:00", HOUR, &[]), Err(RuleError::TimeOfDay("24:00".into())));
        assert_eq!(parse("6", HOUR, &[]), Err(RuleError::TimeOfDay("6".into())));
        assert_eq!(parse("6:00", 5 * HOUR, &[]), Err(RuleError::Every));
        assert_eq!(parse("6:00", HOUR, &["montag"]), Err(RuleError::Day("montag".into())));
    }
}
