//! NetSuite, played: orders, what is made of them, and SuiteQL over all of it, which SQLite answers.

use std::sync::Mutex;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use crate::service::{Reply, Request, Vendor};

pub(crate) struct Double {
    books: Mutex<Connection>,
    /// The account allows more to be received than was ordered.
    pub(crate) over: bool,
}

const RECORD: &str = "/services/rest/record/v1/";

impl Double {
    pub(crate) fn new(over: bool) -> Self {
        let books = Connection::open_in_memory().unwrap();
        books.execute_batch(include_str!("schema.sql")).unwrap();
        Self { books: Mutex::new(books), over }
    }

    /// Enters an order, each line at location 6; a service is on it as well. Lines have gaps.
    pub(crate) fn order(&self, kind: &str, number: &str, status: &str, lines: &[(&str, i64)]) {
        let books = self.books.lock().unwrap();
        books.execute("insert into txn (type, tranid, status) values (?, ?, ?)", params![kind, number, status]).unwrap();
        let id = books.last_insert_rowid();
        let sign = if kind == "PurchOrd" { 1 } else { -1 };
        books.execute("insert into txnline (txn, id, mainline) values (?, 0, 'T')", [id]).unwrap();
        for (at, (sku, quantity)) in (0_i64..).zip(lines.iter().chain([&("GIFT-WRAP", 1)])) {
            let line = "insert into txnline (txn, id, linesequencenumber, item, itemtype, quantity, location) \
                        select ?, ?, ?, id, itemtype, ?, 6 from item where itemid = ?";
            books.execute(line, params![id, 3 * at + 1, at + 1, sign * quantity, sku]).unwrap();
        }
    }

    /// Changes the books as somebody does who works in NetSuite.
    pub(crate) fn by_hand(&self, sql: &str) {
        self.books.lock().unwrap().execute_batch(sql).unwrap();
    }

    /// Fulfils or receives lines as somebody does by hand, without a tracking number.
    pub(crate) fn make_by_hand(&self, kind: &str, number: &str, lines: &[(i64, i64)]) {
        let books = self.books.lock().unwrap();
        let order: i64 = books.query_row("select id from txn where tranid = ?", [number], |row| row.get(0)).unwrap();
        let open: Vec<i64> = open_lines(&books, order).iter().map(|line| line.id).collect();
        let item = |id: &i64| match lines.iter().find(|(line, _)| line == id) {
            Some((_, quantity)) => json!({ "orderLine": id, "quantity": quantity }),
            None => json!({ "orderLine": id, "itemReceive": false }),
        };
        let items: Vec<Value> = open.iter().map(item).collect();
        transform(&books, kind, order, &json!({ "item": { "items": items } }), true).unwrap();
    }

    /// One value of the books.
    pub(crate) fn value(&self, sql: &str) -> Value {
        let books = self.books.lock().unwrap();
        let row = books.query_row(sql, [], |row| Ok(read(row.get_ref(0)?))).optional();
        row.unwrap().unwrap_or(Value::Null)
    }

    /// Units on hand.
    pub(crate) fn held(&self, sku: &str, location: i64) -> i64 {
        let sql = format!(
            "select cast(quantityonhand as integer) from aggregateitemlocation join item on item = id where itemid = '{sku}' and location = {location}"
        );
        self.value(&sql).as_i64().unwrap_or(0)
    }

    /// How often each tracking number is on a fulfilment that is shipped.
    pub(crate) fn shipped(&self, tracking: &str) -> i64 {
        let sql = format!(
            "select count(*) from trackingnumber n join trackingnumbermap m on m.trackingnumber = n.id join txn on txn.id = m.txn \
             where txn.status = 'C' and n.trackingnumber = '{tracking}'"
        );
        self.value(&sql).as_i64().unwrap()
    }

    /// How many transactions there are of a type.
    pub(crate) fn number(&self, kind: &str) -> i64 {
        self.value(&format!("select count(*) from txn where type = '{kind}'")).as_i64().unwrap()
    }

    fn record(&self, request: &Request) -> Result<Reply, Refused> {
        let mut books = self.books.lock().unwrap();
        let books = books.transaction().unwrap();
        let place: Vec<&str> = request.path.strip_prefix(RECORD).unwrap_or_default().split('/').collect();
        let id = || {
            place.get(1).and_then(|id| id.parse::<i64>().ok()).ok_or_else(|| refused(404, "NONEXISTENT_ID", "The record does not exist."))
        };
        let body = &request.body;
        let made = match (request.method.as_str(), place.as_slice()) {
            ("POST", [_, _, "!transform", "itemFulfillment"]) => Some(transform(&books, "ItemShip", id()?, body, false)?),
            ("POST", [_, _, "!transform", "itemReceipt"]) => Some(transform(&books, "ItemRcpt", id()?, body, self.over)?),
            ("POST", ["inventoryAdjustment"]) => Some(adjust(&books, body)?),
            ("PATCH", ["itemFulfillment" | "itemReceipt", _]) => {
                change(&books, id()?, body, request.parameter("replace") == Some("package"))?;
                None
            }
            ("PATCH", ["salesOrder", _]) => {
                close(&books, id()?, body);
                None
            }
            _ => return Err(refused(404, "NONEXISTENT_URL", "There is no such place.")),
        };
        books.commit().unwrap();
        let reply = Reply::new(204, Value::Null);
        Ok(match made {
            Some(id) => reply.header("location", format!("https://example.test{RECORD}{}/{id}", place.last().unwrap())),
            None => reply,
        })
    }

