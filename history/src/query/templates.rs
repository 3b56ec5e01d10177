//! PostgreSQL's templates of times: `to_char(time, 'YYYY-MM-DD HH24:MI')`, `to_timestamp(text, 'YYYY-MM-DD')`.
//!
//! What PostgreSQL would pass through as text though it is a letter is refused by name: it is a pattern that is not
//! known here, or one that was misspelt.

use std::fmt::Write as _;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The last so many digits of the year.
    Year(usize),
    IsoYear,
    Century,
    Quarter,
    Month,
    MonthName,
    MonthShort,
    Week,
    WeekOfMonth,
    IsoWeek,
    Day,
    DayOfYear,
    DayOfWeek,
    IsoDayOfWeek,
    DayName,
    DayShort,
    Hour24,
    Hour12,
    Half,
    HalfDotted,
    Minute,
    Second,
    SecondOfDay,
    /// So many digits behind the point.
    Fraction(usize),
    Zone,
    ZoneHour,
    ZoneMinute,
    Offset,
}

/// Longer ones before those that they begin with.
const PATTERNS: [(&str, Field); 42] = [
    ("SSSSS", Field::SecondOfDay),
    ("MONTH", Field::MonthName),
    ("A.M.", Field::HalfDotted),
    ("P.M.", Field::HalfDotted),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("IYYY", Field::IsoYear),
    ("SSSS", Field::SecondOfDay),
    ("YYYY", Field::Year(4)),
    ("DAY", Field::DayName),
    ("DDD", Field::DayOfYear),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("MON", Field::MonthShort),
    ("TZH", Field::ZoneHour),
    ("TZM", Field::ZoneMinute),
    ("YYY", Field::Year(3)),
    ("AM", Field::Half),
    ("CC", Field::Century),
    ("DD", Field::Day),
    ("DY", Field::DayShort),
    ("HH", Field::Hour12),
    ("ID", Field::IsoDayOfWeek),
    ("IW", Field::IsoWeek),
    ("MI", Field::Minute),
    ("MM", Field::Month),
    ("MS", Field::Fraction(3)),
    ("OF", Field::Offset),
    ("PM", Field::Half),
    ("SS", Field::Second),
    ("TZ", Field::Zone),
    ("US", Field::Fraction(6)),
    ("WW", Field::Week),
    ("YY", Field::Year(2)),
    ("D", Field::DayOfWeek),
    ("Q", Field::Quarter),
    ("W", Field::WeekOfMonth),
    ("Y", Field::Year(1)),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Field {
        of: Field,
        /// As it was written: names have its case.
        name: String,
        /// Without padding.
        bare: bool,
        /// `TH` or `th` behind a number.
        ordinal: Option<bool>,
    },
    Text(String),
    /// A sign between fields.
    Between(char),
}

/// A template that was understood.
#[derive(Debug, Clone)]
pub struct Template(pub(super) Vec<Piece>);

/// A point in time, or a length of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Time {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    /// Microseconds of the day; of a length of time maybe more than a day has.
    pub micros: i64,
    /// Days since 1970; a length of time and a time of day have none.
    pub date: Option<i64>,
    /// Whether year, month and day are known.
    pub has_days: bool,
    /// Seconds that its zone is ahead of UTC; none without a zone.
    pub zone: Option<i64>,
}

impl Time {
    /// From microseconds since 1970 where its zone is.
    pub fn at(local: i64, zone: Option<i64>) -> Time {
        let date = local.div_euclid(DAY);
        let (year, month, day) = civil(date);
        Time { year, month, day, micros: local.rem_euclid(DAY), date: Some(date), has_days: true, zone }
    }
}

