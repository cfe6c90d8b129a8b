//! Returns: sales credit memos. The API has no return orders.

use mortar_sdk::mapping::goods::{came, received};
use mortar_sdk::return_events::ReturnShipment;
use mortar_sdk::{Failure, Json, Outcome, done, ignored, json, log};

use crate::erp::Erp;
use crate::map::document::Posted;
use crate::map::filter::is;
use crate::map::settings::Returns;
use crate::orders;

/// Makes a credit memo of what came back, and posts it where that is wanted.
pub(crate) fn take_back(erp: &Erp<'_>, shipment: &ReturnShipment) -> Result<Outcome, Failure> {
    if erp.settings.returns == Returns::Ignore {
        return ignored("[config] says that returns are not carried into Business Central");
    }
    let number = &shipment.number;
    let came = received(&came(shipment.lines.iter().map(|line| (line.sku.clone(), line.received, line.damaged))));
    if came.is_empty() {
        return ignored("nothing came");
    }
    if find(erp, number)?.is_none() {
        let Some(order) = shipment.lines.iter().find_map(|line| line.order.as_deref()) else {
            let why = format!("no line of the return {number} names its order, so its customer is unknown: make a sales credit memo");
            return Err(Failure::reject(format!("{why} with the external document number {number}, then replay")));
        };
        let lines: Vec<Json> =
            came.iter().map(|(sku, quantity)| json!({ "lineType": "Item", "lineObjectNumber": sku, "quantity": quantity })).collect();
        let body = json!({ "customerNumber": customer(erp, order)?, "externalDocumentNumber": number, "salesCreditMemoLines": lines });
        erp.once("credit memo", &erp.post("salesCreditMemos").json(&body), || Ok(find(erp, number)?.is_some()))?;
    }
    if erp.settings.returns == Returns::Draft {
        log::info!("the credit memo of {number} waits for somebody to post it");
        return done();
    }
    match find(erp, number)? {
        Some(memo) if is_draft(&memo) => {
            let request = erp.post(&format!("salesCreditMemos({})/Microsoft.NAV.post", memo.id));
            erp.once("post the credit memo", &request, || Ok(find(erp, number)?.is_some_and(|memo| !is_draft(&memo))))?;
        }
        _ => log::info!("the credit memo of {number} is posted already"),
    }
    done()
}

/// The credit memo of a return.
pub(crate) fn find(erp: &Erp<'_>, number: &str) -> Result<Option<Posted>, Failure> {
    let found = erp.list("look for the credit memo", "salesCreditMemos", &is("externalDocumentNumber", number), "salesCreditMemoLines")?;
    Ok(found.into_iter().next())
}

fn is_draft(memo: &Posted) -> bool {
    memo.status == "Draft"
}

fn customer(erp: &Erp<'_>, order: &str) -> Result<String, Failure> {
    if let Some(shipment) = orders::posted(erp, order)?.into_iter().next() {
        return Ok(shipment.customer_number);
    }
    let unknown = || Failure::reject(format!("Business Central has no order {order}, so the customer of the return is unknown"));
    Ok(orders::find(erp, order)?.ok_or_else(unknown)?.customer_number)
}
