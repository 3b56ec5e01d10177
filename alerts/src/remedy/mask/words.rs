//! Keeps the words that are known and masks the others: sentences by one list, SQL and plans by another, as their words may be
//! literals.

use regex::{Captures, Regex};

use super::{Allowed, known};

/// Text that is SQL or a plan of Spark.
const SQL: &str = concat!(
    r"(?is)\bselect\b|\binsert\s+(?:into|overwrite)\b|\bmerge\s+into\b|\bdelete\s+from\b|\bupdate\b.*\bset\b|\bcopy\s+into\b",
    r"|\bvalues\s*\(|\bcreate\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?(?:table|view|function)\b|(?:\b(?:where|having)\b|(?-i:\b(?:AND|OR)\b))[^.]*(?:[=<>]|\bin\s*\(|\blike\b|\bbetween\b)",
    r"|\w#\d+|PushedFilters|==\s*\w*\s*(?:Physical|SQL)",
);
/// What only plans have.
const PLAN: &str =
    r"\w#\d+|PushedFilters|==\s*\w*\s*(?:Physical|SQL)|\bINSET\b|LocalTableScan|\b(?:EqualTo|EqualNullSafe)\(";
/// Filters that were pushed: their first argument is a name, all others are literals.
const PUSHED: &str = r"\b((?:EqualTo|EqualNullSafe|GreaterThan|GreaterThanOrEqual|LessThan|LessThanOrEqual|In|(?:String)?(?:StartsWith|EndsWith|Contains))\([^,()]*,)[^)]*";
/// What is looked at in one piece: what was masked already, paths, words, numbers.
const PIECES: &str = concat!(
    r"(?P<done>\[(?:path|database|address|id|arn)\]|'\?'|\*{5,}\(redacted\))|(?P<slashed>[\w.=%@?-]+(?:/[\w.=%@?-]*)+)",
    r"|(?P<word>[\p{L}_][\p{L}\p{N}_$]*(?:[.'-][\p{L}\p{N}_$]+)*)|(?P<number>\p{N}[\p{L}\p{N}_.,:%-]*[\p{L}\p{N}%]|\p{N})",
);
/// The same where a hyphen is a minus and a dot stands between names.
const TERMS: &str = concat!(
    r"(?P<done>\[(?:path|database|address|id|arn)\]|'\?'|\*{5,}\(redacted\))|(?P<quoted>`[^`]*`)",
    r"|(?P<class>(?:[a-z]\w*\.){2,}[A-Z][\w$]*)|(?P<word>[\p{L}_][\p{L}\p{N}_$]*)|(?P<number>\p{N}[\p{L}\p{N}_.]*)",
);

pub struct Words {
    sql: Regex,
    plan: Regex,
    pushed: Regex,
    pieces: Regex,
    terms: Regex,
    /// Several masked words, and several with commas.
    twice: Regex,
    listed: Regex,
}

