//! Times that texts say, by PostgreSQL's templates.

use super::templates::{DAY, DAYS, Field, MONTHS, Piece, SECOND, Template, days, month_days};

#[derive(Debug, Default)]
struct Said {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    /// Afternoon, where hours are counted to twelve.
    half: Option<bool>,
    twelve: bool,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    micros: i64,
    zone: i64,
}

/// Microseconds since 1970 that a text says; UTC unless it says otherwise.
///
/// # Errors
/// If the text does not fit.
pub fn read(template: &Template, text: &str) -> Result<i64, String> {
    let mut said = Said::default();
    let mut rest = text.trim_start();
    for (i, piece) in template.0.iter().enumerate() {
        match piece {
            Piece::Text(quoted) => {
                // As many letters as it has, whatever they are.
                let n = rest.char_indices().nth(quoted.chars().count()).map_or(rest.len(), |(at, _)| at);
                rest = &rest[n..];
            }
            Piece::Between(_) => {
                let sign = |c: char| !(c.is_alphanumeric() || c == '-' && zoned(template.0.get(i + 1)));
                let mut chars = rest.chars();
                if let Some(c) = chars.next().filter(|c| sign(*c)) {
                    rest = if c.is_whitespace() { rest.trim_start() } else { chars.as_str().trim_start() };
                }
            }
            Piece::Field { of, name, .. } => {
                rest = rest.trim_start();
                // What the text does not say any more is nought.
                if rest.is_empty() {
                    continue;
                }
                let next = template.0.get(i + 1);
                let runs_on = matches!(next, Some(Piece::Field { .. }));
                rest = take(&mut said, *of, name, rest, runs_on, text)?;
            }
        }
    }
    said.micros(text)
}

fn zoned(piece: Option<&Piece>) -> bool {
    matches!(piece, Some(Piece::Field { of: Field::ZoneHour | Field::Offset, .. }))
}

/// Reads a field, and gives what is behind it.
fn take<'a>(
    said: &mut Said,
    of: Field,
    name: &str,
    rest: &'a str,
    runs_on: bool,
    text: &str,
) -> Result<&'a str, String> {
    let odd = || {
        let word: String = rest.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
        format!("invalid value {word:?} for {name:?} in {text:?}")
    };
    let digits = |most: usize| -> Result<(i64, usize), String> {
        let n = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        Ok((rest[..n].parse().map_err(|_| odd())?, n))
    };
    let named = |names: &[&str], short: bool| -> Result<(i64, usize), String> {
        let fits = |n: &&str| rest.get(..n.len()).is_some_and(|r| r.eq_ignore_ascii_case(n));
        let at = names.iter().position(|n| fits(&if short { &n[..3] } else { n })).ok_or_else(odd)?;
        Ok((at as i64, if short { 3 } else { names[at].len() }))
    };
    let within = |(n, bytes): (i64, usize), from: i64, to: i64| match (from..=to).contains(&n) {
        true => Ok((n, bytes)),
        false => Err(format!("{n} is out of range for {name:?} in {text:?}")),
    };
    let used = match of {
        Field::Year(most) => {
            let (year, n) = digits(if runs_on || most < 4 { most } else { 9 })?;
            said.year = Some(match (most, n) {
                (2 | 1, _) if year < 70 => 2000 + year,
                (2 | 1, _) => 1900 + year,
                _ => year,
            });
            n
        }
        Field::Month => {
            let (month, n) = within(digits(2)?, 1, 12)?;
            said.month = Some(month);
            n
        }
        Field::MonthName | Field::MonthShort => {
            let (month, n) = named(&MONTHS, of == Field::MonthShort)?;
            said.month = Some(month + 1);
            n
        }
        Field::Day => {
            let (day, n) = within(digits(2)?, 1, 31)?;
            said.day = Some(day);
            n
        }
        Field::DayOfYear => {
            let (day, n) = within(digits(3)?, 1, 366)?;
            said.day_of_year = Some(day);
            n
        }
        // Said beside the date, and not needed.
        Field::DayName | Field::DayShort => named(&DAYS, of == Field::DayShort)?.1,
        Field::Hour24 | Field::Hour12 => {
            said.twelve = of == Field::Hour12;
            let (hour, n) = if said.twelve { within(digits(2)?, 1, 12)? } else { within(digits(2)?, 0, 24)? };
            said.hour = hour;
            n
        }
        Field::Half | Field::HalfDotted => {
            let dots = if of == Field::Half { 2 } else { 4 };
            let half = rest.get(..dots).ok_or_else(odd)?.replace('.', "").to_ascii_lowercase();
            said.half = Some(match half.as_str() {
                "am" => false,
                "pm" => true,
                _ => return Err(odd()),
            });
            dots
        }
        Field::Minute => {
            let (minute, n) = within(digits(2)?, 0, 59)?;
            said.minute = minute;
            n
        }
        Field::Second => {
            let (second, n) = within(digits(2)?, 0, 60)?;
            said.second = second;
            n
        }
        Field::SecondOfDay => {
            let (second, n) = within(digits(5)?, 0, 86_400)?;
            said.second_of_day = Some(second);
            n
        }
        Field::Fraction(most) => {
            let (fraction, n) = digits(most)?;
            said.micros = fraction * 10_i64.pow(6 - n as u32);
            n
        }
        Field::ZoneHour | Field::Offset => {
            let (sign, behind) = match rest.as_bytes()[0] {
                b'-' => (-1, &rest[1..]),
                b'+' => (1, &rest[1..]),
                _ => (1, rest),
            };
            let n = behind.bytes().take(2).take_while(u8::is_ascii_digit).count();
            let hours: i64 = behind[..n].parse().map_err(|_| odd())?;
            said.zone = sign * hours * 3600;
            rest.len() - behind.len() + n
        }
        Field::ZoneMinute => {
            let (minutes, n) = within(digits(2)?, 0, 59)?;
            said.zone += if said.zone < 0 { -minutes } else { minutes } * 60;
            n
        }
        _ => return Err(format!("{name:?} is not read from texts, only written: say year, month and day")),
    };
    Ok(&rest[used..])
}

