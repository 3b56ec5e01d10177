//! Dates at the beginning of log lines.

/// A date, and how many bytes it takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Epoch milliseconds.
    pub ms: i64,
    pub len: usize,
}

/// The date that `text` begins with: `25/04/18 07:52:27` as Spark's log4j writes it, or
/// `2025-04-18T07:52:27,642` with a `T` or a blank, any decimals and a zone or none. What has no zone
/// is taken as UTC, which is what containers have.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let mut at = Cursor { text, at: 0 };
    let (year, separator) =
        if text.get(2) == Some(&b'/') { (2000 + at.digits(2)?, b'/') } else { (at.digits(4)?, b'-') };
    at.one_of(&[separator])?;
    let month = at.digits(2)?;
    at.one_of(&[separator])?;
    let day = at.digits(2)?;
    at.one_of(b" T")?;
    let hour = at.digits(2)?;
    at.one_of(b":")?;
    let minute = at.digits(2)?;
    at.one_of(b":")?;
    let second = at.digits(2)?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let millis = at.decimals();
    let offset = at.zone();
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    in_range.then_some(Stamp { ms: seconds * 1000 + millis, len: at.at })
}

/// Days since 1970 of a Gregorian date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap = year / 4 - year / 100 + year / 400;
    year * 365 + leap + (153 * month + 2) / 5 + day - 1 - 719_468
}

struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn digits(&mut self, n: usize) -> Option<i64> {
        let digits = self.text.get(self.at..self.at + n)?;
        self.at += n;
        digits.iter().try_fold(0, |v, d| d.is_ascii_digit().then(|| v * 10 + i64::from(d - b'0')))
    }

    fn one_of(&mut self, any: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at).filter(|b| any.contains(b))?;
        self.at += 1;
        Some(byte)
    }

    /// Decimals of a second, as milliseconds.
    fn decimals(&mut self) -> i64 {
        if !matches!(self.text.get(self.at..), Some([b'.' | b',', d, ..]) if d.is_ascii_digit()) {
            return 0;
        }
        self.at += 1;
        let (mut millis, mut place) = (0, 100);
        while let Some(d) = self.text.get(self.at).filter(|d| d.is_ascii_digit()) {
            millis += i64::from(d - b'0') * place;
            place /= 10;
            self.at += 1;
        }
        millis
    }

    /// The zone's offset in minutes: `Z`, `+0200`, `+02:00`; 0 without one.
    fn zone(&mut self) -> i64 {
        let start = self.at;
        let mut offset = || {
            let sign = match self.one_of(b"Z+-")? {
                b'+' => 1,
                b'-' => -1,
                _ => return Some(0),
            };
            let hours = self.digits(2)?;
            let _ = self.one_of(b":");
            Some(sign * (hours * 60 + self.digits(2)?))
        };
        match offset() {
            Some(minutes) => minutes,
            None => {
                self.at = start;
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_logs_write_them() {
        // 2025-04-18T07:52:27Z is 1744962747 by date(1).
        let base = 1_744_962_747_000;
        for (text, ms, len) in [
            ("25/04/18 07:52:27 INFO X", base, 17),
            ("2025-04-18T07:52:27.642Z x", base + 642, 24),
            ("2025-04-18 07:52:27,642 WARN", base + 642, 23),
            ("2025-04-18T09:52:27.642123+0200", base + 642, 31),
            ("2025-04-18T05:52:27.6-02:00", base + 600, 27),
            ("2025-04-18T07:52:27 -", base, 19),
            ("1970-01-01T00:00:00", 0, 19),
            ("2000-02-29T00:00:00Z", 951_782_400_000, 20),
        ] {
            assert_eq!(stamp(text.as_bytes()), Some(Stamp { ms, len }), "{text}");
        }
        for text in
            ["", "2025", "25/04/18", "2025-13-18T07:52:27", "{\"a\":1}", "  2025-04-18T07:52:27", "2025-04-18X07:52:27"]
        {
            assert_eq!(stamp(text.as_bytes()), None, "{text}");
        }
    }
}
