//! What a statement may look like, found out from its tokens before anything recursive sees it: chains of operators
//! become trees as deep
//! as they are long, which parser and planner walk, copy and drop recursively, and plan in a time that grows faster
//! than the chain.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::QueryError;

/// Tokens, spaces aside.
const TOKENS: usize = 250_000;
/// Operators in one expression.
const OPERATORS: usize = 2000;
/// UNION, INTERSECT and EXCEPT, in all.
const SETS: usize = 250;
/// Tables in one FROM; each is joined to all before it.
const TABLES: usize = 100;

/// Refuses a text that is too large for a statement.
///
/// # Errors
/// [`QueryError::Statement`] names the bound. What is no SQL is let pass: the parser says it better.
pub fn check(text: &str) -> Result<(), QueryError> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize() else { return Ok(()) };
    let mut count = Count::default();
    tokens.iter().try_for_each(|token| count.add(token))
}

/// One level of parentheses.
#[derive(Default)]
struct Level {
    operators: usize,
    tables: usize,
    in_from: bool,
}

#[derive(Default)]
struct Count {
    tokens: usize,
    sets: usize,
    above: Vec<Level>,
    level: Level,
    /// After IS DISTINCT, FROM begins nothing.
    distinct: bool,
}

fn within(n: usize, most: usize, what: &str, remedy: &str) -> Result<(), QueryError> {
    if n <= most {
        return Ok(());
    }
    Err(QueryError::Statement(format!("the statement has more than {most} {what}: {remedy}")))
}

impl Count {
    fn add(&mut self, token: &Token) -> Result<(), QueryError> {
        match token {
            Token::Whitespace(_) => return Ok(()),
            Token::LParen => self.above.push(std::mem::take(&mut self.level)),
            Token::RParen => self.level = self.above.pop().unwrap_or_default(),
            Token::SemiColon => (self.above, self.level, self.sets) = (Vec::new(), Level::default(), 0),
            Token::Comma => {
                self.level.operators = 0;
                if self.level.in_from {
                    self.level.tables += 1;
                }
            }
            Token::Word(word) if word.quote_style.is_none() => self.keyword(word.keyword),
            // A number, a text, a name: what operators stand between.
            Token::Word(_) | Token::Number(..) | Token::Placeholder(_) | Token::EOF => {}
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {}
            _ => self.level.operators += 1,
        }
        self.tokens += 1;
        within(self.tokens, TOKENS, "words, numbers and signs", "ask for less at once")?;
        let remedy = "write `column IN (…)` in place of many OR, and one function in place of many signs";
        within(self.level.operators, OPERATORS, "operators in one expression", remedy)?;
        within(self.sets, SETS, "UNION, INTERSECT and EXCEPT", "ask in several statements")?;
        within(self.level.tables, TABLES, "tables in one FROM", "ask in several statements")
    }

    fn keyword(&mut self, keyword: Keyword) {
        let level = &mut self.level;
        let distinct = std::mem::replace(&mut self.distinct, keyword == Keyword::DISTINCT);
        match keyword {
            Keyword::FROM if distinct => {}
            Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => {
                self.sets += 1;
                *level = Level::default();
            }
            Keyword::FROM => *level = Level { in_from: true, ..Level::default() },
            Keyword::SELECT | Keyword::WHERE | Keyword::GROUP | Keyword::HAVING | Keyword::ORDER | Keyword::LIMIT => {
                *level = Level::default();
            }
            // Branches lie side by side.
            Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::END | Keyword::ON => level.operators = 0,
            Keyword::JOIN => level.tables += 1,
            Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT => level.operators += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        check(text).err().map(|e| e.to_string())
    }

    #[test]
    fn chains_are_counted_and_lists_are_not() {
        let chain = |n: usize, with: &str| format!("SELECT {}", vec!["1"; n].join(with));
        for with in [" OR ", " AND ", "+", "||", "::int-", " IS DISTINCT FROM ", "=", "->", "["] {
            assert!(refused(&chain(18_000, with)).unwrap().contains("2000 operators"), "{with}");
        }
        let terms = (0..18_000).map(|i| format!("tasks={i}")).collect::<Vec<_>>();
        assert!(refused(&format!("SELECT 1 FROM t WHERE {}", terms.join(" OR "))).unwrap().contains("IN (…)"));
        let terms = &terms[..900];
        assert_eq!(refused(&format!("SELECT 1 FROM t WHERE ({}) AND a", terms.join(" OR "))), None);
        assert_eq!(refused(&format!("SELECT 1 FROM t WHERE a IN ({})", vec!["-1"; 50_000].join(","))), None);
        let branches = vec!["WHEN a = 1 THEN 2"; 5000].join(" ");
        assert_eq!(refused(&format!("SELECT CASE {branches} END")), None);
        assert!(refused(&vec!["SELECT 1"; 18_000].join(" UNION ALL ")).unwrap().contains("250 UNION"));
        assert!(refused(&format!("SELECT 1 FROM {}", vec!["t"; 300].join(", "))).unwrap().contains("100 tables"));
        assert!(
            refused(&format!("SELECT 1 FROM a {}", "JOIN b USING (c) ".repeat(300))).unwrap().contains("100 tables")
        );
        assert!(refused(&vec!["1"; 200_000].join(",")).unwrap().contains("250000 words"));
        assert_eq!(refused(&format!("SELECT '{}'", "+".repeat(500_000))), None);
        for odd in ["", ")))", "((((", "'", "SELECT $$", "\0", "\"\"\"", ";;;"] {
            assert_eq!(refused(odd), None, "{odd}");
        }
    }

    #[test]
    fn statements_stand_alone() {
        let one = format!("SELECT {}", vec!["1"; 1500].join("+"));
        assert_eq!(refused(&format!("{one};{one}")), None);
        assert_eq!(refused(&format!("SELECT ({one}), ({one}) FROM ({one}) t")), None);
    }
}
