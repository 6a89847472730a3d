//! The kinds of joins that the dialect has.

use sqlparser::ast::{JoinConstraint, JoinOperator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Inner,
    /// Pairs, and left rows without one.
    Left,
    /// Pairs, and right rows without one.
    Right,
    /// Pairs, and rows without one of both sides.
    Full,
    /// Left rows with a pair, once.
    Semi,
    /// Left rows without a pair.
    Anti,
}

/// The kind of a join and its condition; absent for kinds that Spark has not.
pub(super) fn kind_of(operator: &JoinOperator) -> Option<(How, &JoinConstraint)> {
    Some(match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
            (How::Inner, constraint)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (How::Left, constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (How::Right, constraint),
        JoinOperator::FullOuter(constraint) => (How::Full, constraint),
        JoinOperator::Semi(constraint) | JoinOperator::LeftSemi(constraint) => (How::Semi, constraint),
        JoinOperator::Anti(constraint) | JoinOperator::LeftAnti(constraint) => (How::Anti, constraint),
        _ => return None,
    })
}
