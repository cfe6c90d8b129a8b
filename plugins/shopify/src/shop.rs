//! Shopify's Admin API: reads, mutations, and what becomes of a refusal.
//!
//! Reads go through a connection of their own, on which POST is a safe method, and are asked afresh on
//! each attempt. What makes something new is a step that a retry never repeats.

use mortar_sdk::{Delivery, Failure, Json, Mends, Response, Steps, call, config, graphql, json};
use serde::de::DeserializeOwned;

use crate::map::answer::{No, field};
use crate::map::document::ORDERS;
use crate::map::record::{Order, Page};
use crate::map::settings::Settings;

const PATH: &str = "/graphql.json";

/// Shopify, for one attempt of a delivery.
pub(crate) struct Shop<'a> {
    pub(crate) settings: Settings,
    pub(crate) delivery: &'a Delivery,
    steps: Steps<'a>,
}

impl<'a> Shop<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Result<Self, Failure> {
        Ok(Self { settings: config()?, delivery, steps: Steps::new(delivery) })
    }

    /// Reads a field.
    pub(crate) fn read<T: DeserializeOwned>(&self, step: &str, document: &str, name: &str, variables: &Json) -> Result<T, Failure> {
        let request = graphql::post(&self.settings.reads, PATH, document, variables);
        let answer = call(&self.steps.fresh(step), &request)?;
        let value = field(&answer, name).map_err(|no| self.failure(step, &no))?;
        Ok(serde_json::from_value(value)?)
    }

    /// Does what may well be done twice.
    pub(crate) fn write(&self, step: &str, document: &str, name: &str, variables: &Json) -> Result<(), Failure> {
        let request = graphql::post(&self.settings.connection, PATH, document, variables);
        let answer = call(&self.steps.fresh(step), &request)?;
        field(&answer, name).map(drop).map_err(|no| self.failure(step, &no))
    }

    /// Does what must not be done twice. Where the answer was lost, or somebody was quicker, `is_done`
    /// looks whether it is.
    pub(crate) fn once(
        &self,
        step: &str,
        document: &str,
        name: &str,
        variables: &Json,
        is_done: impl Fn() -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let request = graphql::post(&self.settings.connection, PATH, document, variables);
        let look = || Ok(is_done()?.then(|| found(name)));
        let not_yet = |answer: &Response| field(answer, name).is_err_and(|no| no.mends != Mends::Nothing);
        match field(&self.steps.once(step, &request, look, not_yet)?, name) {
            Ok(_) => Ok(()),
            Err(no) if no.mends == Mends::Nothing && is_done()? => Ok(()),
            Err(no) => Err(self.failure(step, &no)),
        }
    }

    /// The order of a number, with its fulfillments. Shopify's search finds more than what it is asked
    /// for, so the name is compared.
    pub(crate) fn order(&self, step: &str, number: &str) -> Result<Order, Failure> {
        let name = format!("{}{number}", self.settings.order_prefix);
        let query = json!({ "query": format!("name:\"{}\"", quoted(number)) });
        let found: Page<Order> = self.read(step, ORDERS, "orders", &query)?;
        let found = found.nodes.into_iter().filter(|order| order.name == name || order.name == number).collect();
        one(found, &format!("order with the name {name} or {number}"))
    }

    fn failure(&self, step: &str, no: &No) -> Failure {
        no.mends.failure(self.delivery, format!("{step}: Shopify: {}", no.words))
    }
}

/// The answer of a mutation that was found to be done.
fn found(name: &str) -> Response {
    let body = json!({ "data": { name: {} } });
    Response { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
}

/// A value in Shopify's search syntax, to stand between quotes.
pub(crate) fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The only one that was found.
pub(crate) fn one<T>(mut found: Vec<T>, what: &str) -> Result<T, Failure> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::reject(format!("Shopify has no {what}"))),
        several => Err(Failure::reject(format!("Shopify has {several} {what}: which one is meant?"))),
    }
}
