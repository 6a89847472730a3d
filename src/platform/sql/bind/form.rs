//! Forms with words of their own: CAST, CASE, EXTRACT, and sums with intervals.

use sqlparser::ast::{CaseWhen, DataType, DateTimeField, Expr};

use super::Binder;
use crate::platform::sql::calendar::DAY;
use crate::platform::sql::node::{Literal, Node, Op, Source};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;
use crate::platform::sql::{cast, functions};

impl Binder<'_> {
    /// Sums and differences with dates, instants and intervals; absent for numbers.
    pub(crate) fn time_sum(&self, left: &Node, op: &str, right: &Node, from: &Source) -> Result<Option<Node>, Refusal> {
        let is_time = |node: &Node| matches!(node.ty, Type::Date | Type::Timestamp);
        if op == "*" {
            return self.times_interval(left, right, from);
        }
        let (time, interval) = match (left.ty == Type::Interval, right.ty == Type::Interval) {
            (false, true) if is_time(left) => (left, right),
            (true, false) if is_time(right) && op == "+" => (right, left),
            _ if left.ty == Type::Date && right.ty.is_integer() => {
                let name = if op == "+" { "date_add" } else { "date_sub" };
                return self.call(name, vec![left.clone(), right.clone()], from).map(Some);
            }
            _ if is_time(left) && is_time(right) => {
                let fix = "use datediff(a, b) for days, timestampdiff(SECOND, b, a) for other units";
                return Err(from.place.refuse(&*from.text, "is an INTERVAL on Spark", fix));
            }
            (false, false) => return Ok(None),
            _ => {
                let fix = "add an interval to a date or a timestamp";
                return Err(from.place.refuse(&*from.text, "calculates with an INTERVAL", fix));
            }
        };
        let (length, count) = match (&interval.op, interval.args.as_slice()) {
            (Op::Call(_), [length, count]) => (length, Some(count)),
            _ => (interval, None),
        };
        let Some(Literal::Interval { months, days, micros }) = length.constant() else { return Ok(None) };
        let sign = if op == "-" { -1 } else { 1 };
        let number = |number: i64| Node::literal(Literal::Int(number * sign), Type::Long);
        let mut args = vec![time.clone(), number(i64::from(*months)), number(i64::from(*days) * DAY + micros)];
        args.extend(count.cloned());
        let sum = self.call("+ interval", args, from)?;
        // Whole days and months leave a date a date, but not multiplied days: these are hours and seconds for Spark.
        let whole = *micros == 0 && (count.is_none() || *days == 0);
        Ok(Some(if time.ty == Type::Date && whole { sum.cast(&Type::Date) } else { sum }))
    }

    /// `INTERVAL 1 HOUR * n`, which only a sum with a date or a timestamp can use; absent for numbers.
    fn times_interval(&self, left: &Node, right: &Node, from: &Source) -> Result<Option<Node>, Refusal> {
        let (interval, count) = match (left.ty == Type::Interval, right.ty == Type::Interval) {
            (false, false) => return Ok(None),
            (true, _) => (left, right),
            (false, true) => (right, left),
        };
        let whole = interval.constant().is_some() && (count.ty.is_integer() || count.ty == Type::Null);
        if !whole {
            let fix = "multiply an INTERVAL by a whole number: ts + INTERVAL 1 MINUTE * n";
            return Err(from.place.refuse(&*from.text, "calculates with an INTERVAL", fix));
        }
        let Some(function) = functions::find("+ interval") else { return Ok(None) };
        let args = vec![interval.clone(), count.clone()];
        Ok(Some(Node { op: Op::Call(function), args, ty: Type::Interval, from: from.clone() }))
    }

    pub(crate) fn cast(&self, node: Node, written: &DataType, lenient: bool, from: &Source) -> Result<Node, Refusal> {
        let Some(ty) = Type::written(written) else {
            let fix = "use BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL(18,2) STRING DATE TIMESTAMP or ARRAY<...>";
            return Err(from.place.refuse(&*from.text, format!("{written} is not a type of the dialect"), fix));
        };
        if !cast::possible(&node.ty, &ty) {
            let problem = format!("Spark does not cast {} to {ty}, or not in the same way", node.ty);
            return Err(from.place.refuse(&*from.text, problem, "cast to another type first"));
        }
        if node.ty == ty {
            return Ok(node.at(from));
        }
        if node.constant() == Some(&Literal::Null) || node.is_empty_literal() {
            return Ok(node.cast(&ty).at(from));
        }
        Ok(Node { op: Op::Cast { lenient }, args: vec![node], ty, from: from.clone() })
    }

    /// CASE with conditions, or with the values of an expression.
    pub(crate) fn case_when(
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

    pub(crate) fn extract(&mut self, field: &DateTimeField, expr: &Expr, from: &Source) -> Result<Node, Refusal> {
        let node = self.expr(expr)?;
        self.part_of(&field.to_string(), node, from)
    }

    /// A part of an instant by its name.
    pub(crate) fn part_of(&self, field: &str, node: Node, from: &Source) -> Result<Node, Refusal> {
        let name = match field.to_lowercase().as_str() {
            "year" | "years" => "year",
            "quarter" => "quarter",
            "month" | "months" => "month",
            "week" | "weeks" => "weekofyear",
            "day" | "days" => "day",
            "dayofweek" | "dow" => "dayofweek",
            "doy" | "dayofyear" => "dayofyear",
            "hour" | "hours" => "hour",
            "minute" | "minutes" => "minute",
            "second" | "seconds" => "second part",
            other => {
                let fix = "use YEAR QUARTER MONTH WEEK DAY DAYOFWEEK DOY HOUR MINUTE SECOND";
                return Err(from.place.refuse(format!("EXTRACT({other})"), "is not in the dialect", fix));
            }
        };
        let node = self.call(name, vec![node], from)?;
        Ok(if name == "second part" { Node { ty: Type::Decimal(8, 6), ..node } } else { node })
    }
}