impl Words {
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Words {
            sql: Regex::new(SQL)?,
            plan: Regex::new(PLAN)?,
            pushed: Regex::new(PUSHED)?,
            pieces: Regex::new(PIECES)?,
            terms: Regex::new(TERMS)?,
            twice: Regex::new(r"\?(?:[ .-]?\?)+")?,
            listed: Regex::new(r"\?(?:\s*,\s*\?(?:\s|[,)\]]|$))+")?,
        })
    }

    pub fn is_sql(&self, text: &str) -> bool {
        self.sql.is_match(text) || self.plan.is_match(text)
    }

    /// The text with what is known of it. It is a sentence up to where SQL or a plan begins, if it has one.
    pub fn keep(&self, text: &str, allowed: Allowed, written: bool) -> String {
        let statement = self.sql.find(text).map(|m| m.start());
        // Before the first column of a plan are its operators, and may be literals.
        let plan = self
            .plan
            .find(text)
            .map(|m| [": ", ". ", "; "].iter().filter_map(|s| text[..m.start()].rfind(s)).max().map_or(0, |at| at + 1));
        let begin = statement.into_iter().chain(plan).min().unwrap_or(text.len());
        let (sentence, sql) = text.split_at(begin);
        let mut out = self.sentence(sentence, allowed, written);
        if !sql.is_empty() {
            out.push_str(&self.terms(sql, allowed, plan.is_some()));
        }
        out
    }

    fn sentence(&self, text: &str, allowed: Allowed, written: bool) -> String {
        let kept = self.pieces.replace_all(text, |c: &Captures<'_>| {
            let whole = &c[0];
            let at = c.get(0).map_or(0, |m| m.start());
            let before = text[..at].trim_end();
            let begins = before.is_empty() || before.ends_with(['.', ':', '!', '?', ';', '(', '[', '"', '|']);
            let named = allowed.names && before.ends_with('`') && text[at + whole.len()..].starts_with('`');
            let stays = if c.name("done").is_some() || named {
                true
            } else if c.name("slashed").is_some() {
                if !allowed.paths && !known::slashed(whole) {
                    return "[path]".to_owned();
                }
                true
            } else if c.name("word").is_some() {
                known::word(whole, begins) || is_source(whole, before) || written && is_plain(whole, begins)
            } else {
                !before.ends_with('+') && known::number(whole) || measured(&text[at + whole.len()..])
            };
            if stays { whole.to_owned() } else { "[…]".to_owned() }
        });
        let mut out = kept.into_owned();
        while out.contains("[…] […]") {
            out = out.replace("[…] […]", "[…]");
        }
        out
    }

    fn terms(&self, text: &str, allowed: Allowed, plan: bool) -> String {
        let text = &*self.pushed.replace_all(text, "${1}?");
        let kept = self.terms.replace_all(text, |c: &Captures<'_>| {
            let whole = &c[0];
            let (from, to) = c.get(0).map_or((0, 0), |m| (m.start(), m.end()));
            let stays = if c.name("done").is_some() {
                true
            } else if c.name("number").is_some() {
                text[..from].ends_with('#')
            } else if c.name("class").is_some() {
                known::class(whole)
            } else {
                let rest = &text[to..];
                let name = !plan || is_column(rest) || is_argument(&text[..from], rest);
                known::sql(&whole.to_ascii_lowercase()) || known::plan(whole) || allowed.names && name
            };
            if stays { whole.to_owned() } else { "?".to_owned() }
        });
        let once = self.twice.replace_all(&kept, "?");
        if plan {
            self.listed.replace_all(&once, |c: &Captures<'_>| listed(&c[0])).into_owned()
        } else {
            once.into_owned()
        }
    }
}

/// One for many: what stood behind the last stays.
fn listed(many: &str) -> String {
    let end = many.trim_end_matches([')', ']', ' ', ',']);
    format!("?{}", &many[end.len()..])
}

/// Whether the word before is one of a plan's column: `name#12`.
fn is_column(rest: &str) -> bool {
    rest.strip_prefix('#').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether it is the column of a filter that was pushed: `IsNotNull(name)`, `EqualTo(name,?)`.
fn is_argument(before: &str, rest: &str) -> bool {
    let Some(call) = before.strip_suffix('(') else { return false };
    let of = ["EqualTo", "EqualNullSafe", "Than", "OrEqual", "In", "With", "Contains", "IsNull", "IsNotNull"];
    rest.starts_with([',', ')']) && of.iter().any(|f| call.ends_with(f))
}

/// `Iterator.scala` where a stack trace has it behind a known method.
fn is_source(word: &str, before: &str) -> bool {
    let method = before.strip_suffix('(').and_then(|b| b.rsplit([' ', '/']).next());
    (word.ends_with(".scala") || word.ends_with(".java")) && method.is_some_and(known::class)
}

/// A word in small letters, or one with a capital where a sentence begins.
fn is_plain(word: &str, begins: bool) -> bool {
    let mut chars = word.chars();
    let first = chars.next().is_some_and(|c| c.is_lowercase() || begins && c.is_uppercase());
    first && chars.all(|c| c.is_lowercase() || matches!(c, '-' | '\''))
}

/// Whether a unit follows a number.
fn measured(rest: &str) -> bool {
    [" bytes", " ms", " rows", " records", " s", " %"].iter().any(|unit| rest.starts_with(unit))
}
