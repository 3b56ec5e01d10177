//! PostgreSQL's dialect as DataFusion plans it.
//!
//! What clients ask of the catalog goes through datafusion-pg-catalog's own rules, which make it fit tables that are
//! mostly empty (a correlated subquery in a list of columns is NULL there). What asks for rows of the tables goes
//! through those only that change no answer.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, SetExpr, Statement, UnaryOperator, Value,
    visit_expressions_mut, visit_relations,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::datafusion_pg_catalog::sql::rules::{
    CurrentUserVariableToSessionUserFunctionCall, RewritePgCatalogOperator, RewriteRegCastToSubquery,
    SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use super::{arrays, names};

/// Columns of the catalog that are arrays, and null.
const NONE: [&str; 6] = ["reloptions", "relacl", "nspacl", "datacl", "attacl", "proacl"];

pub struct Grammar {
    catalog: PostgresCompatibilityParser,
    rules: Vec<Box<dyn SqlStatementRewriteRule>>,
}

impl Grammar {
    pub fn new() -> Self {
        let rules: Vec<Box<dyn SqlStatementRewriteRule>> = vec![
            Box::new(StripCallableQualifier),
            Box::new(CurrentUserVariableToSessionUserFunctionCall),
            Box::new(StripCollate),
            Box::new(RewritePgCatalogOperator),
            Box::new(RewriteRegCastToSubquery::new()),
        ];
        Grammar { catalog: PostgresCompatibilityParser::new(), rules }
    }

    /// The statements of a text.
    ///
    /// # Errors
    /// If it is none, or an array in it is malformed.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>, ParserError> {
        let Ok(plain) = Parser::parse_sql(&PostgreSqlDialect {}, text) else {
            return self.catalog.parse(text)?.into_iter().map(|s| mended(s, true)).collect();
        };
        if !plain.iter().any(asks_catalog) {
            return plain.into_iter().map(|s| self.plain(s)).collect();
        }
        let known = self.catalog.parse(text)?;
        let fits = known.len() == plain.len();
        let both = known.into_iter().enumerate().map(|(i, known)| match plain.get(i) {
            Some(own) if fits && !asks_catalog(own) => self.plain(own.clone()),
            _ => mended(known, true),
        });
        both.collect()
    }

    fn plain(&self, mut statement: Statement) -> Result<Statement, ParserError> {
        names::keep(&mut statement);
        mended(self.rules.iter().fold(statement, |s, rule| rule.rewrite(s)), false)
    }
}

/// Whether a statement asks for what PostgreSQL's catalog has.
fn asks_catalog(statement: &Statement) -> bool {
    let found = visit_relations(statement, |name| {
        let of = name.0.iter().filter_map(|part| part.as_ident()).map(|i| i.value.to_lowercase());
        let of: Vec<_> = of.collect();
        let schema = of.len() > 1 && matches!(of[of.len() - 2].as_str(), "pg_catalog" | "information_schema");
        match schema || of.last().is_some_and(|n| n.starts_with("pg_")) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    found.is_break()
}

/// What PostgreSQL writes otherwise than DataFusion.
fn mended(mut statement: Statement, catalog: bool) -> Result<Statement, ParserError> {
    let done = visit_expressions_mut(&mut statement, |expr| match mend(expr, catalog) {
        Ok(()) => ControlFlow::Continue(()),
        Err(what) => ControlFlow::Break(what),
    });
    if let ControlFlow::Break(what) = done {
        return Err(ParserError::ParserError(what));
    }
    names::sort_by_number(&mut statement);
    Ok(statement)
}

fn mend(expr: &mut Expr, catalog: bool) -> Result<(), String> {
    match expr {
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => *expr = any(left, right, false)?,
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => *expr = any(left, right, true)?,
        Expr::Cast { expr: of, data_type, .. } => {
            if let (Some(text), DataType::Array(_)) = (literal(of), &data_type) {
                **of = written(&text)?;
            } else if let (Some(text), DataType::Date) = (literal(of), &data_type) {
                // JDBC writes dates with the zone that it is in, which PostgreSQL passes by.
                **of = text_of(date(&text));
            }
        }
        // What is collected there (members of roles, options of tables) there is none of.
        Expr::Function(f) if catalog && matches!(f.args, FunctionArguments::Subquery(_)) && is_array(&f.name) => {
            *expr = written("{}")?;
        }
        // Nobody has rights of his own here, and no table options.
        Expr::CompoundIdentifier(names)
            if catalog && names.last().is_some_and(|n| NONE.contains(&n.value.as_str())) =>
        {
            let null = Box::new(Expr::Value(Value::Null.with_empty_span()));
            *expr = Expr::Cast { kind: CastKind::Cast, expr: null, data_type: texts(), array: false, format: None };
        }
        // There are no multiranges: npgsql asks which type is of one. Nor are there sequences, which SQLAlchemy asks for.
        Expr::Subquery(query) if catalog && (only_ranges(&query.body) || of_sequences(&query.body)) => {
            *expr = Expr::Value(Value::Null.with_empty_span());
        }
        // datafusion-pg-catalog has functions by name there, PostgreSQL by number.
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if catalog => {
            for (of, other) in [(0, 1), (1, 0)] {
                let mut both = [left.as_mut(), right.as_mut()];
                if last(both[other]).is_some_and(|n| n == "typreceive")
                    && let Expr::CompoundIdentifier(names) = &mut both[of]
                    && let Some(name) = names.last_mut().filter(|n| n.value == "oid")
                {
                    *name = Ident::new("proname");
                }
            }
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            let by = escape_char.as_ref().and_then(|e| e.clone().into_string());
            if let Some(by) = by.filter(|by| by.chars().count() == 1 && by != "\\") {
                **pattern = escaped(pattern, &by);
                *escape_char = None;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_array(name: &ObjectName) -> bool {
    name.to_string().eq_ignore_ascii_case("array")
}

/// The last part of a column's name.
fn last(of: &Expr) -> Option<&str> {
    match of {
        Expr::CompoundIdentifier(names) => names.last().map(|n| n.value.as_str()),
        Expr::Identifier(name) => Some(&name.value),
        _ => None,
    }
}

/// A pattern of LIKE whose signs are escaped by another sign, as one whose signs are escaped by `\`.
fn escaped(pattern: &Expr, by: &str) -> Expr {
    // What stands for the sign itself in between.
    const ITSELF: &str = "\u{1}";
    let steps = [("\\", "\\\\"), (&by.repeat(2), ITSELF), (by, "\\"), (ITSELF, by)];
    match literal(pattern) {
        Some(text) => text_of(steps.iter().fold(text, |text, (from, to)| text.replace(from, to))),
        None => steps.iter().fold(pattern.clone(), |made, (from, to)| {
            called("replace", vec![made, text_of((*from).to_owned()), text_of((*to).to_owned())])
        }),
    }
}

fn called(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments = arguments.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e)));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        args: FunctionArguments::List(FunctionArgumentList {
            args: arguments.collect(),
            duplicate_treatment: None,
            clauses: Vec::new(),
        }),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `left = ANY(right)`, or `left <> ALL(right)`.
fn any(left: &Expr, right: &Expr, negated: bool) -> Result<Expr, String> {
    let right = match right {
        Expr::Nested(inner) => inner,
        other => other,
    };
    if let Expr::Subquery(subquery) = right {
        return Ok(Expr::InSubquery { expr: Box::new(left.clone()), subquery: subquery.clone(), negated });
    }
    let array = match literal(right) {
        Some(text) => written(&text)?,
        None => right.clone(),
    };
    let called = called(arrays::ANY, vec![array, left.clone()]);
    Ok(match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(called) },
        false => called,
    })
}

fn literal(of: &Expr) -> Option<String> {
    match of {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn text_of(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).with_empty_span())
}

/// An array that was written as text.
fn written(text: &str) -> Result<Expr, String> {
    let elem = arrays::elements(text)?
        .into_iter()
        .map(|element| element.map_or_else(|| Expr::Value(Value::Null.with_empty_span()), text_of));
    let array = Expr::Array(Array { elem: elem.collect(), named: true });
    Ok(Expr::Cast { kind: CastKind::Cast, expr: Box::new(array), data_type: texts(), array: false, format: None })
}

fn texts() -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::Text), None))
}

