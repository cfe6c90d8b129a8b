//! Orders: parcels, units that are short, cancellations, decisions on requested changes.

use mortar_sdk::mapping::parcels::tracked;
use mortar_sdk::order_events::{Order, Parcel};
use mortar_sdk::order_resolutions::{RequestKind, Resolution};
use mortar_sdk::{Failure, Json, Outcome, done, ignored, json, log};

use crate::erp::{Erp, one};
use crate::map::dropped::{self, What};
use crate::map::parcel::{Choice, Next, Wanted, choose, next, not_found};
use crate::map::query::{Query, path};
use crate::map::record::{Named, Package, SALE, SHIPMENT, Sale, Shipment, by_name};
use crate::map::{sum, words};

const OUT: &str = "stock.shipment.out";
const PACKAGE: &str = "stock.package";

/// More than any order or shipment needs; what takes more goes round in circles.
const STEPS: usize = 30;

/// Ships each parcel that has a tracking number, then drops what is short.
pub(crate) fn fulfil(erp: &Erp<'_>, order: &Order) -> Result<Outcome, Failure> {
    let ready = tracked(order);
    if ready.is_empty() && order.shorts.is_empty() {
        return ignored("no parcel has a tracking number yet");
    }
    for (parcel, tracking) in ready {
        ship(erp, &order.number, parcel, tracking)?;
    }
    let short = sum(order.shorts.iter().map(|short| (short.sku.clone(), short.quantity)));
    if !short.is_empty() {
        drop_units(erp, &order.number, &What::Short(short))?;
    }
    done()
}

/// Cancels whatever of the order has not left.
pub(crate) fn cancel(erp: &Erp<'_>, number: &str) -> Result<Outcome, Failure> {
    let sale = find_sale(erp, "look", number)?;
    match sale.state.as_str() {
        "cancelled" => done(),
        "draft" | "quotation" => {
            erp.act("cancel", "sale.sale", &sale, "cancel", SALE)?;
            done()
        }
        _ => {
            drop_units(erp, number, &What::All)?;
            done()
        }
    }
}

/// Carries out a decision, or leaves it as a note on the sale.
pub(crate) fn resolve(erp: &Erp<'_>, resolution: &Resolution) -> Result<Outcome, Failure> {
    if resolution.request == RequestKind::Cancel && resolution.succeeded {
        return cancel(erp, &resolution.order);
    }
    let sale = find_sale(erp, "look", &resolution.order)?;
    let (what, did) = match resolution.request {
        RequestKind::Update => ("change", if resolution.succeeded { "made" } else { "refused" }),
        RequestKind::Cancel => ("cancellation", "refused"),
    };
    let asked = resolution.created_at.as_deref().map_or_else(String::new, |at| format!(" of {at}"));
    let why = resolution.reason.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    let message = format!("MasonHub {did} the requested {what}{asked}{why}");
    let resource = format!("sale.sale,{}", sale.id);
    let domain = json!([["resource", "=", resource], ["message", "=", message]]);
    let note = Query { model: "ir.note", domain, fields: &["message"], locations: &[] };
    if erp.find("look for the note", &note)?.is_none() {
        let request = erp.request("POST", &path("ir.note", None, &["message"])).json(&json!({ "resource": resource, "message": message }));
        erp.create::<Named>("note", &request, || erp.find("look for the note", &note))?;
    }
    done()
}

fn find_sale(erp: &Erp<'_>, step: &str, number: &str) -> Result<Sale, Failure> {
    let domain = json!([["company", "=", erp.settings.company], ["OR", ["reference", "=", number], ["number", "=", number]]]);
    let mut found: Vec<Sale> = erp.search(step, &Query { model: "sale.sale", domain, fields: SALE, locations: &[] })?;
    // Tryton's own number of another sale may read the same.
    if found.iter().any(|sale| sale.reference.as_deref() == Some(number)) {
        found.retain(|sale| sale.reference.as_deref() == Some(number));
    }
    if found.len() > 1 {
        found.retain(|sale| sale.state != "cancelled");
    }
    one(found, &format!("sale with the reference or number {number}"))
}