/// Year, month and day of a day since 1970 (Howard Hinnant's algorithm).
fn civil(date: i64) -> (i64, i64, i64) {
    let z = date + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970 of a day.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(super) fn month_days(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// ISO 8601's year and week.
fn iso(date: i64) -> (i64, i64) {
    // The week's Thursday is in its year.
    let thursday = date + 3 - (date + 3).rem_euclid(7);
    let (year, ..) = civil(thursday);
    (year, (thursday - days(year, 1, 1)) / 7 + 1)
}

/// From Sunday on, from 0 on.
fn weekday(date: i64) -> i64 {
    (date + 4).rem_euclid(7)
}

impl Template {
    /// # Errors
    /// If a pattern is not known.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut bare = false;
        while let Some(c) = rest.chars().next() {
            if c == '"' {
                let mut quoted = String::new();
                let mut chars = rest[1..].char_indices();
                let end = loop {
                    match chars.next() {
                        Some((at, '"')) => break at + 2,
                        Some((_, '\\')) => quoted.extend(chars.next().map(|(_, c)| c)),
                        Some((_, c)) => quoted.push(c),
                        None => break rest.len(),
                    }
                };
                pieces.push(Piece::Text(quoted));
                rest = &rest[end..];
                continue;
            }
            let begins = |with: &str| rest.get(..with.len()).is_some_and(|r| r.eq_ignore_ascii_case(with));
            if begins("FM") {
                bare = true;
                rest = &rest[2..];
                continue;
            }
            let known = PATTERNS.iter().filter(|_| !begins("IDDD")).find(|(pattern, _)| begins(pattern));
            let Some((pattern, of)) = known else {
                if c.is_ascii_alphabetic() {
                    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
                    return Err(format!(
                        "the template {text:?} has {word:?}, which is no pattern known here: put text between double \
                         quotes; known are {}, with FM and TH",
                        PATTERNS.iter().map(|(p, _)| *p).collect::<Vec<_>>().join(" ")
                    ));
                }
                pieces.push(Piece::Between(c));
                rest = &rest[c.len_utf8()..];
                continue;
            };
            let name = rest[..pattern.len()].to_owned();
            rest = &rest[pattern.len()..];
            let ordinal = match rest.get(..2) {
                Some("TH") => Some(true),
                Some("th") => Some(false),
                _ => None,
            };
            if ordinal.is_some() {
                rest = &rest[2..];
            }
            pieces.push(Piece::Field { of: *of, name, bare: std::mem::take(&mut bare), ordinal });
        }
        Ok(Template(pieces))
    }

    /// A time as text.
    ///
    /// # Errors
    /// If a pattern asks for what the time does not have.
    pub fn write(&self, time: &Time) -> Result<String, String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Between(c) => out.push(*c),
                Piece::Field { of, name, bare, ordinal } => {
                    let from = out.len();
                    field(&mut out, *of, name, *bare, time)?;
                    if let Some(upper) = ordinal {
                        let number = out[from..].trim_start_matches('0');
                        let teen = number.len() > 1 && number.as_bytes()[number.len() - 2] == b'1';
                        let th = match number.bytes().last() {
                            Some(b'1') if !teen => "st",
                            Some(b'2') if !teen => "nd",
                            Some(b'3') if !teen => "rd",
                            _ => "th",
                        };
                        out.push_str(&if *upper { th.to_uppercase() } else { th.to_owned() });
                    }
                }
            }
        }
        Ok(out)
    }
}

/// A number with so many digits at least.
fn number(out: &mut String, n: i64, width: usize, bare: bool) {
    let width = if bare { 0 } else { width + usize::from(n < 0) };
    let _ = write!(out, "{n:0width$}");
}

/// A name in the case of its pattern.
fn cased(out: &mut String, name: &str, pattern: &str, width: usize, bare: bool) {
    let mut letters = pattern.chars();
    let upper = |c: Option<char>| c.is_some_and(char::is_uppercase);
    let name = match (upper(letters.next()), upper(letters.next())) {
        (true, true) => name.to_uppercase(),
        (true, false) => name.to_owned(),
        _ => name.to_lowercase(),
    };
    let width = if bare { 0 } else { width };
    let _ = write!(out, "{name:width$}");
}

fn field(out: &mut String, of: Field, name: &str, bare: bool, t: &Time) -> Result<(), String> {
    let lacks = |what: &str| format!("{name:?} asks for what {what} does not have");
    let date = || t.date.ok_or_else(|| lacks("a length of time or a time of day"));
    let hour = t.micros / (3600 * SECOND);
    let of_year = |date: i64| date - days(t.year, 1, 1);
    if !t.has_days && matches!(of, Field::Year(_) | Field::Month | Field::Day) {
        return Err(lacks("a time of day"));
    }
    match of {
        Field::Year(4) => number(out, t.year, 4, bare),
        Field::Year(digits) => number(out, t.year.rem_euclid(10_i64.pow(digits as u32)), digits, bare),
        Field::Month => number(out, t.month, 2, bare),
        Field::Day => number(out, t.day, 2, bare),
        Field::IsoYear => number(out, iso(date()?).0, 4, bare),
        Field::Century => {
            date()?;
            number(out, (t.year + 99).div_euclid(100), 2, bare);
        }
        Field::Quarter => {
            date()?;
            number(out, (t.month - 1) / 3 + 1, 1, bare);
        }
        Field::MonthName | Field::MonthShort => {
            date()?;
            let month = MONTHS[(t.month - 1) as usize];
            match of {
                Field::MonthName => cased(out, month, name, 9, bare),
                _ => cased(out, &month[..3], name, 3, bare),
            }
        }
        Field::DayName => cased(out, DAYS[weekday(date()?) as usize], name, 9, bare),
        Field::DayShort => cased(out, &DAYS[weekday(date()?) as usize][..3], name, 3, bare),
        Field::Week => number(out, of_year(date()?) / 7 + 1, 2, bare),
        Field::WeekOfMonth => {
            date()?;
            number(out, (t.day - 1) / 7 + 1, 1, bare);
        }
        Field::IsoWeek => number(out, iso(date()?).1, 2, bare),
        Field::DayOfYear => number(out, of_year(date()?) + 1, 3, bare),
        Field::DayOfWeek => number(out, weekday(date()?) + 1, 1, bare),
        Field::IsoDayOfWeek => number(out, (weekday(date()?) + 6) % 7 + 1, 1, bare),
        Field::Hour24 => number(out, hour, 2, bare),
        Field::Hour12 => number(out, if hour % 12 == 0 { 12 } else { hour % 12 }, 2, bare),
        Field::Half => cased(out, if hour % 24 < 12 { "AM" } else { "PM" }, name, 0, true),
        Field::HalfDotted => {
            let half = if hour % 24 < 12 { "a.m." } else { "p.m." };
            out.push_str(&if name.starts_with(char::is_uppercase) { half.to_uppercase() } else { half.to_owned() });
        }
        Field::Minute => number(out, t.micros / (60 * SECOND) % 60, 2, bare),
        Field::Second => number(out, t.micros / SECOND % 60, 2, bare),
        Field::SecondOfDay => number(out, t.micros / SECOND, 1, bare),
        Field::Fraction(digits) => number(out, t.micros % SECOND / 10_i64.pow(6 - digits as u32), digits, false),
        Field::Zone | Field::ZoneHour | Field::ZoneMinute | Field::Offset => {
            date()?;
            zone(out, of, name, t.zone);
        }
    }
    Ok(())
}

