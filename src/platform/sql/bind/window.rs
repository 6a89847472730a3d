//! Functions with OVER: partition, order and frame.

use sqlparser::ast::{
    Expr, Function as Call, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::Binder;
use super::call::ignores_nulls;
use crate::platform::sql::calendar::DAY;
use crate::platform::sql::functions::{self, Function, Kind, Ranking};
use crate::platform::sql::node::{Bound, Frame, Literal, Node, Op, Source, Window};
use crate::platform::sql::refusal::Refusal;
use crate::platform::sql::types::Type;

/// Aggregates that may have a window.
const FRAMED: [&str; 9] = ["count", "sum", "avg", "min", "max", "stddev_samp", "stddev_pop", "var_samp", "var_pop"];

impl Binder<'_> {
    /// A function with a window.
    pub(crate) fn over(
        &mut self,
        call: &Call,
        function: &'static Function,
        written: &[Option<&Expr>],
        from: &Source,
    ) -> Result<Node, Refusal> {
        let name = function.name;
        let refuse = |problem: &str, fix: &str| Err(from.place.refuse(format!("function {name}"), problem, fix));
        let spec = match &call.over {
            None => return refuse("needs a window", "write OVER (PARTITION BY ... ORDER BY ...)"),
            Some(WindowType::WindowSpec(spec)) => spec.clone(),
            Some(WindowType::NamedWindow(name)) => {
                let same = |known: &str| known.eq_ignore_ascii_case(&name.value);
                match self.windows.iter().find(|(known, _)| same(&known.value)) {
                    Some((_, spec)) => spec.clone(),
                    None => return refuse("has a window that is not there", "define it with WINDOW w AS (...)"),
                }
            }
        };
        if spec.window_name.is_some() || call.filter.is_some() || super::call::distinct(call) {
            return refuse("has FILTER, DISTINCT or a base window", "use CASE inside of the function");
        }
        let ranks = matches!(function.kind, Kind::Window(rank) if !matches!(rank, Ranking::First | Ranking::Last));
        let framed = FRAMED.contains(&name);
        if !framed && !matches!(function.kind, Kind::Window(_)) {
            return refuse("has no window in this dialect", "count sum avg min max stddev variance have one");
        }
        if ranks && (spec.order_by.is_empty() || spec.window_frame.is_some()) {
            return refuse("needs an ORDER BY and takes no frame", "write OVER (PARTITION BY ... ORDER BY ...)");
        }
        let whole = |node: &Node| node.has_window();
        let mut leaves_nulls_out = false;
        let mut node = match function.kind {
            Kind::Window(_) => {
                let mut args = written.iter().flatten().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
                if args.len() == 2 && !ranks && functions::edge(function).is_some() {
                    leaves_nulls_out = args.pop().as_ref().and_then(Node::constant) == Some(&Literal::Boolean(true));
                }
                self.call(name, args, from)?
            }
            _ => self.aggregate_of(call, function, written, from)?,
        };
        check_steps(function, &node, from)?;
        let own = node.args.len();
        for expr in &spec.partition_by {
            node.args.push(self.expr(expr)?);
        }
        let mut order = Vec::new();
        for item in &spec.order_by {
            let (key, descending, nulls_last) = self.order_key(item)?;
            node.args.push(key);
            order.push((descending, nulls_last));
        }
        if node.args.iter().any(whole) {
            return refuse("has a window function inside", "compute it in a WITH query before");
        }
        let frame = self.frame(&spec, &node, own + spec.partition_by.len(), from)?;
        if order.is_empty() && frame.rows && frame != WHOLE {
            return refuse("counts rows that have no order", "add ORDER BY to the window");
        }
        if matches!(function.kind, Kind::Window(Ranking::First | Ranking::Last)) && order.is_empty() {
            return refuse("has no order to be first or last in", "add ORDER BY to the window");
        }
        let ignore_nulls = ignores_nulls(call).unwrap_or(leaves_nulls_out);
        if ignore_nulls && ranks {
            return refuse("has IGNORE NULLS", "use last_value(x) IGNORE NULLS");
        }
        // The aggregate's column may be of another name for floats; over a window it is one.
        let window = Window { function, own, partition: spec.partition_by.len(), order, frame, ignore_nulls };
        Ok(Node { op: Op::Window(Box::new(window)), ..node })
    }

    /// A key of ORDER BY: its value, whether it descends, whether nulls come last. Nulls are the least by default.
    pub(crate) fn order_key(&mut self, item: &OrderByExpr) -> Result<(Node, bool, bool), Refusal> {
        let key = self.whole(&item.expr)?;
        if !key.ty.is_ordered() || item.with_fill.is_some() {
            return Err(key.from.place.refuse(&*key.from.text, "cannot be an order", "name plain columns"));
        }
        let descending = item.options.asc == Some(false);
        let nulls_last = item.options.nulls_first.map_or(descending, |first| !first);
        Ok((key, descending, nulls_last))
    }

    fn frame(&mut self, spec: &WindowSpec, node: &Node, keys: usize, from: &Source) -> Result<Frame, Refusal> {
        let Some(frame) = &spec.window_frame else {
            return Ok(if spec.order_by.is_empty() { WHOLE } else { DEFAULT });
        };
        let refuse =
            |problem: &str, fix: &str| Err(from.place.refuse(format!("the frame {}", frame.units), problem, fix));
        let rows = match frame.units {
            WindowFrameUnits::Rows => true,
            WindowFrameUnits::Range => false,
            WindowFrameUnits::Groups => return refuse("Spark has no GROUPS", "use ROWS or RANGE"),
        };
        let WindowFrame { start_bound, end_bound, .. } = frame;
        let Some(end_bound) = end_bound else {
            return refuse("has no end", "write BETWEEN ... AND CURRENT ROW");
        };
        if matches!(start_bound, WindowFrameBound::Following(None))
            || matches!(end_bound, WindowFrameBound::Preceding(None))
        {
            return refuse("begins behind its end", "write UNBOUNDED PRECEDING first");
        }
        let key = match node.args.get(keys..) {
            Some([key]) => Some(key.ty.clone()),
            _ => None,
        };
        if let (Some(a), Some(b)) = (unit(start_bound), unit(end_bound))
            && a != b
        {
            return refuse(
                "has ends in different units, which Spark does not compare",
                "write both in the smaller unit",
            );
        }
        let start = self.bound(start_bound, rows, key.as_ref())?;
        let end = self.bound(end_bound, rows, key.as_ref())?;
        let at = |bound: &Bound| match bound {
            Bound::Offset(number) => Some(*number),
            Bound::Exact(number) => Some(*number as f64),
            Bound::Unbounded => None,
        };
        if at(&start).zip(at(&end)).is_some_and(|(start, end)| start > end) {
            return refuse("begins behind its end", "swap its ends");
        }
        Ok(Frame { rows, start, end })
    }

    fn bound(&mut self, bound: &WindowFrameBound, rows: bool, key: Option<&Type>) -> Result<Bound, Refusal> {
        let (expr, sign) = match bound {
            WindowFrameBound::CurrentRow => return Ok(Bound::Exact(0)),
            WindowFrameBound::Preceding(None) | WindowFrameBound::Following(None) => return Ok(Bound::Unbounded),
            WindowFrameBound::Preceding(Some(expr)) => (expr, -1),
            WindowFrameBound::Following(Some(expr)) => (expr, 1),
        };
        let node = self.expr(expr)?;
        let refuse = |problem: &str, fix: &str| Err(node.from.place.refuse(&*node.from.text, problem, fix));
        match (node.constant(), key) {
            (Some(Literal::Int(count)), _) if rows && *count >= 0 => Ok(Bound::Exact(i64::from(sign) * count)),
            _ if rows => refuse("is no number of rows", "write a whole number such as 2 PRECEDING"),
            (_, None) => refuse("needs exactly one ORDER BY", "order the window by one column"),
            (Some(Literal::Interval { months: 0, days, micros }), Some(Type::Timestamp)) => {
                Ok(Bound::Exact(i64::from(sign) * (i64::from(*days) * DAY + micros)))
            }
            (Some(Literal::Int(count)), Some(ty)) if ty.is_integer() || *ty == Type::Date => {
                Ok(Bound::Exact(i64::from(sign) * count))
            }
            (Some(Literal::Int(count)), Some(Type::Double)) => Ok(Bound::Offset(f64::from(sign) * *count as f64)),
            (Some(Literal::Double(width)), Some(Type::Double)) if node.ty == Type::Double => {
                Ok(Bound::Offset(f64::from(sign) * width))
            }
            _ => {
                let fix = "write INTERVAL 1 HOUR PRECEDING over a timestamp, a number over a number";
                refuse("does not fit the type of the ORDER BY", fix)
            }
        }
    }
}

