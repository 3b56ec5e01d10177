//! Time intervals: when a route tells, or does not. Days and times are of a zone at a fixed distance from UTC.

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

/// Weekdays and times of day. What is empty holds always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interval {
    /// 0 is Sunday, as Alertmanager has it.
    pub weekdays: Vec<u8>,
    /// Minutes of the day, from and up to.
    pub times: Vec<(u32, u32)>,
    /// Minutes that the zone is ahead of UTC.
    pub offset: i64,
}

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

impl Interval {
    /// Reads weekdays as `monday:friday` or `sunday`, times as `08:00-18:30`, and the distance from UTC as `+02:00`.
    ///
    /// # Errors
    /// A sentence about what is none.
    pub fn parse(weekdays: &[String], times: &[String], offset: &str) -> Result<Self, String> {
        let mut out = Interval { offset: parse_offset(offset)?, ..Interval::default() };
        for text in weekdays {
            let lower = text.trim().to_lowercase();
            let (from, to) = lower.split_once(':').unwrap_or((&lower, &lower));
            let day = |name: &str| {
                let at = DAYS.iter().position(|d| *d == name.trim());
                at.ok_or_else(|| format!("`{text}` names no weekdays: write monday:friday, or sunday"))
            };
            let (from, to) = (day(from)?, day(to)?);
            let count = (to + 7 - from) % 7;
            out.weekdays.extend((0..=count).filter_map(|i| u8::try_from((from + i) % 7).ok()));
        }
        for text in times {
            let bad = || format!("`{text}` is no time of day: write 08:00-18:30; it ends by 24:00");
            let (from, to) = text.split_once('-').ok_or_else(bad)?;
            let (from, to) = (minutes(from).ok_or_else(bad)?, minutes(to).ok_or_else(bad)?);
            if from >= to {
                return Err(bad());
            }
            out.times.push((from, to));
        }
        Ok(out)
    }

    /// Whether it holds at epoch milliseconds.
    pub fn holds(&self, now: i64) -> bool {
        let local = now.saturating_add(self.offset.saturating_mul(MINUTE));
        // 1970-01-01 was a Thursday.
        let weekday = (local.div_euclid(DAY) + 4).rem_euclid(7);
        let minute = local.rem_euclid(DAY) / MINUTE;
        let of_day = self.weekdays.is_empty() || self.weekdays.iter().any(|d| i64::from(*d) == weekday);
        let in_times = |(from, to): &(u32, u32)| (i64::from(*from)..i64::from(*to)).contains(&minute);
        of_day && (self.times.is_empty() || self.times.iter().any(in_times))
    }
}

/// `08:30` as minutes of the day.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

/// `+02:00` as minutes; empty and `UTC` are none.
fn parse_offset(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("utc") {
        return Ok(0);
    }
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => (0, ""),
    };
    let distance = minutes(rest).filter(|_| sign != 0);
    distance.map(|m| sign * i64::from(m)).ok_or_else(|| format!("`{text}` is no distance from UTC: write +02:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 2026-11-21, 13:00 UTC.
    const SATURDAY: i64 = 1_795_266_000_000;

    fn interval(days: &[&str], times: &[&str], offset: &str) -> Interval {
        let own = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Interval::parse(&own(days), &own(times), offset).unwrap()
    }

    #[test]
    fn days_and_times() {
        assert!(interval(&["saturday"], &[], "").holds(SATURDAY));
        assert!(interval(&["friday:monday"], &["13:00-13:01"], "").holds(SATURDAY));
        assert!(!interval(&["monday:friday"], &[], "").holds(SATURDAY));
        assert!(!interval(&[], &["08:00-13:00"], "").holds(SATURDAY));
        // 2026-11-22, 01:00 in Auckland.
        assert!(interval(&["sunday"], &["00:00-02:00"], "+12:00").holds(SATURDAY));
        assert!(interval(&["saturday"], &["00:00-24:00"], "-13:00").holds(SATURDAY));
        assert!(interval(&[], &[], "").holds(SATURDAY));
    }

    #[test]
    fn what_is_none_is_said() {
        let parse =
            |day: &str, time: &str, zone: &str| Interval::parse(&[day.into()], &[time.into()], zone).unwrap_err();
        assert!(parse("mon", "08:00-09:00", "").contains("names no weekdays"));
        assert!(parse("monday", "22:00-06:00", "").contains("no time of day"));
        assert!(parse("monday", "08:00-09:00", "Europe/Paris").contains("no distance from UTC"));
    }
}
