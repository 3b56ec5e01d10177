//! What the parameters of a statement are: as their client says, or as the statement uses them.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::{DataType, Field};
use datafusion::common::Result as Answered;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::logical_expr::{ExprSchemable as _, LogicalPlan};
use datafusion::prelude::Expr;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as Written, Expr as Ast, Statement, TimezoneInfo, Value, visit_expressions_mut,
};
use datafusion_postgres::pgwire::api::Type;

use super::arrays;

/// The types of which a statement is not made what it means without knowing them: `now() - $1` is one thing with a
/// time and another with an interval.
fn written(of: &DataType) -> Option<Written> {
    Some(match of {
        DataType::Interval(_) => Written::Interval { fields: None, precision: None },
        DataType::Date32 => Written::Date,
        DataType::Timestamp(_, None) => Written::Timestamp(None, TimezoneInfo::None),
        _ => return None,
    })
}

/// A type that a client gave by PostgreSQL's number.
pub fn given(oid: u32) -> Option<DataType> {
    Some(match Type::from_oid(oid)? {
        Type::INTERVAL => DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano),
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None),
        _ => return None,
    })
}

/// Says of parameters in a statement what is known of them.
pub fn typed(statement: &mut Statement, known: &[Option<DataType>]) {
    if known.iter().all(Option::is_none) {
        return;
    }
    let _: ControlFlow<()> = visit_expressions_mut(statement, |expr| {
        if let Ast::Cast { expr: of, .. } = expr
            && matches!(of.as_ref(), Ast::Cast { expr: of, .. } if is_parameter(of).is_some())
        {
            // It says so itself.
            if let Ast::Cast { expr: inner, .. } = of.as_mut() {
                let inner = inner.as_ref().clone();
                **of = inner;
            }
        } else if let Some(number) = is_parameter(expr)
            && let Some(Some(of)) = known.get(number.wrapping_sub(1))
            && let Some(data_type) = written(of)
        {
            let parameter = Box::new(expr.clone());
            *expr = Ast::Cast { kind: CastKind::Cast, expr: parameter, data_type, array: false, format: None };
        }
        ControlFlow::Continue(())
    });
}

fn is_parameter(expr: &Ast) -> Option<usize> {
    match expr {
        Ast::Value(value) => match &value.value {
            Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Types that the planner does not find.
pub fn inferred(plan: &LogicalPlan) -> Answered<HashMap<String, DataType>> {
    let mut found = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for expr in [&limit.skip, &limit.fetch].into_iter().flatten() {
                let _ = expr.apply(|e| {
                    if let Expr::Placeholder(p) = e {
                        found.insert(p.id.clone(), DataType::Int64);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
            return Ok(TreeNodeRecursion::Continue);
        }
        let kind = |e: &Expr| {
            let of = node.inputs().into_iter().map(|i| e.get_type(i.schema()));
            of.chain([e.get_type(node.schema())]).find_map(Result::ok)
        };
        for expr in node.expressions() {
            expr.apply(|e| {
                match e {
                    Expr::Cast(cast) => {
                        if let Expr::Placeholder(p) = cast.expr.as_ref() {
                            found.insert(p.id.clone(), cast.field.data_type().clone());
                        }
                    }
                    Expr::ScalarFunction(f) if f.func.name() == arrays::ANY => match f.args.as_slice() {
                        [Expr::Placeholder(p), value] => {
                            let element = match kind(value) {
                                Some(DataType::Utf8View | DataType::LargeUtf8 | DataType::Null) | None => {
                                    DataType::Utf8
                                }
                                Some(other) => other,
                            };
                            let list = DataType::List(Arc::new(Field::new_list_field(element, true)));
                            found.entry(p.id.clone()).or_insert(list);
                        }
                        [array, Expr::Placeholder(p)] => {
                            if let Some(DataType::List(element)) = kind(array) {
                                found.entry(p.id.clone()).or_insert(element.data_type().clone());
                            }
                        }
                        _ => {}
                    },
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