    fn suiteql(&self, request: &Request) -> Result<Reply, Refused> {
        let sql = request.body["q"].as_str().unwrap_or_default();
        let sql = sql.replace("transactionline", "txnline").replace("transaction", "txn").replace("NVL(", "IFNULL(");
        let limit: usize = request.parameter("limit").map_or(1000, |limit| limit.parse().unwrap());
        let offset: usize = request.parameter("offset").map_or(0, |offset| offset.parse().unwrap());
        let books = self.books.lock().unwrap();
        let wrong = |error: rusqlite::Error| refused(400, "INVALID_PARAMETER", &format!("Invalid search query: {error}"));
        let mut statement = books.prepare(&sql).map_err(wrong)?;
        let names: Vec<String> = statement.column_names().map(|name| name.to_ascii_lowercase()).collect();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = names.iter().enumerate().map(|(at, name)| Ok((name.clone(), text(row.get_ref(at)?))));
            // SuiteQL leaves out what is null.
            Ok(Value::Object(cells.collect::<rusqlite::Result<Map<_, _>>>()?.into_iter().filter(|(_, value)| !value.is_null()).collect()))
        };
        let all: Vec<Value> = statement.query_map([], row).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
        let items: Vec<&Value> = all.iter().skip(offset).take(limit).collect();
        let more = offset + items.len() < all.len();
        Ok(Reply::new(
            200,
            json!({ "links": [], "count": items.len(), "hasMore": more, "items": items, "offset": offset, "totalResults": all.len() }),
        ))
    }
}

impl Vendor for Double {
    fn answer(&self, request: &Request) -> Reply {
        let credentials = request.header("authorization").unwrap_or_default();
        let signed = ["OAuth realm=\"1234567_SB1\"", "oauth_token=\"tk\"", "oauth_signature_method=\"HMAC-SHA256\"", "oauth_signature="];
        let answer = if !signed.iter().all(|part| credentials.contains(part)) {
            Err(refused(401, "INVALID_LOGIN", "Invalid login attempt."))
        } else if request.path.starts_with(RECORD) {
            self.record(request)
        } else {
            self.suiteql(request)
        };
        answer.unwrap_or_else(|Refused(reply)| reply)
    }
}

#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Reply);

/// An error as NetSuite says it.
pub(crate) fn refused(status: u16, code: &str, detail: &str) -> Refused {
    let details = json!([{ "detail": detail, "o:errorCode": code }]);
    Refused(Reply::new(status, json!({ "type": "about:blank", "title": "Error", "status": status, "o:errorDetails": details })))
}

struct Line {
    id: i64,
    item: i64,
    left: f64,
    location: i64,
}

/// The lines that a transformation takes along.
fn open_lines(books: &Connection, order: i64) -> Vec<Line> {
    let sql = "select id, item, abs(quantity) - quantityshiprecv, location from txnline where txn = ? and mainline = 'F' and isclosed = 'F' and itemtype <> 'Service'";
    let mut statement = books.prepare(sql).unwrap();
    let line = |row: &rusqlite::Row<'_>| Ok(Line { id: row.get(0)?, item: row.get(1)?, left: row.get(2)?, location: row.get(3)? });
    statement.query_map([order], line).unwrap().map(Result::unwrap).collect()
}

