//! Business Central, played: orders, what is posted of them, items, and the page of shipments' numbers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use crate::service::{Reply, Request, Vendor};

pub(crate) const COMPANY: &str = "a1b2c3d4-e5f6-7890-abcd-ef1234567890";

/// Fields of shipments that only the tracking page knows.
const TRACKING: [&str; 2] = ["packageTrackingNo", "shippingAgentCode"];

pub(crate) struct Double {
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    sets: BTreeMap<&'static str, Vec<Value>>,
    last: u32,
}

/// What orders of a kind are made of, and what is posted of them.
struct Kind {
    orders: &'static str,
    lines: &'static str,
    posted: &'static str,
    posted_lines: &'static str,
    next: &'static str,
    moved: &'static str,
    sign: f64,
}

const SALES: Kind = Kind {
    orders: "salesOrders",
    lines: "salesOrderLines",
    posted: "salesShipments",
    posted_lines: "salesShipmentLines",
    next: "shipQuantity",
    moved: "shippedQuantity",
    sign: -1.0,
};

const PURCHASES: Kind = Kind {
    orders: "purchaseOrders",
    lines: "purchaseOrderLines",
    posted: "purchaseReceipts",
    posted_lines: "purchaseReceiptLines",
    next: "receiveQuantity",
    moved: "receivedQuantity",
    sign: 1.0,
};

type Answer = Result<Reply, Reply>;

impl Double {
    pub(crate) fn new() -> Self {
        let mut books = Books::default();
        for sku in ["TEE-BLU-M", "PANT-NVY-L", "SOCK-RED-S"] {
            books.add("items", json!({ "number": sku, "displayName": sku, "inventory": 100 }));
        }
        Self { books: Mutex::new(books) }
    }

    /// Enters a sales order; a comment is on it as well.
    pub(crate) fn sale(&self, number: &str, lines: &[(&str, i64)]) {
        let mut books = self.books.lock().unwrap();
        let mut all: Vec<Value> = lines.iter().map(|(sku, quantity)| books.line(&SALES, sku, *quantity)).collect();
        all.push(books.record(json!({ "lineType": "Comment", "lineObjectNumber": "", "quantity": 0 })));
        let order = json!({ "number": number, "externalDocumentNumber": format!("WEB-{number}"), "customerNumber": "10000", "status": "Open", "salesOrderLines": all });
        books.add("salesOrders", order);
    }

    /// Enters a purchase order.
    pub(crate) fn purchase(&self, number: &str, lines: &[(&str, i64)]) {
        let mut books = self.books.lock().unwrap();
        let all: Vec<Value> = lines.iter().map(|(sku, quantity)| books.line(&PURCHASES, sku, *quantity)).collect();
        books.add("purchaseOrders", json!({ "number": number, "vendorNumber": "20000", "status": "Open", "purchaseOrderLines": all }));
    }

    /// Posts an order as somebody does by hand: these units of its lines, in their order.
    pub(crate) fn post_by_hand(&self, number: &str, units: &[i64]) {
        let mut books = self.books.lock().unwrap();
        let kind = if number.starts_with("PO") { &PURCHASES } else { &SALES };
        let order = books.sets.get_mut(kind.orders).unwrap().iter_mut().find(|order| order["number"] == number).unwrap();
        let id = order["id"].as_str().unwrap().to_owned();
        for (line, units) in order[kind.lines].as_array_mut().unwrap().iter_mut().zip(units) {
            line[kind.next] = json!(units);
            line["invoiceQuantity"] = json!(units);
        }
        books.post(kind, &id).unwrap();
    }

    /// Changes an item's name, as somebody does by hand: its tag is another one then.
    pub(crate) fn touch(&self, sku: &str) {
        let mut books = self.books.lock().unwrap();
        let tag = books.tag();
        books.item(sku)["@odata.etag"] = tag.into();
    }