fn ship(erp: &Erp<'_>, number: &str, parcel: &Parcel, tracking: &str) -> Result<(), Failure> {
    let name = &parcel.shipment_id;
    let mut wanted = Wanted {
        shipment_id: name.clone(),
        tracking: tracking.to_owned(),
        contents: sum(parcel.line_items.iter().map(|line| (line.sku.clone(), line.quantity))),
        carrier: None,
    };
    let mut shipment = find_shipment(erp, number, &wanted)?;
    if next(&shipment, &wanted) == Ok(Next::Done) {
        log::info!("parcel {name} is in Tryton already");
        return Ok(());
    }
    wanted.carrier = find_carrier(erp, parcel.carrier.as_deref())?;
    for _ in 0..STEPS {
        let id = shipment.id;
        shipment = match next(&shipment, &wanted).map_err(Failure::reject)? {
            Next::Done => return Ok(()),
            Next::Act(action) => erp.act(&format!("{action} {name}"), OUT, &shipment, action, SHIPMENT)?,
            Next::Assign => assign(erp, name, &shipment)?,
            Next::Set(fields) => erp.put(&format!("set {name}"), OUT, id, &fields, SHIPMENT)?,
            Next::Pack(moves) => pack(erp, &wanted, id, &moves)?,
            Next::Track(package) => {
                let fields = json!({ "shipping_reference": wanted.tracking });
                erp.put::<Package>(&format!("track {name}"), PACKAGE, package, &fields, &["shipping_reference"])?;
                erp.read(&format!("look at {name}"), OUT, id, SHIPMENT)?
            }
            Next::Attach(moves) => attach(erp, &wanted, id, &moves)?,
        };
    }
    Err(Failure::reject(format!("parcel {name}: shipment {} does not get beyond `{}` in Tryton", shipment.id, shipment.state)))
}

fn find_shipment(erp: &Erp<'_>, number: &str, wanted: &Wanted) -> Result<Shipment, Failure> {
    let name = &wanted.shipment_id;
    for processed in [false, true] {
        let sale = find_sale(erp, &format!("look for {name}"), number)?;
        match choose(&sale, wanted) {
            Choice::Take(shipment) => return Ok(shipment.clone()),
            Choice::Later(why) => return Err(Failure::retry(why)),
            Choice::Refuse(why) => return Err(Failure::reject(format!("parcel {name} cannot be shipped: {why}"))),
            Choice::Process if processed => break,
            Choice::Process => drop(process(erp, &sale)?),
        }
    }
    let held = words(&wanted.contents);
    Err(Failure::reject(format!("no shipment of the sale {number} in Tryton has {held} left for parcel {name}: compare what was shipped")))
}

fn process(erp: &Erp<'_>, sale: &Sale) -> Result<Sale, Failure> {
    erp.act("process", "sale.sale", sale, "process", SALE)
}

/// Tryton says 200 also where it finds too little stock: then time, or a count, has to mend it.
fn assign(erp: &Erp<'_>, name: &str, shipment: &Shipment) -> Result<Shipment, Failure> {
    let shipment: Shipment = erp.act(&format!("assign {name}"), OUT, shipment, "assign_try", SHIPMENT)?;
    if shipment.state == "waiting" {
        let missing = words(&not_found(&shipment));
        return Err(Failure::retry(format!("parcel {name} waits in Tryton: there is no stock for {missing}")));
    }
    Ok(shipment)
}

fn pack(erp: &Erp<'_>, wanted: &Wanted, shipment: i64, moves: &[i64]) -> Result<Shipment, Failure> {
    let name = &wanted.shipment_id;
    let mut package = new_package(erp, wanted)?;
    package["moves"] = json!([["add", moves]]);
    let body = json!({ "packages": [["create", [package]]], "shipping_reference": wanted.tracking });
    let request = erp.request("PUT", &path(&format!("{OUT}/{shipment}"), None, SHIPMENT)).json(&body);
    erp.create(&format!("package {name}"), &request, || {
        let answer = erp.read_raw(&format!("look at {name}"), OUT, shipment, SHIPMENT)?;
        let found: Shipment = answer.json()?;
        let packed = found.packages.iter().any(|package| package.shipping_reference.as_ref() == Some(&wanted.tracking));
        Ok(packed.then_some(answer))
    })
}

