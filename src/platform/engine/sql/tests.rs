//! The dialect as a whole.

use super::*;
use polars::prelude::*;

#[test]
fn a_query_over_a_frame() {
    let frame = df!("a" => [1_i64, 2, 3], "b" => ["x", "y", "x"]).unwrap();
    let out = run(vec![("t", frame)], "SELECT b, sum(a) AS s, count(*) AS n FROM t GROUP BY b ORDER BY b").unwrap();
    assert_eq!(out, df!("b" => ["x", "y"], "s" => [4_i64, 2], "n" => [2_i64, 1]).unwrap());
}
