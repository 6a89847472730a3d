//! Operators and the forms of SQL that are written in words.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, DateTimeField, Expr, Ident, Subscript, TrimWhereField,
    UnaryOperator,
};

use super::Binder;
use crate::platform::sql::node::{Literal, Node, Op, Source};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;

/// Texts that are compared with dates and instants are read as such, as Spark does.
pub(super) fn comparable(args: Vec<Node>) -> Vec<Node> {
    let time = args.iter().map(|arg| arg.ty.clone()).find(|ty| matches!(ty, Type::Date | Type::Timestamp));
    let Some(time) = time else { return args };
    args.into_iter().map(|arg| if arg.ty == Type::Text { arg.cast(&time) } else { arg }).collect()
}

/// Items of an IN that are compared one by one.
const FEW: usize = 16;

/// Whether an item of IN is a constant that compares with the type by being of it.
fn is_plain(item: &Node, ty: &Type) -> bool {
    let same = item.ty == *ty || item.ty == Type::Null || (item.ty.is_integer() && ty.is_integer());
    same && item.constant().is_some() && ty.is_ordered() && !matches!(ty, Type::Decimal(..) | Type::Null)
}

impl Binder<'_> {
    /// The meaning of an expression.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Node, Refusal> {
        let from = self.source(expr);
        let around = std::mem::replace(&mut self.place, from.place);
        let node = self.form(expr, &from);
        self.place = around;
        node
    }

    fn form(&mut self, expr: &Expr, from: &Source) -> Result<Node, Refusal> {
        match expr {
            Expr::Nested(inner) => Ok(self.expr(inner)?.at(from)),
            Expr::Identifier(name) => self.resolve(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => self.resolve(names),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, from),
            Expr::Value(value) => self.value(&value.value, from),
            Expr::TypedString(typed) => self.typed(typed, from),
            Expr::Interval(interval) => self.interval(interval, from),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, from),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, from),
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => self.plain("isnull", &[inner], from),
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => self.plain("isnotnull", &[inner], from),
            Expr::IsTrue(inner) => self.is(inner, true, false, from),
            Expr::IsNotTrue(inner) => self.is(inner, true, true, from),
            Expr::IsFalse(inner) => self.is(inner, false, false, from),
            Expr::IsNotFalse(inner) => self.is(inner, false, true, from),
            Expr::IsNotDistinctFrom(a, b) => self.plain("<=>", &[a, b], from),
            Expr::IsDistinctFrom(a, b) => {
                let same = self.plain("<=>", &[a, b], from)?;
                self.call("not", vec![same], from)
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, from),
            Expr::Between { expr, negated, low, high } => {
                let (low, high) = (self.plain(">=", &[expr, low], from)?, self.plain("<=", &[expr, high], from)?);
                let inside = self.call("and", vec![low, high], from)?;
                self.negated(inside, *negated, from)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let found = self.plain("like", &[expr, pattern], from)?;
                self.negated(found, *negated, from)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                let found = self.plain("ilike", &[expr, pattern], from)?;
                self.negated(found, *negated, from)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let found = self.plain("rlike", &[expr, pattern], from)?;
                self.negated(found, *negated, from)
            }
            Expr::Cast { kind, expr, data_type, array: false, format: None } => {
                let lenient = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
                let node = self.expr(expr)?;
                self.cast(node, data_type, lenient, from)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case_when(operand.as_deref(), conditions, else_result.as_deref(), from)
            }
            Expr::Extract { field, expr, .. } => self.extract(field, expr, from),
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.plain("ceil", &[expr], from)
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.plain("floor", &[expr], from)
            }
            Expr::Position { expr, r#in } => self.plain("locate", &[expr, r#in], from),
            Expr::Substring { expr, substring_from: Some(start), substring_for, .. } => match substring_for {
                Some(count) => self.plain("substring", &[expr, start, count], from),
                None => self.plain("substring", &[expr, start], from),
            },
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let set = trim_what.as_deref();
                let name = match (trim_where, set) {
                    (Some(TrimWhereField::Leading), Some(_)) => "trim leading",
                    (Some(TrimWhereField::Trailing), Some(_)) => "trim trailing",
                    (Some(TrimWhereField::Leading), None) => "ltrim",
                    (Some(TrimWhereField::Trailing), None) => "rtrim",
                    _ => "btrim",
                };
                let args: Vec<&Expr> = std::iter::once(&**expr).chain(set).collect();
                self.plain(name, &args, from)
            }
            Expr::Function(function) => self.function(function, from),
            Expr::Subquery(query) => self.scalar(query, from),
            Expr::Exists { subquery, negated } => self.exists(subquery, *negated, from),
            Expr::InSubquery { expr, subquery, negated } => self.in_query(expr, subquery, *negated, from),
            _ => Err(from.place.refuse(&*from.text, "is not in the dialect", "docs/sql.md has the forms that are")),
        }
    }

    /// A function of written arguments.
    pub(crate) fn plain(&mut self, name: &str, args: &[&Expr], from: &Source) -> Result<Node, Refusal> {
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        self.call(name, args, from)
    }

    fn negated(&self, node: Node, negated: bool, from: &Source) -> Result<Node, Refusal> {
        if negated { self.call("not", vec![node], from) } else { Ok(node) }
    }

    fn is(&mut self, inner: &Expr, wanted: bool, negated: bool, from: &Source) -> Result<Node, Refusal> {
        let node = self.expr(inner)?;
        let wanted = Node::literal(Literal::Boolean(wanted), Type::Boolean);
        let same = self.call("<=>", vec![node, wanted], from)?;
        self.negated(same, negated, from)
    }

    fn access(&mut self, root: &Expr, chain: &[AccessExpr], from: &Source) -> Result<Node, Refusal> {
        let mut names: Vec<Ident> = match root {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(names) => names.clone(),
            _ => Vec::new(),
        };
        let mut chain = chain.iter().peekable();
        let mut node = if names.is_empty() {
            self.expr(root)?
        } else {
            while let Some(AccessExpr::Dot(Expr::Identifier(name))) = chain.peek() {
                names.push(name.clone());
                chain.next();
            }
            self.resolve(&names)?
        };
        for step in chain {
            node = match step {
                AccessExpr::Dot(Expr::Identifier(name)) => super::field(node, &name.value)?,
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let index = self.expr(index)?;
                    self.call("[]", vec![node, index], from)?
                }
                _ => {
                    return Err(from.place.refuse(
                        &*from.text,
                        "is an access that Spark has not",
                        "use slice(a, 1, 2)",
                    ));
                }
            };
        }
        Ok(node)
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Expr, from: &Source) -> Result<Node, Refusal> {
        if op == UnaryOperator::Not {
            let mut inner = expr;
            while let Expr::Nested(nested) = inner {
                inner = nested;
            }
            if let Expr::InSubquery { expr, subquery, negated: false } = inner {
                return self.in_query(expr, subquery, true, from);
            }
        }
        let node = self.expr(expr)?;
        match op {
            UnaryOperator::Not => self.call("not", vec![node], from),
            UnaryOperator::Plus if node.ty.is_number() => Ok(node),
            UnaryOperator::Minus => Ok(match node.constant() {
                Some(Literal::Int(number)) => Node { op: Op::Literal(Literal::Int(-number)), ..node },
                Some(Literal::Double(number)) => Node { op: Op::Literal(Literal::Double(-number)), ..node },
                Some(Literal::Decimal(number)) => Node { op: Op::Literal(Literal::Decimal(-number)), ..node },
                Some(Literal::Interval { months, days, micros }) => {
                    let negative = Literal::Interval {
                        months: months.saturating_neg(),
                        days: days.saturating_neg(),
                        micros: -micros,
                    };
                    Node { op: Op::Literal(negative), ..node }
                }
                _ => self.call("-x", vec![node], from)?,
            }
            .at(from)),
            _ => Err(from.place.refuse(
                &*from.text,
                format!("the operator {op} is not in the dialect"),
                "use NOT, + or -",
            )),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr, from: &Source) -> Result<Node, Refusal> {
        let name = match op {
            BinaryOperator::Plus => "+",
            BinaryOperator::Minus => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::MyIntegerDivide => "div",
            BinaryOperator::StringConcat => "||",
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Spaceship => "<=>",
            BinaryOperator::And => "and",
            BinaryOperator::Or => "or",
            _ => {
                let problem = format!("the operator {op} is not in the dialect");
                return Err(from.place.refuse(&*from.text, problem, "docs/sql.md has the operators"));
            }
        };
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        if matches!(name, "+" | "-" | "*")
            && let Some(node) = self.time_sum(&left, name, &right, from)?
        {
            return Ok(node);
        }
        self.call(name, vec![left, right], from)
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool, from: &Source) -> Result<Node, Refusal> {
        let node = self.expr(expr)?;
        let items = list.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
        let many = items.len() > FEW || (items.len() > 1 && node.may_fail());
        if many && items.iter().all(|item| is_plain(item, &node.ty)) {
            let found = self.call("in list", std::iter::once(node).chain(items).collect(), from)?;
            return self.negated(found, negated, from);
        }
        let mut tests = Vec::new();
        for item in items {
            tests.push(self.call("=", vec![node.clone(), item], from)?);
        }
        // A balanced tree: lists may be long.
        while tests.len() > 1 {
            let pairs = tests.chunks(2);
            tests = pairs
                .map(|pair| match pair {
                    [a, b] => self.call("or", vec![a.clone(), b.clone()], from),
                    rest => Ok(rest.first().cloned().unwrap_or(Node::literal(Literal::Boolean(false), Type::Boolean))),
                })
                .collect::<Result<_, _>>()?;
        }
        let test = tests.into_iter().next().unwrap_or(Node::literal(Literal::Boolean(false), Type::Boolean));
        self.negated(test, negated, from)
    }
}
