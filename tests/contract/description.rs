//! An interface as an OpenAPI 3.1 file describes it, and whether requests and answers keep to it.

use std::path::Path;

use serde_json::{Value, json};

use super::schema;
use super::service::{Reply, Request};

/// A description, read.
pub(crate) struct Description {
    document: Value,
}

impl Description {
    pub(crate) fn read(file: &str) -> Self {
        let file = mortar_tests::paths::root().join("tests/contract").join(Path::new(file));
        Self { document: serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap() }
    }

    /// What is wrong with a request, and with its answer. An answer that refuses may refuse anything.
    pub(crate) fn check(&self, request: &Request, reply: &Reply) -> Vec<String> {
        let Some((operation, values)) = self.operation(request) else {
            return vec!["no operation has this method and path".into()];
        };
        let mut wrong = self.parameters(operation, request, &values);
        let body = &operation["requestBody"];
        match (request.body.is_null(), body.is_null()) {
            (true, true) => {}
            (true, false) if body["required"] == json!(true) => wrong.push("the body is missing".into()),
            (true, false) => {}
            (false, true) => wrong.push("there is a body".into()),
            (false, false) => wrong.extend(self.misfits("the body", content(body), &request.body)),
        }
        let status = reply.status.to_string();
        match operation["responses"].get(&status).or_else(|| operation["responses"].get("default")) {
            None => wrong.push(format!("the double answers {status}, which is not described")),
            Some(described) => {
                let schema = content(self.resolved(described));
                if !schema.is_null() {
                    wrong.extend(self.misfits("the double's answer", schema, &reply.body));
                }
            }
        }
        wrong
    }

    /// The operation of a request, and what stands in the place of the path's parameters.
    fn operation(&self, request: &Request) -> Option<(&Value, Vec<(String, String)>)> {
        let paths = self.document["paths"].as_object()?;
        let mut fitting = paths.iter().filter_map(|(template, item)| {
            let operation = item.get(request.method.to_ascii_lowercase())?;
            Some((operation, matched(template, &request.path)?))
        });
        // The one with the fewest parameters is meant.
        let first = fitting.next()?;
        Some(fitting.fold(first, |best, other| if other.1.len() < best.1.len() { other } else { best }))
    }

    fn parameters(&self, operation: &Value, request: &Request, values: &[(String, String)]) -> Vec<String> {
        let described: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().map(|p| self.resolved(p)).collect();
        let mut wrong = Vec::new();
        for (name, _) in &request.query {
            if !described.iter().any(|p| p["in"] == "query" && p["name"] == name.as_str()) {
                wrong.push(format!("there is no query parameter {name}"));
            }
        }
        for parameter in described {
            let name = parameter["name"].as_str().unwrap();
            let found = match parameter["in"].as_str() {
                Some("query") => request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
                Some("header") => request.header(name).map(Into::into),
                _ => values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
            };
            match found {
                None if parameter["required"] == json!(true) => wrong.push(format!("{name} is missing")),
                None => {}
                Some(value) => {
                    let number = parameter["schema"]["type"] == "integer";
                    let value = if number { value.parse::<i64>().map_or(json!(value), Value::from) } else { json!(value) };
                    wrong.extend(self.misfits(name, &parameter["schema"], &value));
                }
            }
        }
        wrong
    }

    fn misfits(&self, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        schema::misfits(&self.document, schema, value, what)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

/// The schema of the one kind of content that there is.
fn content(described: &Value) -> &Value {
    described["content"].as_object().and_then(|kinds| kinds.values().next()).map_or(&Value::Null, |content| &content["schema"])
}

/// The values of a template's parameters in a path; none where it does not fit.
fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let Some((literal, rest)) = template.split_once('{') else { return (template == path).then(Vec::new) };
    let path = path.strip_prefix(literal)?;
    let (name, rest) = rest.split_once('}')?;
    let until = rest.split('{').next().unwrap_or_default();
    let end = if until.is_empty() { path.len() } else { path.find(until)? };
    let value = &path[..end];
    if value.is_empty() || value.contains('/') {
        return None;
    }
    let mut values = matched(rest, &path[end..])?;
    values.insert(0, (name.to_owned(), value.to_owned()));
    Some(values)
}

#[test]
fn a_path_fits_its_template_or_not() {
    let of = |template, path| matched(template, path).map(|values| values.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    assert_eq!(of("/orders/{id}/!transform/receipt", "/orders/7/!transform/receipt"), Some(vec!["7".into()]));
    assert_eq!(of("/companies({c})/orders({o})/ship", "/companies(1)/orders(2)/ship"), Some(vec!["1".into(), "2".into()]));
    assert_eq!(of("/orders/{id}", "/orders/7/lines"), None);
    assert_eq!(of("/orders/{id}", "/orders/"), None);
}

#[test]
fn what_is_not_described_is_noticed() {
    let description = Description {
        document: json!({
            "paths": { "/orders/{id}": { "patch": {
                "parameters": [{ "name": "if-match", "in": "header", "required": true, "schema": { "type": "string" } }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
                "responses": { "204": { "description": "done" } },
            } } },
            "components": { "schemas": { "Order": {
                "type": "object", "properties": { "open": { "type": "boolean" } }, "additionalProperties": false,
            } } },
        }),
    };
    let check = |path: &str, tag: Option<&str>, body: Value, status| {
        let request = Request {
            method: "PATCH".into(),
            path: path.split('?').next().unwrap().into(),
            query: path.split_once('?').map(|(_, q)| (q.into(), String::new())).into_iter().collect(),
            headers: tag.map(|tag| ("if-match".into(), tag.into())).into_iter().collect(),
            body,
        };
        description.check(&request, &Reply::new(status, Value::Null)).len()
    };
    assert_eq!(check("/orders/1", Some("7"), json!({ "open": true }), 204), 0);
    assert_eq!(check("/order/1", Some("7"), json!({ "open": true }), 204), 1, "another path");
    assert_eq!(check("/orders/1", None, json!({ "open": true }), 204), 1, "no header");
    assert_eq!(check("/orders/1", Some("7"), json!({ "open": "yes" }), 204), 1, "another type");
    assert_eq!(check("/orders/1", Some("7"), json!({ "opened": true }), 204), 1, "another name");
    assert_eq!(check("/orders/1", Some("7"), Value::Null, 204), 1, "no body");
    assert_eq!(check("/orders/1?top", Some("7"), json!({}), 204), 1, "another parameter");
    assert_eq!(check("/orders/1", Some("7"), json!({}), 200), 1, "another answer");
}
