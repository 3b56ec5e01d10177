//! Lines with characters that are no text: bytes of another encoding than UTF-8, and halves of a pair
//! of UTF-16, which is what is left of a character that was cut in two. In: such a line. Out: the same
//! with U+FFFD in their place, so that an event is not lost to one character.

/// The line with what is no character replaced; none if that changes nothing.
pub fn mended(line: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(line);
    let (mut out, mut kept, mut at) = (String::new(), 0, 0);
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        let escape = at + found;
        let Some(unit) = unit(&text, escape) else {
            // An escape of another kind; of a backslash's own, both are passed.
            at = (escape + 2).min(text.len());
            continue;
        };
        let low = |at| self::unit(&text, at).is_some_and(|u| (0xDC00..0xE000).contains(&u));
        at = escape + UNIT;
        match unit {
            0xD800..0xDC00 if low(at) => at += UNIT,
            0xD800..0xE000 => {
                out.push_str(&text[kept..escape]);
                out.push('\u{FFFD}');
                kept = at;
            }
            _ => {}
        }
    }
    if kept == 0 && matches!(text, std::borrow::Cow::Borrowed(_)) {
        return None;
    }
    out.push_str(&text[kept..]);
    Some(out.into_bytes())
}

/// Bytes of an escaped unit of UTF-16, as in `\ud83d`.
const UNIT: usize = 6;

fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + UNIT)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(line: &[u8]) -> Option<String> {
        mended(line).map(|m| String::from_utf8(m).unwrap())
    }

    #[test]
    fn halves_and_foreign_bytes_are_replaced() {
        let cases: [(&[u8], Option<&str>); 9] = [
            (br#"{"a":"x"}"#, None),
            (br#""\ud83d\ude00""#, None),
            (br#""\\ud83d""#, None),
            (br#""a\ud83d""#, Some("\"a\u{fffd}\"")),
            (br#""\ude00b\n""#, Some("\"\u{fffd}b\\n\"")),
            (br#""\ud83d\ud83d\ude00""#, Some("\"\u{fffd}\\ud83d\\ude00\"")),
            (br#""\ud83dx\u00e9""#, Some("\"\u{fffd}x\\u00e9\"")),
            (b"\"K\xfcnde\"", Some("\"K\u{fffd}nde\"")),
            (b"\"K\xfc\\ud83d\"", Some("\"K\u{fffd}\u{fffd}\"")),
        ];
        for (line, expected) in cases {
            assert_eq!(text(line).as_deref(), expected, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(text(b"\\"), None, "a lone backslash at the end");
    }

    proptest! {
        /// A string literal of any units reads, and what was whole is as it was.
        #[test]
        fn a_mended_string_reads(units in prop::collection::vec(prop_oneof![0x20u16..0x7f, 0xD7F0u16..0xE010, any::<u16>()], 0..20)) {
            let escaped: String = units.iter().map(|u| format!("\\u{u:04x}")).collect();
            let line = format!("\"{escaped}\"");
            let mended = mended(line.as_bytes()).unwrap_or_else(|| line.into_bytes());
            prop_assert_eq!(serde_json::from_slice::<String>(&mended).unwrap(), String::from_utf16_lossy(&units));
        }
    }
}
