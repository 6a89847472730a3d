//! Looks at the wish to stop inside a running query: where it reads, and after each join, whose output may be far
//! greater than all that is read.
//!
//! A look is a step of the plan that hands its rows on unchanged; filters and projections still pass through it. It
//! must not change what a query gives.

use std::sync::Arc;

use polars::prelude::*;

/// What is looked at: an error ends the query.
pub(crate) type Look = Arc<dyn Fn() -> PolarsResult<()> + Send + Sync>;

/// The plan with a look at each batch of its rows.
pub(crate) fn at_rows(plan: LazyFrame, look: &Look) -> LazyFrame {
    let look = Arc::clone(look);
    let pass = OptFlags::PREDICATE_PUSHDOWN | OptFlags::PROJECTION_PUSHDOWN | OptFlags::STREAMING;
    plan.map(move |rows| look().map(|()| rows), pass, None, Some("look"))
}

/// The plan with a look at the rows of each of its joins.
pub(crate) fn at_joins(plan: LazyFrame, look: &Look) -> LazyFrame {
    LazyFrame::from(inside(plan.logical_plan, look))
}

fn inside(plan: DslPlan, look: &Look) -> DslPlan {
    let below = |input: Arc<DslPlan>| Arc::new(inside(Arc::unwrap_or_clone(input), look));
    match plan {
        DslPlan::Join { input_left, input_right, left_on, right_on, predicates, options } => {
            let (input_left, input_right) = (below(input_left), below(input_right));
            let join = DslPlan::Join { input_left, input_right, left_on, right_on, predicates, options };
            at_rows(LazyFrame::from(join), look).logical_plan
        }
        DslPlan::Filter { input, predicate } => DslPlan::Filter { input: below(input), predicate },
        DslPlan::Cache { input, id } => DslPlan::Cache { input: below(input), id },
        DslPlan::Select { expr, input, options } => DslPlan::Select { expr, input: below(input), options },
        DslPlan::GroupBy { input, keys, predicates, aggs, maintain_order, options, apply } => {
            DslPlan::GroupBy { input: below(input), keys, predicates, aggs, maintain_order, options, apply }
        }
        DslPlan::HStack { input, exprs, options } => DslPlan::HStack { input: below(input), exprs, options },
        DslPlan::Distinct { input, options } => DslPlan::Distinct { input: below(input), options },
        DslPlan::Sort { input, by_column, slice, sort_options } => {
            DslPlan::Sort { input: below(input), by_column, slice, sort_options }
        }
        DslPlan::Slice { input, offset, len } => DslPlan::Slice { input: below(input), offset, len },
        DslPlan::MapFunction { input, function } => DslPlan::MapFunction { input: below(input), function },
        DslPlan::Union { inputs, args } => {
            DslPlan::Union { inputs: inputs.into_iter().map(|input| inside(input, look)).collect(), args }
        }
        // A plan whose schema was looked at already.
        DslPlan::IR { dsl, .. } => inside(Arc::unwrap_or_clone(dsl), look),
        other => other,
    }
}
