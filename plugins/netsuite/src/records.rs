//! The records of NetSuite that decisions are made on, read with SuiteQL: the record service itself
//! cannot be asked for the fulfilments of an order, nor for tracking numbers.

use mortar_sdk::Failure;
use mortar_sdk::mapping::units::sum;
use serde::Deserialize;

use crate::erp::Erp;
use crate::map::document::{Document, Line, Order};
use crate::map::suiteql::{self, Kind, number, text};

#[derive(Deserialize)]
struct Head {
    #[serde(deserialize_with = "text")]
    id: String,
    externalid: Option<String>,
    #[serde(default)]
    tracking: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(deserialize_with = "text")]
    id: String,
    sku: String,
    #[serde(deserialize_with = "number")]
    quantity: i64,
}

impl Erp<'_> {
    /// The order of a number.
    pub(crate) fn order(&self, kind: &Kind, number: &str) -> Result<Order, Failure> {
        let by = self.settings.field(kind);
        let mut found: Vec<Order> = self.query(&format!("look for the {}", kind.name), &suiteql::order(kind, by, number))?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Failure::reject(format!("NetSuite has no {} whose {by} is {number}: enter it there, then replay", kind.name))),
            several => Err(Failure::reject(format!("NetSuite has {several} {}s whose {by} is {number}: which one is meant?", kind.name))),
        }
    }

    /// Its lines of products.
    pub(crate) fn lines(&self, order: &Order) -> Result<Vec<Line>, Failure> {
        self.query("look at its lines", &suiteql::lines(&order.id))
    }

    /// What was shipped or received of it so far.
    pub(crate) fn documents(&self, kind: &Kind, order: &Order) -> Result<Vec<Document>, Failure> {
        let step = format!("look for its {}s", kind.document_name);
        let heads: Vec<Head> = self.query(&step, &suiteql::documents(kind, &order.id))?;
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let contents: Vec<Content> = self.query(&format!("{step}' contents"), &suiteql::contents(kind, &order.id))?;
        let mut documents: Vec<Document> = Vec::new();
        for head in heads {
            // One row for each tracking number.
            if let Some(known) = documents.iter_mut().find(|known| known.id == head.id) {
                known.tracking.extend(head.tracking);
                continue;
            }
            let lines = contents.iter().filter(|line| line.id == head.id).map(|line| (line.sku.clone(), line.quantity));
            documents.push(Document {
                contents: sum(lines),
                id: head.id,
                external_id: head.externalid.unwrap_or_default(),
                tracking: head.tracking.into_iter().collect(),
            });
        }
        Ok(documents)
    }

    /// True where a transaction has this external id.
    pub(crate) fn is_there(&self, external_id: &str) -> Result<bool, Failure> {
        let found: Vec<Head> = self.query(&format!("look for {external_id}"), &suiteql::by_external_id(&[external_id]))?;
        Ok(!found.is_empty())
    }
}
