//! Dates as the REST API writes and reads them: written in UTC with milliseconds and a literal
//! `GMT`; read as Java's lenient `SimpleDateFormat` reads query parameters. No clock, no zone
//! database.

use std::fmt;

use serde::{Serialize, Serializer};

const DAY_MS: i64 = 86_400_000;

/// Zone abbreviations that Java knows in its US locale, with their offset in minutes.
const ZONES: [(&str, i64); 32] = [
    ("UTC", 0),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("IST", 120),
    ("MSK", 180),
    ("SGT", 480),
    ("JST", 540),
    ("KST", 540),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("NST", -210),
    ("NDT", -150),
    ("BRT", -180),
    ("AST", -240),
    ("ADT", -180),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("HST", -600),
];

/// Epoch milliseconds that show and serialise as a date text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}GMT", ms % 1000)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Writes epoch milliseconds as `2015-02-03T16:42:40.000GMT` (Gregorian for all times).
pub fn date(ms: i64) -> String {
    Date(ms).to_string()
}

/// Reads a date parameter to epoch milliseconds: `2015-02-03T16:42:40.000GMT`, the zone being
/// `GMT`, `GMT+1:00`, `-0800` or an abbreviation; else `2015-02-03`, at midnight GMT. As in Java,
/// fields may overflow (month 13) and text that follows is no error.
pub fn parse_date(text: &str) -> Option<i64> {
    let mut rest = Rest(text);
    let (year, month, day) = (rest.number()?, rest.after(b'-')?, rest.after(b'-')?);
    let midnight = days(year, month, day)?.checked_mul(DAY_MS)?;
    Some(rest.time_of_day().and_then(|ms| midnight.checked_add(ms)).unwrap_or(midnight))
}

/// Reads an instant as Java and Spark's streaming reports write it, `2015-02-03T16:42:40.123Z`
/// with any number of decimals, to epoch milliseconds.
pub fn instant(text: &str) -> Option<i64> {
    let text = text.trim().strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let mut rest = Rest(whole);
    let (year, month, day) = (rest.number()?, rest.after(b'-')?, rest.after(b'-')?);
    let (hour, minute, second) = (rest.after(b'T')?, rest.after(b':')?, rest.after(b':')?);
    let seconds = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    let midnight = days(year, month, day)?.checked_mul(DAY_MS)?;
    midnight.checked_add(seconds.checked_mul(1000)?)?.checked_add(millis.parse().ok()?)
}

/// The text that is still to be read.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    /// The digits that come next, leading blanks aside.
    fn number(&mut self) -> Option<i64> {
        self.skip_blanks();
        let end = self.0.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits.parse().ok()
    }

    /// The number behind `separator`.
    fn after(&mut self, separator: u8) -> Option<i64> {
        self.literal(separator)?;
        self.number()
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(char::from(byte))?;
        Some(())
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// `T16:42:40.000GMT` as milliseconds after midnight GMT.
    fn time_of_day(&mut self) -> Option<i64> {
        let (hour, minute, second) = (self.after(b'T')?, self.after(b':')?, self.after(b':')?);
        let ms = self.after(b'.')?;
        let zone = self.zone()?;
        let seconds = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
        seconds.checked_sub(zone * 60)?.checked_mul(1000)?.checked_add(ms)
    }

    /// The offset of a zone from GMT in minutes.
    fn zone(&mut self) -> Option<i64> {
        self.skip_blanks();
        if let Some(sign) = self.sign() {
            return Some(sign * self.offset(false)?);
        }
        let named = |name: &str| self.0.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
        if !named("GMT") {
            return ZONES.iter().find(|(name, _)| named(name)).map(|(_, minutes)| *minutes);
        }
        self.0 = &self.0[3..];
        match self.sign() {
            Some(sign) => Some(sign * self.offset(true)?),
            None => Some(0),
        }
    }

    fn sign(&mut self) -> Option<i64> {
        let sign = match self.0.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        Some(sign)
    }

    /// `8:30` or `08:30` if a colon is called for, else `0830`, in minutes.
    fn offset(&self, colon: bool) -> Option<i64> {
        let digit = |at: usize| self.0.as_bytes().get(at).filter(|b| b.is_ascii_digit()).map(|b| i64::from(b - b'0'));
        let (hours, at) = match (digit(0)?, digit(1)) {
            (tens, Some(ones)) => (tens * 10 + ones, 2),
            (ones, None) if colon => (ones, 1),
            _ => return None,
        };
        if colon && self.0.as_bytes().get(at) != Some(&b':') {
            return None;
        }
        let at = at + usize::from(colon);
        let minutes = digit(at)? * 10 + digit(at + 1)?;
        (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)
    }
}

