//! Forms with words of their own: CAST, CASE, EXTRACT, and sums with intervals.

use sqlparser::ast::{CaseWhen, DataType, DateTimeField, Expr};

use super::Binder;
use crate::platform::engine::sql::calendar::DAY;
use crate::platform::engine::sql::cast;
use crate::platform::engine::sql::node::{Literal, Node, Op, Source};
use crate::platform::engine::sql::refusal::Refusal;
use crate::platform::engine::sql::types::Type;

impl Binder<'_> {
    /// Sums and differences with dates, instants and intervals; absent for numbers.
    pub fn time_sum(&self, left: &Node, op: &str, right: &Node, from: &Source) -> Result<Option<Node>, Refusal> {
        let is_time = |node: &Node| matches!(node.ty, Type::Date | Type::Timestamp);
        let (time, interval) = match (&left.op, &right.op) {
            (_, Op::Literal(interval @ Literal::Interval { .. })) if is_time(left) => (left, interval),
            (Op::Literal(interval @ Literal::Interval { .. }), _) if is_time(right) && op == "+" => (right, interval),
            _ if left.ty == Type::Date && right.ty.is_integer() => {
                let name = if op == "+" { "date_add" } else { "date_sub" };
                return self.call(name, vec![left.clone(), right.clone()], from).map(Some);
            }
            _ if is_time(left) && is_time(right) => {
                let fix = "use datediff(a, b) for days, unix_timestamp(a) - unix_timestamp(b) for seconds";
                return Err(from.place.refuse(&*from.text, "is an INTERVAL on Spark", fix));
            }
            _ if left.ty == Type::Interval || right.ty == Type::Interval => {
                let fix = "add an interval to a date or a timestamp";
                return Err(from.place.refuse(&*from.text, "calculates with an INTERVAL", fix));
            }
            _ => return Ok(None),
        };
        let Literal::Interval { months, days, micros } = interval else { return Ok(None) };
        let sign = if op == "-" { -1 } else { 1 };
        let number = |number: i64| Node::literal(Literal::Int(number * sign), Type::Long);
        let args = vec![time.clone(), number(i64::from(*months)), number(i64::from(*days) * DAY + micros)];
        let sum = self.call("+ interval", args, from)?;
        // Whole days and months leave a date a date.
        Ok(Some(if time.ty == Type::Date && *micros == 0 { sum.cast(&Type::Date) } else { sum }))
    }

    /// CAST, `::` and TRY_CAST.
    pub fn cast(&self, node: Node, written: &DataType, lenient: bool, from: &Source) -> Result<Node, Refusal> {
        let Some(ty) = Type::written(written) else {
            let fix = "use BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE STRING DATE TIMESTAMP or ARRAY<...>";
            return Err(from.place.refuse(&*from.text, format!("{written} is not a type of the dialect"), fix));
        };
        let decimal = node.ty == Type::Decimal;
        let node = if decimal && ty.is_float() { node.cast(&ty) } else { node };
        if node.ty == Type::Decimal || !cast::possible(&node.ty, &ty) {
            let problem = format!("Spark does not cast {} to {ty}, or not in the same way", node.ty);
            return Err(from.place.refuse(&*from.text, problem, "cast to another type first"));
        }
        if node.ty == ty {
            return Ok(node.at(from));
        }
        if node.constant() == Some(&Literal::Null) {
            return Ok(node.cast(&ty).at(from));
        }
        Ok(Node { op: Op::Cast { lenient }, args: vec![node], ty, from: from.clone() })
    }

    /// CASE with conditions, or with the values of an expression.
    pub fn case_when(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        last: Option<&Expr>,
        from: &Source,
    ) -> Result<Node, Refusal> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut args = Vec::new();
        for CaseWhen { condition, result } in conditions {
            let condition = self.expr(condition)?;
            let condition = match &operand {
                Some(operand) => self.call("=", vec![operand.clone(), condition], from)?,
                None => condition,
            };
            if condition.ty != Type::Boolean {
                let problem = format!("is {} where a condition stands", condition.ty);
                return Err(condition.from.place.refuse(&*condition.from.text, problem, "compare it with something"));
            }
            args.extend([condition, self.expr(result)?]);
        }
        args.extend(last.map(|last| self.expr(last)).transpose()?);
        self.case(args, from)
    }

    /// `EXTRACT(field FROM ts)`.
    pub fn extract(&mut self, field: &DateTimeField, expr: &Expr, from: &Source) -> Result<Node, Refusal> {
        let name = match field.to_string().to_lowercase().as_str() {
            "year" | "years" => "year",
            "quarter" => "quarter",
            "month" | "months" => "month",
            "week" | "weeks" => "weekofyear",
            "day" | "days" => "day",
            "dayofweek" | "dow" => "dayofweek",
            "doy" | "dayofyear" => "dayofyear",
            "hour" | "hours" => "hour",
            "minute" | "minutes" => "minute",
            other => {
                let fix = "use YEAR QUARTER MONTH WEEK DAY DAYOFWEEK DOY HOUR MINUTE, or second(ts)";
                return Err(from.place.refuse(format!("EXTRACT({other})"), "is not in the dialect", fix));
            }
        };
        self.plain(name, &[expr], from)
    }
}