/// A shipment that is closed takes no package; but a package takes a shipment that is closed.
fn attach(erp: &Erp<'_>, wanted: &Wanted, shipment: i64, moves: &[i64]) -> Result<Shipment, Failure> {
    let name = &wanted.shipment_id;
    let fields = &["shipping_reference", "shipment"];
    let domain = json!([["shipping_reference", "=", wanted.tracking], ["shipment", "=", null]]);
    let query = Query { model: PACKAGE, domain, fields, locations: &[] };
    let look = || erp.find(&format!("look for the package of {name}"), &query);
    let package: Package = match look()? {
        Some(found) => found.json()?,
        None => {
            let request = erp.request("POST", &path(PACKAGE, None, fields)).json(&new_package(erp, wanted)?);
            erp.create(&format!("package {name}"), &request, look)?
        }
    };
    if package.shipment.is_none() {
        let to = json!({ "shipment": format!("{OUT},{shipment}") });
        erp.put::<Package>(&format!("attach {name}"), PACKAGE, package.id, &to, fields)?;
    }
    for id in moves {
        let into = json!({ "package": package.id });
        erp.put::<Named>(&format!("attach move {id}"), "stock.move", *id, &into, &["package"])?;
    }
    erp.read(&format!("look at {name}"), OUT, shipment, SHIPMENT)
}

fn new_package(erp: &Erp<'_>, wanted: &Wanted) -> Result<Json, Failure> {
    let types = erp.list("stock.package.type", &["name"])?;
    let chosen = match &erp.settings.package_type {
        Some(name) => by_name(&types, name).ok_or_else(|| format!("Tryton has no package type `{name}`, which [config] names")),
        None => types.iter().min_by_key(|kind| kind.id).ok_or_else(|| "Tryton has no package type: add one".to_owned()),
    };
    let kind = chosen.map_err(Failure::reject)?.id;
    Ok(json!({ "company": erp.settings.company, "type": kind, "shipping_reference": wanted.tracking }))
}

fn find_carrier(erp: &Erp<'_>, carrier: Option<&str>) -> Result<Option<i64>, Failure> {
    let settings = &erp.settings;
    let Some(wanted) = carrier.map(|carrier| settings.carrier_name(carrier)).or(settings.carrier.as_deref()) else { return Ok(None) };
    let carriers = erp.list("carrier", &["party.name"])?;
    let found = by_name(&carriers, wanted).or_else(|| by_name(&carriers, settings.carrier.as_deref()?));
    let unknown = || format!("Tryton has no carrier `{wanted}`: add it there, or give it its name there in [config.carriers]");
    found.map(|carrier| Some(carrier.id)).ok_or_else(unknown).map_err(Failure::reject)
}

fn drop_units(erp: &Erp<'_>, number: &str, what: &What) -> Result<(), Failure> {
    let mut sale = find_sale(erp, "look at the sale", number)?;
    // Tryton makes no shipments of a sale that is done.
    let mut processed = sale.state == "done";
    for _ in 0..STEPS {
        match dropped::next(&sale, what, processed) {
            dropped::Next::Done(gone) => {
                if !gone.is_empty() {
                    log::warn!("{} will not be shipped, but no shipment in Tryton waits for them", words(&gone));
                }
                return Ok(());
            }
            dropped::Next::Ignore(lines) => {
                erp.put::<Sale>("ignore what was dropped", "sale.sale", sale.id, &lines, SALE)?;
                process(erp, &sale)?;
            }
            dropped::Next::Process => {
                process(erp, &sale)?;
                processed = true;
            }
            dropped::Next::Cancel(shipment) => {
                let mark = json!({ "reference": what.mark() });
                let shipment = erp.put("mark what is dropped", OUT, shipment.id, &mark, SHIPMENT)?;
                erp.act::<Shipment>("cancel what is dropped", OUT, &shipment, "cancel", SHIPMENT)?;
            }
            dropped::Next::Split(shipment, kept) => {
                let mut shipment = shipment.clone();
                for (state, action) in [("assigned", "wait"), ("waiting", "draft")] {
                    if shipment.state == state {
                        shipment = erp.act(&format!("{action} to split"), OUT, &shipment, action, SHIPMENT)?;
                    }
                }
                shipment = erp.put("split", OUT, shipment.id, &dropped::keep(&shipment, &kept), SHIPMENT)?;
                erp.act::<Shipment>("wait after the split", OUT, &shipment, "wait", SHIPMENT)?;
                process(erp, &sale)?;
            }
        }
        sale = find_sale(erp, "look at the sale", number)?;
    }
    Err(Failure::reject(format!("what is left of the sale {number} in Tryton cannot be dropped: look at its shipments")))
}