/// Days since 1970-01-01 to (year, month, day), counted in eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a date whose month and day may overflow.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = month.checked_sub(1)?;
    let (year, month) = (year.checked_add(month.div_euclid(12))?, month.rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.checked_mul(146_097)?.checked_add(day_of_era - 719_468)?.checked_add(day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_java_does() {
        let cases = [
            (0, "1970-01-01T00:00:00.000GMT"),
            (-1, "1969-12-31T23:59:59.999GMT"),
            (951_782_400_000, "2000-02-29T00:00:00.000GMT"),
            (1_795_220_845_798, "2026-11-21T00:27:25.798GMT"),
            (-2_208_988_800_000, "1900-01-01T00:00:00.000GMT"),
            (-12_219_292_800_000, "1582-10-15T00:00:00.000GMT"),
            (32_503_680_000_000, "3000-01-01T00:00:00.000GMT"),
            (253_402_300_800_000, "10000-01-01T00:00:00.000GMT"),
            (i64::MAX, "292278994-08-17T07:12:55.807GMT"),
        ];
        for (ms, expected) in cases {
            assert_eq!(date(ms), expected);
        }
        assert_eq!(date(-62_135_596_800_000), "0001-01-01T00:00:00.000GMT");
        assert!(date(i64::MIN).starts_with("-292275055-05-16T"));
    }

    #[test]
    fn reads_instants() {
        let cases = [
            ("2026-11-21T00:27:25.798Z", Some(1_795_220_845_798)),
            ("2026-11-21T00:27:25Z", Some(1_795_220_845_000)),
            ("2026-11-21T00:27:25.7Z", Some(1_795_220_845_700)),
            ("2026-11-21T00:27:25.798123Z", Some(1_795_220_845_798)),
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("2026-11-21", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(instant(text), expected, "{text}");
        }
    }

    /// Expectations: Java 17's `SimpleDateFormat`, used as Spark's `SimpleDateParam` uses it.
    #[test]
    fn reads_dates_as_java_does() {
        let cases = [
            ("2015-02-10", Some(1_423_526_400_000)),
            (" 2015-02-10", Some(1_423_526_400_000)),
            ("2015-02-10foo", Some(1_423_526_400_000)),
            ("2015-2-3", Some(1_422_921_600_000)),
            ("2015-13-45", Some(1_455_408_000_000)),
            ("2015-00-00", Some(1_417_305_600_000)),
            ("12345-01-01", Some(327_403_382_400_000)),
            ("2015-02-10T00:00:00.000GMT", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.004GMT+01:00", Some(1_423_526_523_004)),
            ("2015-02-10T01:02:03.004GMT+1:00", Some(1_423_526_523_004)),
            ("2015-02-10T01:02:03.004GMT-8:30", Some(1_423_560_723_004)),
            ("2015-02-10T01:02:03.004GMT+0100", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.004GMT+24:00", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.004 gmt", Some(1_423_530_123_004)),
            ("2015-02-10T01:02:03.004UTC", Some(1_423_530_123_004)),
            ("2015-02-10T01:02:03.004EST", Some(1_423_548_123_004)),
            ("2015-07-10T01:02:03.004EDT", Some(1_436_504_523_004)),
            ("2015-02-10T01:02:03.004pst", Some(1_423_558_923_004)),
            ("2015-02-10T01:02:03.004CET", Some(1_423_526_523_004)),
            ("2015-02-10T01:02:03.004ESTfoo", Some(1_423_548_123_004)),
            ("2015-02-10T01:02:03.004+0130", Some(1_423_524_723_004)),
            ("2015-02-10T01:02:03.004-0800", Some(1_423_558_923_004)),
            ("2015-02-10T01:02:03.004+01:30", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.004 0100", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.004Z", Some(1_423_526_400_000)),
            ("2015-02-10T01:02:03.4GMT", Some(1_423_530_123_004)),
            ("2015-02-10T01:02:03.123456GMT", Some(1_423_530_246_456)),
            ("2015-02-10T25:61:61.000GMT", Some(1_423_620_121_000)),
            ("2015-02-10T01:02:03", Some(1_423_526_400_000)),
            ("20150210", None),
            ("2015-02", None),
            ("2015-+2-10", None),
            ("bogus", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_date(text), expected, "{text}");
        }
        assert_eq!(parse_date("99999999999999999999-01-01"), None);
        assert_eq!(parse_date("9223372036854775807-12-31"), None);
        assert_eq!(parse_date("2015-02-10T9223372036854775807:00:00.000GMT"), Some(1_423_526_400_000));
    }

    #[test]
    fn what_is_written_is_read() {
        for ms in [0, 1_423_526_523_004, 253_402_300_800_001, -11_644_473_600_000] {
            assert_eq!(parse_date(&date(ms)), Some(ms));
        }
    }
}