    pub(crate) fn inventory(&self, sku: &str) -> i64 {
        #[allow(clippy::cast_possible_truncation, reason = "a test's few units")]
        let units = self.books.lock().unwrap().item(sku)["inventory"].as_f64().unwrap() as i64;
        units
    }

    /// How many shipments have this tracking number.
    pub(crate) fn shipped(&self, tracking: &str) -> usize {
        self.all("salesShipments").iter().filter(|shipment| shipment["packageTrackingNo"] == tracking).count()
    }

    /// All records of a set.
    pub(crate) fn all(&self, set: &str) -> Vec<Value> {
        self.books.lock().unwrap().sets.get(set).cloned().unwrap_or_default()
    }
}

impl Vendor for Double {
    fn answer(&self, request: &Request) -> Reply {
        if request.path == "/token" {
            return Reply::new(200, json!({ "access_token": "t0ken", "token_type": "Bearer", "expires_in": 3599 }));
        }
        if request.header("authorization") != Some("Bearer t0ken") {
            return failed(401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.");
        }
        let mut books = self.books.lock().unwrap();
        let place = request.path.rsplit_once(&format!("companies({COMPANY})/")).map(|(_, place)| place).unwrap_or_default();
        let (set, id, rest) = split(place);
        let answer = match (request.method.as_str(), set, id, rest) {
            ("GET", set, None, "") => Ok(books.list(set, request)),
            ("PATCH", set, Some(id), "") => books.change(set, id, request),
            ("POST", "salesCreditMemos", None, "") => Ok(books.credit(&request.body)),
            ("POST", "purchaseOrders", Some(id), "/purchaseOrderLines") => books.add_line(id, &request.body),
            ("POST", "salesCreditMemos", Some(id), "/Microsoft.NAV.post") => books.post_memo(id),
            ("POST", "salesOrders", Some(id), "/Microsoft.NAV.shipAndInvoice") => books.post(&SALES, id),
            ("POST", "purchaseOrders", Some(id), "/Microsoft.NAV.receiveAndInvoice") => books.post(&PURCHASES, id),
            _ => Err(missing()),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}

/// `set(id)/rest`
fn split(place: &str) -> (&str, Option<&str>, &str) {
    let Some((set, rest)) = place.split_once('(') else { return (place, None, "") };
    let (id, rest) = rest.split_once(')').unwrap_or((rest, ""));
    (set, Some(id), rest)
}

/// An error as Business Central says it.
pub(crate) fn failed(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, json!({ "error": { "code": code, "message": message } }))
}

fn missing() -> Reply {
    failed(404, "BadRequest_NotFound", "The record does not exist.")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

impl Books {
    fn tag(&mut self) -> String {
        self.last += 1;
        format!("W/\"{}\"", self.last)
    }

    fn record(&mut self, mut fields: Value) -> Value {
        let tag = self.tag();
        fields["id"] = format!("00000000-0000-0000-0000-{:012}", self.last).into();
        fields["@odata.etag"] = tag.into();
        fields
    }

    fn add(&mut self, set: &'static str, fields: Value) -> Value {
        let record = self.record(fields);
        self.sets.entry(set).or_default().push(record.clone());
        record
    }

    /// As a new line says it, all of it is to be moved and invoiced.
    fn line(&mut self, kind: &Kind, sku: &str, quantity: i64) -> Value {
        self.record(json!({
            "lineType": "Item", "lineObjectNumber": sku, "quantity": quantity, kind.moved: 0, "invoicedQuantity": 0, kind.next: quantity,
            "invoiceQuantity": quantity,
        }))
    }

    fn item(&mut self, sku: &str) -> &mut Value {
        self.sets.get_mut("items").unwrap().iter_mut().find(|item| item["number"] == sku).unwrap()
    }

    fn list(&mut self, set: &str, request: &Request) -> Reply {
        let tracking = set == "shipmentTrackings";
        let known = self.sets.get(if tracking { "salesShipments" } else { set }).cloned().unwrap_or_default();
        let filter = request.parameter("$filter").unwrap_or_default();
        let fits = |record: &Value| {
            filter.split(" or ").any(|one| {
                let (field, value) = one.split_once(" eq ").unwrap();
                record[field] == value.trim_matches('\'').replace("''", "'").as_str()
            })
        };
        let expand = request.parameter("$expand").unwrap_or_default();
        let show = |record: Value| -> Value {
            let Value::Object(fields) = record else { unreachable!("records are objects") };
            let known = ["@odata.etag", "id", "number", "orderNumber", "externalDocumentNumber"];
            let shown = |name: &str, value: &Value| match tracking {
                true => known.contains(&name) || TRACKING.contains(&name),
                false => !TRACKING.contains(&name) && (!value.is_array() || name == expand),
            };
            fields.into_iter().filter(|(name, value)| shown(name, value)).collect::<Map<_, _>>().into()
        };
        let value: Vec<Value> = known.into_iter().filter(fits).map(show).collect();
        Reply::new(200, json!({ "value": value }))
    }

    fn change(&mut self, set: &str, id: &str, request: &Request) -> Answer {
        let tag = self.tag();
        let record = match set {
            "items" => self.sets.get_mut("items"),
            "shipmentTrackings" => self.sets.get_mut("salesShipments"),
            "salesOrderLines" => return self.change_line(&SALES, id, request, tag),
            "purchaseOrderLines" => return self.change_line(&PURCHASES, id, request, tag),
            _ => None,
        };
        let record = record.into_iter().flatten().find(|record| record["id"] == id).ok_or_else(missing)?;
        let mut shown = set_fields(record, request, tag)?;
        if set == "shipmentTrackings" {
            let fields = shown.as_object_mut().unwrap();
            fields.retain(|name, value| !value.is_array() && name != "customerNumber");
        }
        Ok(Reply::new(200, shown))
    }

    fn change_line(&mut self, kind: &Kind, id: &str, request: &Request, tag: String) -> Answer {
        let orders = self.sets.get_mut(kind.orders).into_iter().flatten();
        let mut lines = orders.flat_map(|order| order[kind.lines].as_array_mut().unwrap());
        let line = lines.find(|line| line["id"] == id).ok_or_else(missing)?;
        if number(&request.body[kind.next]) > number(&line["quantity"]) - number(&line[kind.moved]) {
            return Err(failed(400, "Application_DialogException", "You cannot handle more than the outstanding units."));
        }
        set_fields(line, request, tag).map(|line| Reply::new(200, line))
    }

    fn credit(&mut self, body: &Value) -> Reply {
        let lines: Vec<Value> = body["salesCreditMemoLines"].as_array().into_iter().flatten().cloned().collect();
        let lines: Vec<Value> = lines.into_iter().map(|line| self.record(line)).collect();
        let memo = json!({
            "number": "CM-1", "status": "Draft", "customerNumber": body["customerNumber"],
            "externalDocumentNumber": body["externalDocumentNumber"], "salesCreditMemoLines": lines,
        });
        Reply::new(201, self.add("salesCreditMemos", memo))
    }

    fn post_memo(&mut self, id: &str) -> Answer {
        let memo = self.sets.get_mut("salesCreditMemos").into_iter().flatten().find(|memo| memo["id"] == id).ok_or_else(missing)?;
        if memo["status"] != "Draft" {
            return Err(failed(400, "Application_DialogException", "It is posted already."));
        }
        memo["status"] = "Open".into();
        for line in memo["salesCreditMemoLines"].as_array().cloned().into_iter().flatten() {
            self.move_stock(&line, number(&line["quantity"]));
        }
        Ok(Reply::new(204, Value::Null))
    }

    fn add_line(&mut self, id: &str, body: &Value) -> Answer {
        #[allow(clippy::cast_possible_truncation, reason = "a test's few units")]
        let line = self.line(&PURCHASES, body["lineObjectNumber"].as_str().unwrap(), number(&body["quantity"]) as i64);
        let order = self.sets.get_mut("purchaseOrders").into_iter().flatten().find(|order| order["id"] == id).ok_or_else(missing)?;
        order["purchaseOrderLines"].as_array_mut().unwrap().push(line.clone());
        Ok(Reply::new(201, line))
    }

    fn move_stock(&mut self, line: &Value, units: f64) {
        let item = self.item(line["lineObjectNumber"].as_str().unwrap());
        item["inventory"] = json!(number(&item["inventory"]) + units);
    }

    /// Posts what the lines say.
    fn post(&mut self, kind: &Kind, id: &str) -> Answer {
        let orders = self.sets.entry(kind.orders).or_default();
        let at = orders.iter().position(|order| order["id"] == id).ok_or_else(missing)?;
        let mut order = orders[at].clone();
        let mut moved = Vec::new();
        let mut invoiced = 0.0;
        for line in order[kind.lines].as_array_mut().unwrap().iter_mut().filter(|line| line["lineType"] == "Item") {
            let (next, invoice) = (number(&line[kind.next]), number(&line["invoiceQuantity"]));
            line[kind.moved] = json!(number(&line[kind.moved]) + next);
            line["invoicedQuantity"] = json!(number(&line["invoicedQuantity"]) + invoice);
            invoiced += invoice;
            // What is left is suggested for the next posting.
            let left = number(&line["quantity"]) - number(&line[kind.moved]);
            line[kind.next] = json!(left);
            line["invoiceQuantity"] = json!(left);
            line["@odata.etag"] = self.tag().into();
            if next > 0.0 {
                moved.push((line["lineObjectNumber"].clone(), next));
            }
        }
        if moved.is_empty() {
            return Err(failed(400, "Application_DialogException", "There is nothing to post."));
        }
        let lines: Vec<Value> = moved
            .iter()
            .map(|(sku, units)| self.record(json!({ "lineType": "Item", "lineObjectNumber": sku, "quantity": units })))
            .collect();
        for line in &lines {
            self.move_stock(line, kind.sign * number(&line["quantity"]));
        }
        let mut posted = json!({ "number": format!("10{}", self.last), "orderNumber": order["number"], kind.posted_lines: lines });
        if kind.orders == "salesOrders" {
            posted["customerNumber"] = order["customerNumber"].clone();
            posted["externalDocumentNumber"] = order["externalDocumentNumber"].clone();
            TRACKING.iter().for_each(|field| posted[*field] = "".into());
        }
        self.add(kind.posted, posted);
        let items = || order[kind.lines].as_array().unwrap().iter().filter(|line| line["lineType"] == "Item");
        let ever_invoiced = items().any(|line| number(&line["invoicedQuantity"]) > 0.0);
        let orders = self.sets.get_mut(kind.orders).unwrap();
        // An order that is moved and invoiced in full is gone.
        if items().all(|line| [kind.moved, "invoicedQuantity"].iter().all(|done| number(&line[*done]) == number(&line["quantity"]))) {
            orders.remove(at);
        } else {
            orders[at] = order.clone();
        }
        // The page looks for the invoice of the order after it has posted, and fails where there is none.
        if invoiced == 0.0 && !ever_invoiced {
            return Err(failed(404, "Internal_RecordNotFound", "There is no invoice within the filter."));
        }
        Ok(Reply::new(204, Value::Null))
    }
}

fn set_fields(record: &mut Value, request: &Request, tag: String) -> Result<Value, Reply> {
    match request.header("if-match") {
        None => return Err(failed(428, "Request_PreconditionRequired", "If-Match is missing.")),
        Some(known) if record["@odata.etag"] != known => {
            return Err(failed(409, "Request_EntityChanged", "Another user has already changed the record."));
        }
        Some(_) => {}
    }
    for (name, value) in request.body.as_object().unwrap() {
        record[name] = value.clone();
    }
    record["@odata.etag"] = tag.into();
    Ok(record.clone())
}