fn transform(books: &Connection, kind: &str, order: i64, body: &Value, over: bool) -> Result<i64, Refused> {
    let status: Option<String> = books.query_row("select status from txn where id = ?", [order], |row| row.get(0)).optional().unwrap();
    match status.as_deref() {
        None => return Err(refused(404, "NONEXISTENT_ID", "The record instance does not exist.")),
        Some("B" | "D" | "E") => {}
        Some("F") if over => {}
        Some(_) => return Err(refused(400, "USER_ERROR", "Transformation is not allowed in the status of the order.")),
    }
    let lines = open_lines(books, order);
    let named: Vec<&Value> = body["item"]["items"].as_array().into_iter().flatten().collect();
    if let Some(stray) = named.iter().find(|item| !lines.iter().any(|line| Some(line.id) == item["orderLine"].as_i64())) {
        return Err(refused(400, "INVALID_CONTENT", &format!("There is no order line {}.", stray["orderLine"])));
    }
    let id = insert(books, kind, body, body["shipStatus"]["id"].as_str().unwrap_or("A"))?;
    let mut moved = 0;
    for line in lines {
        let item = named.iter().find(|item| item["orderLine"].as_i64() == Some(line.id));
        if item.is_some_and(|item| item["itemReceive"] == json!(false)) || (item.is_none() && line.left <= 0.0) {
            continue;
        }
        let quantity = item.and_then(|item| item["quantity"].as_f64()).unwrap_or(line.left);
        if quantity > line.left && !over {
            return Err(refused(400, "USER_ERROR", "The quantity is greater than what is left on the order line."));
        }
        let location = item.and_then(|item| item["location"]["id"].as_str()).map_or(line.location, |id| id.parse().unwrap());
        books
            .execute(
                "update txnline set quantityshiprecv = quantityshiprecv + ? where txn = ? and id = ?",
                params![quantity, order, line.id],
            )
            .unwrap();
        move_stock(books, line.item, location, if kind == "ItemShip" { -quantity } else { quantity });
        for (cogs, quantity) in [("F", quantity), ("T", -quantity)] {
            let sql = "insert into txnline (txn, id, item, quantity, iscogs, location, createdfrom) values (?, ?, ?, ?, ?, ?, ?)";
            books.execute(sql, params![id, line.id, line.item, quantity, cogs, location, order]).unwrap();
        }
        moved += 1;
    }
    if moved == 0 {
        return Err(refused(400, "USER_ERROR", "You must have at least one valid line item for this transaction."));
    }
    books.execute("insert into txnline (txn, id, mainline, createdfrom) values (?, 0, 'T', ?)", params![id, order]).unwrap();
    pack(books, id, &body["package"]);
    let left: f64 = open_lines(books, order).iter().map(|line| line.left.max(0.0)).sum();
    books.execute("update txn set status = ? where id = ?", params![if left > 0.0 { "D" } else { "F" }, order]).unwrap();
    Ok(id)
}

fn insert(books: &Connection, kind: &str, body: &Value, status: &str) -> Result<i64, Refused> {
    let made =
        books.execute("insert into txn (type, externalid, status) values (?, ?, ?)", params![kind, body["externalId"].as_str(), status]);
    made.map_err(|_| refused(400, "DUP_RCRD", "This record already exists."))?;
    Ok(books.last_insert_rowid())
}

fn pack(books: &Connection, id: i64, packages: &Value) {
    for package in packages["items"].as_array().into_iter().flatten() {
        books.execute("insert into trackingnumber (trackingnumber) values (?)", [package["packageTrackingNumber"].as_str()]).unwrap();
        books.execute("insert into trackingnumbermap values (?, ?)", params![id, books.last_insert_rowid()]).unwrap();
    }
}

fn change(books: &Connection, id: i64, body: &Value, replace: bool) -> Result<(), Refused> {
    let sql = "update txn set externalid = ifnull(?, externalid), status = ifnull(?, status) where id = ?";
    let changed = books.execute(sql, params![body["externalId"].as_str(), body["shipStatus"]["id"].as_str(), id]);
    if changed.map_err(|_| refused(400, "DUP_RCRD", "This record already exists."))? == 0 {
        return Err(refused(404, "NONEXISTENT_ID", "The record instance does not exist."));
    }
    if replace {
        books.execute("delete from trackingnumbermap where txn = ?", [id]).unwrap();
    }
    pack(books, id, &body["package"]);
    Ok(())
}

fn close(books: &Connection, id: i64, body: &Value) {
    for line in body["item"]["items"].as_array().into_iter().flatten().filter(|line| line["isClosed"] == json!(true)) {
        books.execute("update txnline set isclosed = 'T' where txn = ? and id = ?", params![id, line["line"].as_i64()]).unwrap();
    }
}

fn adjust(books: &Connection, body: &Value) -> Result<i64, Refused> {
    let id = insert(books, "InvAdjst", body, "")?;
    let number = |value: &Value| value["id"].as_str().unwrap().parse::<i64>().unwrap();
    for change in body["inventory"]["items"].as_array().unwrap() {
        let (item, location, units) = (number(&change["item"]), number(&change["location"]), change["adjustQtyBy"].as_f64().unwrap());
        move_stock(books, item, location, units);
        books
            .execute("insert into txnline (txn, id, item, quantity, location) values (?, 1, ?, ?, ?)", params![id, item, units, location])
            .unwrap();
    }
    Ok(id)
}

fn move_stock(books: &Connection, item: i64, location: i64, units: f64) {
    let sql = "insert into aggregateitemlocation values (?1, ?2, ?3) on conflict do update set quantityonhand = quantityonhand + ?3";
    books.execute(sql, params![item, location, units]).unwrap();
}

fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
    }
}

/// As SuiteQL answers it: numbers are texts.
fn text(value: ValueRef<'_>) -> Value {
    match read(value) {
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    }
}
