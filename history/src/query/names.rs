//! What the columns of an answer are called: PostgreSQL names them otherwise than DataFusion, and allows the same name
//! twice.
//!
//! A statement whose names are not unique is planned with names of ours, and its answer gets its own back.

use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::Expr as Planned;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TrimWhereField, Value,
};

/// What has no name.
const NAMELESS: &str = "?column?";

/// Names of an answer's columns, as far as a statement says them.
#[derive(Debug, Default)]
pub struct Names {
    /// From the first column on; of a `*` and what is behind it nothing is known.
    first: Vec<Option<String>>,
    /// Up to the last column, if there is a `*`.
    last: Option<Vec<Option<String>>>,
}

impl Names {
    /// As PostgreSQL has them.
    pub fn of(statement: &Statement) -> Names {
        Names::by(statement, item)
    }

    /// Those that the statement itself says.
    pub fn written(statement: &Statement) -> Names {
        Names::by(statement, |of| match of {
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            | SelectItem::ExprWithAlias { .. } => item(of),
            _ => None,
        })
    }

    fn by(statement: &Statement, item: impl Fn(&SelectItem) -> Option<String>) -> Names {
        let Statement::Query(query) = statement else { return Names::default() };
        let Some(select) = first(&query.body) else { return Names::default() };
        let all: Vec<_> = select.projection.iter().map(item).collect();
        match select.projection.iter().position(is_star) {
            None => Names { first: all, last: None },
            Some(from) => {
                let behind = select.projection.iter().rposition(is_star).map_or(0, |last| last + 1);
                Names { first: all[..from].to_vec(), last: Some(all[behind..].to_vec()) }
            }
        }
    }

    /// A schema with these names.
    pub fn on(&self, schema: &SchemaRef) -> SchemaRef {
        let n = schema.fields().len();
        let known = self.first.len() + self.last.as_ref().map_or(0, Vec::len);
        if known > n || (self.last.is_none() && known != n) {
            return schema.clone();
        }
        let mut names = vec![None; n];
        names[..self.first.len()].clone_from_slice(&self.first);
        if let Some(last) = &self.last {
            names[n - last.len()..].clone_from_slice(last);
        }
        let named = schema.fields().iter().zip(names).map(|(field, name)| match name {
            Some(name) if name != *field.name() => Arc::new(field.as_ref().clone().with_name(name)),
            _ => field.clone(),
        });
        Arc::new(Schema::new_with_metadata(named.collect::<Vec<Arc<Field>>>(), schema.metadata().clone()))
    }
}

/// The part of a statement that names its columns.
fn first(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first(&query.body),
        SetExpr::SetOperation { left, .. } => first(left),
        _ => None,
    }
}

fn is_star(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn item(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(ident(alias)),
        SelectItem::UnnamedExpr(expr) => Some(named(expr).map_or_else(|| NAMELESS.into(), |(name, _)| name)),
        _ => None,
    }
}

fn ident(of: &Ident) -> String {
    if of.quote_style.is_some() { of.value.clone() } else { of.value.to_lowercase() }
}

