//! Vendure's admin API: reads, mutations, and what becomes of a refusal.
//!
//! Reads are GET requests, asked afresh on each attempt, and so is whatever does no harm when it is
//! done twice (a transition that Vendure refuses the second time, an absolute count). Only what makes
//! something new is a step of its own that a retry never repeats: Vendure knows no idempotency key.

use mortar_sdk::{Delivery, Failure, Json, Mends, Response, Steps, call, config, graphql, json};
use serde::de::DeserializeOwned;

use crate::map::answer::{No, field};
use crate::map::document::ORDER;
use crate::map::record::{Items, Order};
use crate::map::settings::Settings;

/// Vendure, for one attempt of a delivery.
pub(crate) struct Shop<'a> {
    pub(crate) settings: Settings,
    delivery: &'a Delivery,
    steps: Steps<'a>,
}

impl<'a> Shop<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Result<Self, Failure> {
        Ok(Self { settings: config()?, delivery, steps: Steps::new(delivery) })
    }

    /// Reads a field.
    pub(crate) fn read<T: DeserializeOwned>(&self, step: &str, document: &str, name: &str, variables: &Json) -> Result<T, Failure> {
        let request = graphql::get(&self.settings.connection, &self.settings.path, document, variables);
        let answer = call(&self.steps.fresh(step), &request)?;
        let value = field(&answer, name).map_err(|no| self.failure(step, &no))?;
        Ok(serde_json::from_value(value)?)
    }

    /// Does what may well be done twice.
    pub(crate) fn write(&self, step: &str, document: &str, name: &str, variables: &Json) -> Result<Result<Json, No>, Failure> {
        let request = graphql::post(&self.settings.connection, &self.settings.path, document, variables);
        Ok(field(&call(&self.steps.fresh(step), &request)?, name))
    }

    /// Does what must not be done twice. Where the answer was lost, `is_done` looks whether it is.
    pub(crate) fn once(
        &self,
        step: &str,
        document: &str,
        name: &str,
        variables: &Json,
        is_done: impl Fn() -> Result<bool, Failure>,
    ) -> Result<Result<Json, No>, Failure> {
        let request = graphql::post(&self.settings.connection, &self.settings.path, document, variables);
        let look = || Ok(is_done()?.then(|| found(name)));
        let not_yet = |answer: &Response| field(answer, name).is_err_and(|no| no.mends != Mends::Nothing);
        Ok(field(&self.steps.once(step, &request, look, not_yet)?, name))
    }

    /// The order of a number, with its fulfilments.
    pub(crate) fn order(&self, step: &str, number: &str) -> Result<Order, Failure> {
        let found: Items<Order> = self.read(step, ORDER, "orders", &json!({ "code": number }))?;
        one(found.items, &format!("order with the code {number}"))
    }

    /// What a refusal makes of the delivery.
    pub(crate) fn failure(&self, step: &str, no: &No) -> Failure {
        no.mends.failure(self.delivery, format!("{step}: Vendure: {}", no.words))
    }
}

/// The answer of a mutation that was found to be done.
fn found(name: &str) -> Response {
    let body = json!({ "data": { name: {} } });
    Response { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
}

/// The only one that was found.
pub(crate) fn one<T>(mut found: Vec<T>, what: &str) -> Result<T, Failure> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::reject(format!("Vendure has no {what}"))),
        several => Err(Failure::reject(format!("Vendure has {several} {what}: which one is meant?"))),
    }
}
