//! Reading JSON forward in the one shape that a writer is known to use, without looking at anything
//! twice. It owns what counts as that shape: no white space, members in a known order, numbers of
//! at most 18 digits, ASCII text without escapes. Anything else is `None`, never a wrong value: the
//! caller then reads the line as JSON in general.

/// `"name":`, as text known when compiling.
macro_rules! key {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}
pub(super) use key;

/// More digits may not fit an `i64`.
const DIGITS: usize = 18;

pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// Whether `text` comes next; then it is behind.
    #[inline(always)]
    pub(super) fn has(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    pub(super) fn eat(&mut self, text: &str) -> Option<()> {
        self.has(text).then_some(())
    }

    /// Nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    /// Behind a value: on to the next member, or before the end of the object.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<()> {
        match self.rest {
            [b',', b'"', ..] => self.rest = &self.rest[1..],
            [b'}', ..] => {}
            _ => return None,
        }
        Some(())
    }

    /// The member that must come next. `key` is from [`key!`].
    #[inline(always)]
    pub(super) fn member<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.eat(key)?;
        let value = read(self)?;
        self.next()?;
        Some(value)
    }

    /// The member that may come next: `Some(None)` if another one does.
    #[inline(always)]
    pub(super) fn optional<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if !self.has(key) {
            return Some(None);
        }
        let value = read(self)?;
        self.next()?;
        Some(Some(value))
    }

    #[inline(always)]
    pub(super) fn int(&mut self) -> Option<i64> {
        let (negative, digits) = match self.rest {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut value, mut n) = (0i64, 0);
        while let Some(digit @ b'0'..=b'9') = digits.get(n) {
            if n == DIGITS {
                return None;
            }
            value = value * 10 + i64::from(digit - b'0');
            n += 1;
        }
        let leading_zero = digits.first() == Some(&b'0') && (n > 1 || negative);
        if n == 0 || leading_zero {
            return None;
        }
        self.rest = &digits[n..];
        Some(if negative { -value } else { value })
    }

    #[inline(always)]
    pub(super) fn bool(&mut self) -> Option<bool> {
        if self.has("false") { Some(false) } else { self.eat("true").map(|()| true) }
    }

    #[inline(always)]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.eat("\"")?;
        let end = self.rest.iter().position(|b| !matches!(b, b' '..=b'~') || matches!(b, b'"' | b'\\'))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(text).ok()
    }
}
