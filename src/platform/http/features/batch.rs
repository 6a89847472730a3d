//! The lookup of several keys of one view or service (docs/wire.md section 3.2).

use std::time::Instant;

use super::join_keys::{Given, JoinKeys};
use super::lookup::{descriptions, included, vector};
use super::meter::Meter;
use super::target::Target;
use crate::platform::Platform;
use crate::platform::http::fault::Fault;
use crate::wire::convert;
use crate::wire::features::{BATCH_ROWS, BatchRequest, BatchResponse, RequestData};

/// The features of each key, all at one instant. One bad key refuses the whole.
pub(super) fn lookup(platform: &Platform, asked: BatchRequest, began: Instant) -> Result<BatchResponse, Fault> {
    let asked = asked.params;
    let target = Target::find(platform, &asked.workspace_name, &asked.locator)?;
    let keys = keys_of(&target, &asked.request_data)?;
    let at = platform.clock().now();
    let (mut vectors, mut meters) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    for keys in &keys {
        let mut meter = Meter::since(Instant::now());
        vectors.push(vector(platform, &target, keys, at, &mut meter)?);
        meters.push((meter.slo(), meter));
    }
    let (slo, meters): (Vec<_>, Vec<_>) = meters.into_iter().unzip();
    let descriptions = descriptions(&target, asked.metadata_options);
    let included = included(asked.metadata_options, &descriptions, false);
    Ok(convert::batch_response(&vectors, &target.features(), &included, slo, Meter::whole(began, &meters)))
}

fn keys_of(target: &Target, rows: &[RequestData]) -> Result<Vec<JoinKeys>, Fault> {
    if rows.is_empty() {
        let fix = "Put a joinKeyMap for each key into params.requestData.";
        return Err(Fault::invalid(format!("The batch asks for no key. {fix}")));
    }
    if rows.len() > BATCH_ROWS {
        let count = rows.len();
        return Err(Fault::invalid(format!(
            "The batch asks for {count} keys, and one request may ask for at most {BATCH_ROWS}. Send several requests."
        )));
    }
    let key = |(number, given): (usize, &Given)| {
        JoinKeys::full(target, given).map_err(|fault| fault.of_part(&format!("Row {number} of requestData")))
    };
    (1..).zip(rows.iter().map(|row| &row.join_key_map)).map(key).collect()
}