/// All rows of the partition.
const WHOLE: Frame = Frame { rows: true, start: Bound::Unbounded, end: Bound::Unbounded };
/// With an order: from the beginning to the row and its peers.
const DEFAULT: Frame = Frame { rows: false, start: Bound::Unbounded, end: Bound::Exact(0) };

/// The unit of an end that is an interval.
fn unit(bound: &WindowFrameBound) -> Option<String> {
    let (WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr))) = bound else {
        return None;
    };
    let Expr::Interval(interval) = &**expr else { return None };
    let unit = interval.leading_field.as_ref().map(ToString::to_string);
    let unit = unit.or_else(|| interval.value.to_string().split_whitespace().last().map(str::to_owned))?;
    Some(unit.to_lowercase().trim_matches('\'').trim_end_matches('s').to_owned())
}

/// Steps and numbers of parts are constants.
fn check_steps(function: &Function, node: &Node, from: &Source) -> Result<(), Refusal> {
    let index = match function.kind {
        Kind::Window(Ranking::Ntile) => 0,
        Kind::Window(Ranking::Lag | Ranking::Lead) => 1,
        _ => return Ok(()),
    };
    match node.args.get(index).map(|arg| arg.constant()) {
        None => Ok(()),
        Some(Some(Literal::Int(count))) if *count > 0 || index == 1 => Ok(()),
        _ => {
            let problem = "takes a constant number";
            Err(from.place.refuse(format!("function {}", function.name), problem, "write a whole number"))
        }
    }
}
