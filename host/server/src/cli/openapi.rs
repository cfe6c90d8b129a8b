//! `mortar openapi`: the description of the admin API.

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::admin;

pub(super) fn run(output: &mut Output<'_>) -> Result<Exit, Failure> {
    output.json(&admin::openapi())?;
    Ok(Exit::Done)
}
