//! What a request does to the documents. No sockets here.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use bytes::Bytes;
use serde_json::{Value, json};

use super::NotifyOn;
use super::ledger::{Ledger, Notification, Write, notification_path, order_of, segments, shipment_path, tracking_numbers};

/// A request as far as it matters here.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    fn same_write(&self, other: &Self) -> bool {
        (&self.method, &self.path, &self.body) == (&other.method, &other.path, &other.body)
    }

    fn document(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.body).into_owned()))
    }
}

/// The ERP's answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// From an idempotency key's first use.
    pub(super) repeated: bool,
}

impl Answer {
    fn new(status: u16, body: Value) -> Self {
        Self { status, body, repeated: false }
    }

    fn missing(path: &str) -> Self {
        Self::new(404, json!({"error": format!("there is nothing at {path}")}))
    }
}

/// Documents, and the record of what was done.
pub(super) struct Book {
    notify_on: NotifyOn,
    single: BTreeMap<String, Value>,
    lists: BTreeMap<String, Vec<Value>>,
    ids: u64,
    answers: HashMap<String, (Request, Answer)>,
    pub(super) record: Ledger,
}

impl Book {
    pub(super) fn new(notify_on: NotifyOn) -> Self {
        let (single, lists, answers) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        Self { notify_on, single, lists, ids: 0, answers, record: Ledger::default() }
    }

    /// Answers a request, and applies it where it is a write that was not applied before.
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        if request.is_read() {
            self.record.reads += 1;
            return self.read(&request.path);
        }
        let Some(key) = &request.key else { return self.apply(request) };
        if let Some((first, answer)) = self.answers.get(key) {
            if !first.same_write(request) {
                return Answer::new(422, json!({"error": format!("idempotency key {key} was used for another request")}));
            }
            *self.record.repeated.entry(key.clone()).or_default() += 1;
            return Answer { repeated: true, ..answer.clone() };
        }
        let answer = self.apply(request);
        self.answers.insert(key.clone(), (request.clone(), answer.clone()));
        answer
    }

    /// The record with the documents as they are now.
    pub(super) fn ledger(&self) -> Ledger {
        Ledger { documents: self.documents_below("").map(|(path, value)| (path.to_owned(), value)).collect(), ..self.record.clone() }
    }

    fn apply(&mut self, request: &Request) -> Answer {
        let body = request.document();
        let answer = match request.method.as_str() {
            "POST" => self.post(&request.path, body.clone()),
            "PUT" => self.put(&request.path, |_| body.clone()),
            "PATCH" => self.put(&request.path, |old| merged(old.unwrap_or(Value::Null), &body)),
            "DELETE" => self.delete(&request.path),
            other => return Answer::new(405, json!({"error": format!("{other} is not a method of this ERP")})),
        };
        if answer.status < 300 {
            let Request { method, path, key, .. } = request.clone();
            self.record.writes.push(Write { method, path, key, body });
        }
        answer
    }

    fn post(&mut self, path: &str, mut document: Value) -> Answer {
        self.ids += 1;
        if let Value::Object(fields) = &mut document {
            fields.entry("id").or_insert(json!(self.ids));
        }
        self.notify(path, &document, &[]);
        self.lists.entry(path.to_owned()).or_default().push(document.clone());
        Answer::new(201, document)
    }

    fn put(&mut self, path: &str, change: impl FnOnce(Option<Value>) -> Value) -> Answer {
        let old = match self.member(path) {
            Some(member) => Some(member.clone()),
            None => self.single.get(path).cloned(),
        };
        let known = old.as_ref().map(tracking_numbers).unwrap_or_default();
        let status = if old.is_some() { 200 } else { 201 };
        let document = change(old);
        self.notify(path, &document, &known);
        match self.member(path) {
            Some(member) => *member = document.clone(),
            None => drop(self.single.insert(path.to_owned(), document.clone())),
        }
        Answer::new(status, document)
    }

    fn delete(&mut self, path: &str) -> Answer {
        if self.single.remove(path).is_some() || self.lists.remove(path).is_some() {
            return Answer::new(204, Value::Null);
        }
        let Some((list, place)) = self.place(path) else { return Answer::missing(path) };
        if let Some(members) = self.lists.get_mut(&list) {
            members.remove(place);
        }
        Answer::new(204, Value::Null)
    }

    fn read(&self, path: &str) -> Answer {
        if let Some(document) = self.single.get(path) {
            return Answer::new(200, document.clone());
        }
        if let Some(members) = self.lists.get(path) {
            return Answer::new(200, json!({"data": members}));
        }
        if let Some((list, place)) = self.place(path) {
            return Answer::new(200, self.lists[&list][place].clone());
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let all: BTreeMap<_, _> = self.documents_below(&below).collect();
        if all.is_empty() { Answer::missing(path) } else { Answer::new(200, json!(all)) }
    }

    /// Documents and lists whose path begins so, with the rest of their path.
    fn documents_below(&self, beginning: &str) -> impl Iterator<Item = (&str, Value)> {
        let single = below(&self.single, beginning).map(|(path, value)| (path, value.clone()));
        let lists = below(&self.lists, beginning).map(|(path, members)| (path, Value::Array(members.clone())));
        single.chain(lists)
    }

    fn member(&mut self, path: &str) -> Option<&mut Value> {
        let (list, place) = self.place(path)?;
        self.lists.get_mut(&list)?.get_mut(place)
    }

    /// Where in a list the document is whose identifier is the path's last segment.
    fn place(&self, path: &str) -> Option<(String, usize)> {
        let (list, _) = path.rsplit_once('/')?;
        let name = segments(path).last()?;
        let place = self.lists.get(list)?.iter().position(|document| identifies(document, &name))?;
        Some((list.to_owned(), place))
    }

    /// Tells the customer of parcels that the document names and that were not `known` before.
    fn notify(&mut self, path: &str, document: &Value, known: &[String]) {
        let told = match self.notify_on {
            NotifyOn::Request => notification_path(path),
            NotifyOn::Shipment => shipment_path(path),
        };
        let Some(order) = order_of(path).filter(|_| told) else { return };
        for tracking_number in tracking_numbers(document) {
            if !known.contains(&tracking_number) {
                self.record.notifications.push(Notification { order: order.clone(), tracking_number });
            }
        }
    }
}

/// What is kept under paths that begin so, with the rest of the path.
fn below<'a, T>(kept: &'a BTreeMap<String, T>, beginning: &str) -> impl Iterator<Item = (&'a str, &'a T)> {
    let from = (Bound::Included(beginning), Bound::Unbounded);
    kept.range::<str, _>(from).map_while(move |(path, value)| Some((path.strip_prefix(beginning)?, value)))
}

/// True where one of the document's identifiers is this one.
fn identifies(document: &Value, name: &str) -> bool {
    let identifier = |field: &str| field == "id" || field == "sku" || ["_id", "number", "reference"].iter().any(|end| field.ends_with(end));
    let is_name = |value: &Value| match value {
        Value::String(text) => text == name,
        Value::Number(number) => number.to_string() == name,
        _ => false,
    };
    document.as_object().is_some_and(|fields| fields.iter().any(|(field, value)| identifier(field) && is_name(value)))
}

/// JSON Merge Patch.
fn merged(mut old: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    if !old.is_object() {
        old = json!({});
    }
    let Some(fields) = old.as_object_mut() else { return old };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            let before = fields.remove(name).unwrap_or(Value::Null);
            fields.insert(name.clone(), merged(before, change));
        }
    }
    old
}

#[cfg(test)]
mod tests;