/// An expression's name, and whether a cast of it has that name, too.
fn named(expr: &Expr) -> Option<(String, bool)> {
    let own = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(name) => Some((ident(name), true)),
        Expr::CompoundIdentifier(names) => names.last().map(|n| (ident(n), true)),
        Expr::Function(f) => f.name.0.last().and_then(|n| n.as_ident()).map(|n| (ident(n), true)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => named(inner),
        Expr::CompoundFieldAccess { root, .. } => named(root),
        Expr::Cast { expr, data_type, .. } => match named(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => Some(("interval".into(), false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(named) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".into(), false)),
        },
        Expr::Extract { .. } => own("extract"),
        Expr::Ceil { .. } => own("ceil"),
        Expr::Floor { .. } => own("floor"),
        Expr::Position { .. } => own("position"),
        Expr::Substring { .. } => own("substring"),
        Expr::Overlay { .. } => own("overlay"),
        Expr::AtTimeZone { .. } => own("timezone"),
        Expr::Exists { negated: false, .. } => own("exists"),
        Expr::Array(_) => own("array"),
        Expr::Trim { trim_where, .. } => own(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Subquery(query) => match first(&query.body)?.projection.first()? {
            SelectItem::UnnamedExpr(expr) => named(expr),
            SelectItem::ExprWithAlias { alias, .. } => Some((ident(alias), true)),
            _ => None,
        },
        _ => None,
    }
}

/// A type as PostgreSQL's catalog calls it.
fn type_name(of: &DataType) -> String {
    let text = of.to_string().to_lowercase();
    let bare = text.split(['(', '[']).next().unwrap_or_default().trim();
    match bare {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "double precision" | "double" | "float" => "float8",
        "real" => "float4",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "character varying" | "char varying" => "varchar",
        "char" | "character" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time without time zone" => "time",
        other => other.rsplit('.').next().unwrap_or(other),
    }
    .to_owned()
}

/// Says the names of what is replaced by a function of another name.
pub fn keep(statement: &mut Statement) {
    let Statement::Query(query) = statement else { return };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    for of in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = of else { continue };
        let Some((name, _)) = named(expr) else { continue };
        if matches!(name.as_str(), "current_user" | "current_role" | "current_catalog") {
            *of = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::new(name) };
        }
    }
}

/// Whether a statement was refused because names in it are not unique.
pub fn are_the_fault(e: &DataFusionError) -> bool {
    match e.find_root() {
        DataFusionError::Plan(what) => what.contains("unique expression names"),
        DataFusionError::SchemaError(e, _) => matches!(
            e.as_ref(),
            SchemaError::DuplicateQualifiedField { .. }
                | SchemaError::DuplicateUnqualifiedField { .. }
                | SchemaError::AmbiguousReference { .. }
        ),
        _ => false,
    }
}

/// A name of ours.
fn ours(number: usize) -> String {
    format!("?{number}?")
}

/// The statement with names of ours in place of those that come twice; none if it has none.
pub fn made_unique(statement: &Statement) -> Option<Statement> {
    let mut made = statement.clone();
    let Statement::Query(query) = &mut made else { return None };
    let mut renamed = Vec::new();
    body(&mut query.body, &mut renamed);
    if renamed.is_empty() {
        return None;
    }
    ordered(query, &renamed);
    Some(made)
}

/// Items by the name they had.
type Renamed = Vec<(String, String)>;

fn body(of: &mut SetExpr, renamed: &mut Renamed) {
    match of {
        SetExpr::Select(select) => selected(select, renamed),
        SetExpr::Query(query) => body(&mut query.body, renamed),
        SetExpr::SetOperation { left, right, .. } => {
            body(left, renamed);
            let mut other = Vec::new();
            body(right, &mut other);
            if renamed.is_empty() {
                renamed.extend(other.into_iter().map(|(_, to)| (NAMELESS.into(), to)));
            }
        }
        _ => {}
    }
}

fn selected(select: &mut Select, renamed: &mut Renamed) {
    let star = select.projection.iter().any(is_star);
    let mut seen: Vec<String> = Vec::new();
    for (i, of) in select.projection.iter_mut().enumerate() {
        let Some(name) = item(of) else { continue };
        let twice = seen.contains(&name);
        // What a * stands for may have any name, and DataFusion gives others to what is no column.
        let column = matches!(
            of,
            SelectItem::ExprWithAlias { .. }
                | SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        );
        if twice || star || !column {
            let expr = match of {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr.clone(),
                _ => continue,
            };
            let alias = Ident::with_quote('"', ours(i + 1));
            if !twice {
                renamed.push((name.clone(), alias.value.clone()));
            } else if renamed.is_empty() {
                renamed.push((NAMELESS.into(), alias.value.clone()));
            }
            *of = SelectItem::ExprWithAlias { expr, alias };
        }
        seen.push(name);
    }
}

/// Sorts by what had the name.
fn ordered(query: &mut Query, renamed: &Renamed) {
    let Some(OrderByKind::Expressions(all)) = query.order_by.as_mut().map(|o| &mut o.kind) else { return };
    for by in all {
        if let Expr::Identifier(name) = &by.expr
            && let Some((_, to)) = renamed.iter().find(|(had, _)| *had == ident(name))
        {
            by.expr = Expr::Identifier(Ident::with_quote('"', to.clone()));
        }
    }
}

/// Sorting by a name that only PostgreSQL gives (`ORDER BY count`): by the column's number.
pub fn sort_by_number(statement: &mut Statement) {
    let Statement::Query(query) = statement else { return };
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let mut names = Vec::new();
    for of in &select.projection {
        match of {
            SelectItem::UnnamedExpr(expr) => {
                names.push((item(of), !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))))
            }
            SelectItem::ExprWithAlias { .. } => names.push((item(of), false)),
            _ => return,
        }
    }
    let Some(OrderByKind::Expressions(all)) = query.order_by.as_mut().map(|o| &mut o.kind) else { return };
    for by in all {
        let Expr::Identifier(name) = &by.expr else { continue };
        let name = Some(ident(name));
        let mut with = names.iter().enumerate().filter(|(_, (n, _))| *n == name);
        if let (Some((at, (_, true))), None) = (with.next(), with.next()) {
            by.expr = Expr::Value(Value::Number((at + 1).to_string(), false).with_empty_span());
        }
    }
}