/// A date without the zone behind it.
fn date(text: &str) -> String {
    let of = text.trim();
    let zone = of.get(10..).map(|z| z.trim().trim_start_matches(['+', '-']));
    let is_zone = zone.is_some_and(|z| !z.is_empty() && z.chars().all(|c| c.is_ascii_digit() || c == ':'));
    match of.get(..10) {
        Some(day) if is_zone && of.as_bytes()[4] == b'-' => day.to_owned(),
        _ => text.to_owned(),
    }
}

fn of_sequences(body: &SetExpr) -> bool {
    let SetExpr::Select(select) = body else { return false };
    select.from.iter().any(|t| t.to_string().to_lowercase().contains("pg_sequence"))
        || select.projection.iter().any(|i| i.to_string().to_lowercase().starts_with("json_build_object"))
}

fn only_ranges(body: &SetExpr) -> bool {
    let SetExpr::Select(select) = body else { return false };
    let [one] = select.from.as_slice() else { return false };
    let name = one.relation.to_string().to_lowercase();
    let name = name.rsplit('.').next().unwrap_or_default();
    one.joins.is_empty()
        && (name == "pg_range" || name.starts_with("pg_range "))
        && select.selection.as_ref().is_some_and(|s| s.to_string().to_lowercase().contains("rngmultitypid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_writes_otherwise_means_the_same() {
        let read = |text: &str| Grammar::new().parse(text).unwrap()[0].to_string();
        for (text, expected) in [
            ("SELECT a = ANY($1)", "SELECT equals_any($1, a)"),
            ("SELECT a <> ALL('{x,\"y,z\"}')", "SELECT NOT equals_any(CAST(ARRAY['x', 'y,z'] AS TEXT[]), a)"),
            ("SELECT a FROM t WHERE a = ANY (SELECT b FROM u)", "SELECT a FROM t WHERE a IN (SELECT b FROM u)"),
            ("SELECT a LIKE 'x/_/%//' ESCAPE '/'", "SELECT a LIKE 'x\\_\\%/'"),
            ("SELECT '2024-01-05 +01'::date", "SELECT '2024-01-05'::DATE"),
            (
                "SELECT (SELECT max(b) FROM u WHERE u.a = t.a) FROM t",
                "SELECT (SELECT max(b) FROM u WHERE u.a = t.a) FROM t",
            ),
            (
                "SELECT a, count(*) FROM t GROUP BY 1 ORDER BY count DESC",
                "SELECT a, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC",
            ),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(Grammar::new().parse("SELECT a = ANY('x')").unwrap_err().to_string().contains("malformed array"));
    }
}
