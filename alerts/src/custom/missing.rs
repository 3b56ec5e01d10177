//! Jobs that must have run by a time: every day by 06:00, or every hour by ten past.

/// A job that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The application's name, exactly.
    pub app_name: String,
    /// Any if it is none.
    pub cluster: Option<String>,
    /// After midnight UTC, milliseconds.
    pub by: i64,
    /// From one to the next, milliseconds: a day, or what divides it.
    pub every: i64,
    /// Days on which it is expected, Monday first.
    pub days: [bool; 7],
}

const DAY: i64 = 86_400_000;

impl Missing {
    /// The last time at or before `now` by which a run had to be over, and from when on one counts for it, epoch milliseconds.
    /// None if it was not expected in the last seven days.
    pub fn last_due(&self, now: i64) -> Option<(i64, i64)> {
        let every = self.every.clamp(1, DAY);
        let today = now.div_euclid(DAY);
        for day in (today - 7..=today).rev() {
            // 1970 began on a Thursday.
            if !self.days[(day + 3).rem_euclid(7) as usize] {
                continue;
            }
            let first = day * DAY + self.by.rem_euclid(every);
            // Once a day it is due at that time; more often, from the first time of the day on.
            let (first, times) = if every == DAY { (day * DAY + self.by, 1) } else { (first, DAY / every) };
            let passed = now.checked_sub(first).filter(|ms| *ms >= 0);
            if let Some(ms) = passed {
                let due = first + (ms / every).min(times - 1) * every;
                return Some((due, due - every));
            }
        }
        None
    }

    /// The statement that counts runs which were over after `from` and by `now`: a late run counts, too, one that is yet to come does not.
    pub fn statement(&self, from: i64, now: i64) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let cluster = self.cluster.as_ref().map(|c| format!(" AND cluster = {}", quoted(c))).unwrap_or_default();
        let time = |ms| afterglow_history::date::date(ms).replace("GMT", "Z");
        let (time, until) = (time(from), time(now));
        // A run may have started the day before. The date leaves out files.
        let day = &afterglow_history::date::date(from - 7 * DAY)[..10];
        format!(
            "SELECT count(*) AS value FROM applications WHERE app_name = {}{cluster} AND status = 'completed' \
             AND date >= DATE '{day}' AND end_time > TIMESTAMP '{time}' AND end_time <= TIMESTAMP '{until}'",
            quoted(&self.app_name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    /// Saturday, 2026-11-21, 00:00 UTC.
    const SATURDAY: i64 = 1_795_219_200_000;

    fn job(by: i64, every: i64, days: [bool; 7]) -> Missing {
        Missing { app_name: "it's".into(), cluster: None, by, every, days }
    }

    #[test]
    fn by_six_every_day() {
        let job = job(6 * HOUR, DAY, [true; 7]);
        let due = SATURDAY + 6 * HOUR;
        assert_eq!(job.last_due(due), Some((due, due - DAY)));
        assert_eq!(job.last_due(due - 1), Some((due - DAY, due - 2 * DAY)));
    }

    #[test]
    fn every_hour_by_ten_past() {
        let job = job(HOUR / 6, HOUR, [true; 7]);
        let at = |ms| job.last_due(SATURDAY + ms).map(|(due, _)| due - SATURDAY);
        assert_eq!(at(0), Some(HOUR / 6 - HOUR), "of the day before");
        assert_eq!(
            (at(HOUR / 6), at(HOUR / 6 + HOUR - 1), at(HOUR / 6 + HOUR)),
            (Some(HOUR / 6), Some(HOUR / 6), Some(HOUR / 6 + HOUR))
        );
        assert_eq!(at(23 * HOUR + HOUR / 2), Some(23 * HOUR + HOUR / 6));
    }

    #[test]
    fn not_at_the_weekend() {
        let mut days = [true; 7];
        (days[5], days[6]) = (false, false);
        let job = job(6 * HOUR, DAY, days);
        let friday = SATURDAY - DAY + 6 * HOUR;
        assert_eq!(job.last_due(SATURDAY + DAY), Some((friday, friday - DAY)));
        assert_eq!(super::Missing { days: [false; 7], ..job }.last_due(SATURDAY), None);
    }

    #[test]
    fn names_are_quoted() {
        let statement = job(0, DAY, [true; 7]).statement(SATURDAY, SATURDAY + HOUR);
        assert!(statement.contains("app_name = 'it''s' AND status"), "{statement}");
        assert!(
            statement.ends_with(
                "date >= DATE '2026-11-14' AND end_time > TIMESTAMP '2026-11-21T00:00:00.000Z' \
                 AND end_time <= TIMESTAMP '2026-11-21T01:00:00.000Z'"
            ),
            "{statement}"
        );
    }
}