/// The names that DataFusion would have given, in place of ours.
pub fn given_back(plan: &LogicalPlan, schema: &SchemaRef) -> SchemaRef {
    let named = schema.fields().iter().map(|field| {
        let name = field.name();
        if !(name.starts_with('?') && name.ends_with('?') && name.len() > 2) {
            return field.clone();
        }
        let mut found = None;
        let _ = plan.apply(|node| {
            found = node.expressions().into_iter().find_map(|expr| match expr {
                Planned::Alias(alias) if alias.name == *name => Some(alias.expr.schema_name().to_string()),
                _ => None,
            });
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        found.map_or_else(|| field.clone(), |n| Arc::new(field.as_ref().clone().with_name(n)))
    });
    Arc::new(Schema::new_with_metadata(named.collect::<Vec<Arc<Field>>>(), schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn names_are_those_of_postgres() {
        for (items, expected) in [
            ("a.b, \"C d\", Lower(x), count(*)", "b, C d, lower, count"),
            ("1, 'x', NULL, a + 1, NOT a", "?column?, ?column?, ?column?, ?column?, ?column?"),
            ("a::int, 1::int, '1'::double precision, CAST(x AS varchar(3))", "a, int4, float8, x"),
            ("date '2024-01-01', interval '1 day', (a)", "date, interval, a"),
            ("CASE WHEN a THEN b ELSE c END, CASE WHEN a THEN b ELSE 1 END", "c, case"),
            ("a AS \"B\", (SELECT max(z) FROM t), ARRAY[1]", "B, max, array"),
        ] {
            let all = Parser::parse_sql(&PostgreSqlDialect {}, &format!("SELECT {items} FROM t")).unwrap();
            let names: Vec<_> = Names::of(&all[0]).first.into_iter().flatten().collect();
            assert_eq!(names.join(", "), expected, "{items}");
        }
    }

    #[test]
    fn only_what_comes_twice_is_renamed() {
        let unique = |text: &str| {
            let all = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap();
            made_unique(&all[0]).map(|s| s.to_string())
        };
        assert_eq!(unique("SELECT a, b FROM t"), None);
        assert_eq!(unique("SELECT 1, 1").unwrap(), "SELECT 1 AS \"?1?\", 1 AS \"?2?\"");
        assert_eq!(
            unique("SELECT *, a::date FROM t ORDER BY a").unwrap(),
            "SELECT *, a::DATE AS \"?2?\" FROM t ORDER BY \"?2?\""
        );
        assert_eq!(
            unique("SELECT 1 AS a, 2 AS b UNION SELECT 3, 3").unwrap(),
            "SELECT 1 AS a, 2 AS b UNION SELECT 3 AS \"?1?\", 3 AS \"?2?\""
        );
    }
}