impl Said {
    fn micros(self, text: &str) -> Result<i64, String> {
        let range = || format!("date/time field value out of range: {text:?}");
        let year = self.year.ok_or_else(|| format!("no year is said in {text:?}, or the template has none"))?;
        if !(1..=294_000).contains(&year) {
            return Err(range());
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day > month_days(year, month) {
            return Err(range());
        }
        let date = match self.day_of_year {
            Some(n) if n > days(year + 1, 1, 1) - days(year, 1, 1) => return Err(range()),
            Some(n) => days(year, 1, 1) + n - 1,
            None => days(year, month, day),
        };
        let hour = match (self.twelve, self.half) {
            (true, Some(afternoon)) => self.hour % 12 + if afternoon { 12 } else { 0 },
            // Midnight, as PostgreSQL has it.
            (true, None) => self.hour % 12,
            (false, _) => self.hour,
        };
        let of_day = self.second_of_day.unwrap_or(hour * 3600 + self.minute * 60 + self.second) - self.zone;
        Ok(date * DAY + of_day * SECOND + self.micros)
    }
}

#[cfg(test)]
mod tests {
    use super::super::templates::Time;
    use super::*;

    #[test]
    fn texts_are_read_as_postgres_reads_them() {
        let full = Template::parse("YYYY-MM-DD HH24:MI:SS.US").unwrap();
        let read = |template: &str, text: &str| {
            let template = Template::parse(template)?;
            full.write(&Time::at(read(&template, text)?, None))
        };
        for (template, text, expected) in [
            ("YYYY-MM-DD HH24:MI:SS.US", "2024-01-05 13:07:09.012345", "2024-01-05 13:07:09.012345"),
            ("YYYY-MM-DD HH24:MI:SS.US", "2024-01-05 13:07:09.5", "2024-01-05 13:07:09.500000"),
            ("YYYY-MM-DD HH24:MI:SS", "2024-01-05", "2024-01-05 00:00:00.000000"),
            ("YYYY-MM-DD\"T\"HH24:MI:SS", "2024-01-05T13:07:09Z", "2024-01-05 13:07:09.000000"),
            ("YYYYMMDDHH24MISS", "20240105130709", "2024-01-05 13:07:09.000000"),
            ("DD Mon YYYY", "05 Dec 2000", "2000-12-05 00:00:00.000000"),
            ("FMMonth DD, YYYY", "february 9, 2001", "2001-02-09 00:00:00.000000"),
            ("YYYY-DDD", "2024-060", "2024-02-29 00:00:00.000000"),
            ("MM/DD/YY HH12:MI PM", "1/2/24 12:05 AM", "2024-01-02 00:05:00.000000"),
            ("YY", "70", "1970-01-01 00:00:00.000000"),
            ("YYYY-MM-DD HH24:MITZH:TZM", "2024-01-05 13:07+05:30", "2024-01-05 07:37:00.000000"),
        ] {
            assert_eq!(read(template, text).as_deref(), Ok(expected), "{template} {text}");
        }
        for (template, text, what) in [
            ("YYYY-MM-DD", "2024-13-01", "13 is out of range for \"MM\""),
            ("YYYY-MM-DD", "2023-02-29", "out of range"),
            ("YYYY-MM-DD", "yesterday", "invalid value \"yesterday\" for \"YYYY\""),
            ("Mon YYYY", "Foo 2024", "invalid value \"Foo\""),
            ("HH24:MI", "13:07", "no year"),
            ("IYYY-IW", "2024-01", "not read from texts"),
        ] {
            let said = read(template, text).unwrap_err();
            assert!(said.contains(what), "{template} {text}: {said}");
        }
    }
}
