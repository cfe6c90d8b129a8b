//! Inventory adjustments.

use mortar_sdk::{Json, json};

use super::settings::Adjustments;

/// The body of an adjustment of (item, location, units).
pub(crate) fn adjustment(
    settings: Option<&Adjustments>,
    external_id: &str,
    memo: &str,
    changes: &[(String, String, i64)],
) -> Result<Json, String> {
    let Some(Adjustments { account, subsidiary }) = settings else {
        return Err("stock has to be adjusted: say in [config.adjustments] which account it is booked to, then replay".into());
    };
    let change = |(item, location, units): &(String, String, i64)| json!({ "item": { "id": item }, "location": { "id": location }, "adjustQtyBy": units });
    let mut body = json!({
        "externalId": external_id,
        "account": { "id": account },
        "memo": memo,
        "inventory": { "items": changes.iter().map(change).collect::<Vec<_>>() },
    });
    if let Some(subsidiary) = subsidiary {
        body["subsidiary"] = json!({ "id": subsidiary });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustment_names_its_account_and_each_change() {
        let settings = Adjustments { account: "258".into(), subsidiary: Some("1".into()) };
        let body = adjustment(Some(&settings), "masonhub.e.1", "count", &[("40".into(), "6".into(), -3)]).unwrap();
        let expected = json!({
            "externalId": "masonhub.e.1", "account": { "id": "258" }, "subsidiary": { "id": "1" }, "memo": "count",
            "inventory": { "items": [{ "item": { "id": "40" }, "location": { "id": "6" }, "adjustQtyBy": -3 }] },
        });
        assert_eq!(body, expected);
        assert!(adjustment(None, "x", "count", &[]).unwrap_err().contains("[config.adjustments]"));
    }
}
