//! Functions of an array and a lambda function; the binder and `lambda` compute them.

use super::Kind::Rewritten;
use super::{Function, sure};

pub(super) static FUNCTIONS: &[Function] = &[
    sure(
        "filter",
        "array, any -> array",
        "The elements where the condition is true; `(x, i) -> ...` has the position from 0 too.",
        "size(filter(array(1, 2, 3), x -> x > 1)) = 2",
        Rewritten,
    ),
    sure(
        "transform",
        "array, any -> array",
        "Another element made of each; `(x, i) -> ...` has the position from 0 too.",
        "transform(array('a', 'b'), x -> upper(x))[1] = 'B'",
        Rewritten,
    ),
    sure(
        "exists",
        "array, any -> boolean",
        "Whether the condition is true for one element; null if it is true for none and null for one.",
        "exists(array(1, 2), x -> x > 1)",
        Rewritten,
    ),
    sure(
        "forall",
        "array, any -> boolean",
        "Whether the condition is true for all elements; null if it is false for none and null for one.",
        "forall(array(1, 2), x -> x > 0)",
        Rewritten,
    ),
];
