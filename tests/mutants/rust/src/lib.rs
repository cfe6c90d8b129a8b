//! The faults that an author might make.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::SystemTime;

use mortar_sdk::order_events::{Order, OrderEvents};
use mortar_sdk::{Delivery, Failure, Json, Outcome, Request, call, config, done, encode, json};

struct Mutant;

mortar_sdk::export!(Mutant: order_events);

impl OrderEvents for Mutant {
    fn handle(delivery: Delivery, order: Order) -> Result<Outcome, Failure> {
        let config: Json = config()?;
        let fault = config["fault"].as_str().unwrap_or_default();
        println!("the fault is {fault}");
        for parcel in &order.parcels {
            let id = &parcel.shipment_id;
            let step = match fault {
                "step" => "ship".to_owned(),
                "again" => format!("ship/{id}/{}", delivery.attempt),
                "crash" => panic!("nobody knows the carrier of {id}"),
                _ => format!("ship/{id}"),
            };
            let note = match fault {
                "random" => RandomState::new().build_hasher().finish().to_string(),
                "clock" => format!("{:?}", SystemTime::now()),
                _ => String::new(),
            };
            let path = format!("/orders/{}/shipments/{}", encode(&order.number), encode(id));
            call(&step, &Request::put("erp", path).json(&json!({ "tracking": parcel.tracking_number, "note": note })))?.ok()?;
        }
        done()
    }
}