fn zone(out: &mut String, of: Field, name: &str, zone: Option<i64>) {
    let seconds = zone.unwrap_or_default();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let _ = match of {
        // A time without a zone has none to name.
        Field::Zone if zone.is_none() => Ok(()),
        Field::Zone if seconds == 0 => {
            out.push_str(if name.starts_with('t') { "utc" } else { "UTC" });
            Ok(())
        }
        Field::ZoneHour => write!(out, "{sign}{hours:02}"),
        Field::ZoneMinute => write!(out, "{minutes:02}"),
        _ if minutes == 0 => write!(out, "{sign}{hours:02}"),
        _ => write!(out, "{sign}{hours:02}:{minutes:02}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_write_what_postgres_writes() {
        // 2024-01-05 13:07:09.012345, a Friday.
        let time = Time::at(days(2024, 1, 5) * DAY + (13 * 3600 + 7 * 60 + 9) * SECOND + 12_345, Some(0));
        let write = |template: &str| Template::parse(template).unwrap().write(&time).unwrap();
        for (template, expected) in [
            ("YYYY-MM-DD HH24:MI", "2024-01-05 13:07"),
            ("YYYY-MM-DD HH24:MI:SS.US", "2024-01-05 13:07:09.012345"),
            ("YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"", "2024-01-05T13:07:09.012Z"),
            ("YYYYMMDD", "20240105"),
            ("yyyy-mm-dd hh24:mi", "2024-01-05 13:07"),
            ("YY/Y HH12:MI AM", "24/4 01:07 PM"),
            ("HH:MI pm a.m.", "01:07 pm p.m."),
            ("Mon DD, YYYY", "Jan 05, 2024"),
            ("MON mon Month|MONTH|FMMonth", "JAN jan January  |JANUARY  |January"),
            ("Day|FMDay|Dy DY dy", "Friday   |Friday|Fri FRI fri"),
            ("D ID DDD FMDDD", "6 5 005 5"),
            ("Q WW W IW IYYY CC", "1 01 1 01 2024 21"),
            ("FMDD FMMM FMHH12", "5 1 1"),
            ("DDth FMDDTH", "05th 5TH"),
            ("SSSS FF1 FF3", "47229 0 012"),
            ("TZ tz OF TZH:TZM", "UTC utc +00 +00:00"),
            ("", ""),
        ] {
            assert_eq!(write(template), expected, "{template}");
        }
        for (template, odd) in
            [("YYYY-MM-DDTHH24", "H"), ("%Y-MM", "%"), ("YYYY J", "J"), ("foo", "foo"), ("IDDD", "IDDD")]
        {
            match Template::parse(template) {
                Err(said) => assert!(said.contains(&format!("{odd:?}")), "{template}: {said}"),
                Ok(_) => assert_eq!(odd, "%", "{template}"),
            }
        }
    }

    #[test]
    fn weeks_and_leap_years_are_right_at_their_edges() {
        let write = |y, m, d| {
            let time = Time::at(days(y, m, d) * DAY, None);
            Template::parse("YYYY-MM-DD IYYY-IW-ID DDD WW Dy").unwrap().write(&time).unwrap()
        };
        assert_eq!(write(2021, 1, 3), "2021-01-03 2020-53-7 003 01 Sun");
        assert_eq!(write(2024, 12, 30), "2024-12-30 2025-01-1 365 53 Mon");
        assert_eq!(write(2000, 2, 29), "2000-02-29 2000-09-2 060 09 Tue");
        assert_eq!(write(1969, 12, 31), "1969-12-31 1970-01-3 365 53 Wed");
        for date in -200_000..200_000 {
            let (y, m, d) = civil(date);
            assert_eq!(days(y, m, d), date);
        }
    }

    #[test]
    fn lengths_of_time_have_hours_and_no_month() {
        let time = Time { day: 2, micros: (30 * 3600 + 61) * SECOND, has_days: true, ..Time::default() };
        let write = |template: &str| Template::parse(template).unwrap().write(&time);
        assert_eq!(write("DD HH24:MI:SS").unwrap(), "02 30:01:01");
        assert!(write("Mon").unwrap_err().contains("Mon"));
    }
}
