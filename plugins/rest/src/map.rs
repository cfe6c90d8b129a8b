//! From an event and the operator's rules to the calls that the event asks for. Pure: no host here.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use mortar_sdk::Delivery;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::template::{Fault, Root, Scope, fill, look_up, text};

/// `[config]` in plugin.toml: a rule or a list of rules by event type, or by its beginning and `*`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rules: BTreeMap<String, Value>,
    /// What is read back afterwards.
    #[serde(default)]
    confirm: BTreeMap<String, Value>,
}

/// One kind of call that an event asks for; README.md explains each setting.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default = "erp")]
    pub(crate) connection: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) find: Option<String>,
    #[serde(default)]
    pub(crate) accept: Vec<u16>,
    #[serde(default)]
    pub(crate) repeatable: bool,
    step: Option<String>,
    each: Option<String>,
    #[serde(default)]
    needs: Vec<String>,
    fields: Option<BTreeMap<String, Field>>,
}

/// What the ERP is asked after an event was delivered, and what it must say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    #[serde(default = "erp")]
    connection: String,
    path: String,
    each: Option<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    fields: BTreeMap<String, Field>,
}

impl From<Check> for Rule {
    fn from(check: Check) -> Self {
        let Check { connection, path, each, needs, fields } = check;
        let (find, accept, repeatable, step) = (None, Vec::new(), true, None);
        Self { connection, method: "GET".into(), path, find, accept, repeatable, step, each, needs, fields: Some(fields) }
    }
}

fn erp() -> String {
    "erp".into()
}

/// Where the value of a field in the body comes from.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a field is \"a.source.field\", { value = … }, { each = \"a.list\", fields = { … } } or a table of fields"
)]
enum Field {
    From(String),
    Value { value: Value },
    Each { each: String, fields: BTreeMap<String, Field> },
    Table(BTreeMap<String, Field>),
}

/// What an event asks for, and what was left out and why.
pub(crate) struct Plan {
    pub(crate) calls: Vec<Call>,
    pub(crate) skipped: Vec<String>,
}

/// A call, ready to be made: its rule with the event's values in `path` and `find`.
pub(crate) struct Call {
    pub(crate) step: String,
    pub(crate) rule: Rule,
    pub(crate) body: Option<Value>,
}

impl Settings {
    /// Plans the calls for an event; none where no rule fits its type. `kind` names the record.
    pub(crate) fn plan(&self, delivery: &Delivery, kind: &str, record: &impl Serialize) -> Result<Option<Plan>, String> {
        let wrong = |why: String| format!("the rule for {} in plugin.toml: {why}", delivery.event_type);
        let rules = best_fit::<Rule>(&self.rules, &delivery.event_type).map_err(|error| wrong(error.to_string()))?;
        let Some(rules) = rules else { return Ok(None) };
        let root = root(delivery, record, true).map_err(|error| wrong(error.to_string()))?;
        plan(&rules, kind, &Scope::new(&root)).map(Some).map_err(wrong)
    }

    /// Plans what the ERP is asked once an event was delivered: paths start at the record as it was
    /// sent. The body of such a call is what the answer must hold.
    pub(crate) fn checks(&self, delivery: &Delivery) -> Result<Option<Plan>, String> {
        let wrong = |why: String| format!("confirm for {} in plugin.toml: {why}", delivery.event_type);
        let checks = best_fit::<Check>(&self.confirm, &delivery.event_type).map_err(|error| wrong(error.to_string()))?;
        let Some(checks) = checks else { return Ok(None) };
        let rules: Vec<Rule> =
            checks.into_iter().enumerate().map(|(n, check)| Rule { step: Some(n.to_string()), ..check.into() }).collect();
        let sent: Value = serde_json::from_str(&delivery.payload).map_err(|error| wrong(error.to_string()))?;
        let root = root(delivery, &sent, false).map_err(|error| wrong(error.to_string()))?;
        plan(&rules, "", &Scope::new(&root)).map(Some).map_err(wrong)
    }
}

fn plan(rules: &[Rule], kind: &str, scope: &Scope<'_>) -> Result<Plan, String> {
    let mut plan = Plan { calls: Vec::new(), skipped: Vec::new() };
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = rule.step.as_deref().or(rule.each.as_deref()).unwrap_or(kind);
        if !names.insert(name) {
            return Err(format!("two rules share the step `{name}`: give each its own, as in step = \"notify\""));
        }
        for (step, scope) in rule.steps(name, scope)? {
            match rule.call(&step, &scope) {
                Ok(call) => plan.calls.push(call),
                Err(Fault::Absent(field)) => plan.skipped.push(format!("{step} has no {field}")),
                Err(Fault::Wrong(why)) => return Err(why),
            }
        }
    }
    Ok(plan)
}

/// The rules of the pattern that fits best. The others are not even read: a fault in one holds
/// up only its own events.
fn best_fit<T: DeserializeOwned>(rules: &BTreeMap<String, Value>, event_type: &str) -> serde_json::Result<Option<Vec<T>>> {
    let fits = |pattern: &str| pattern.strip_suffix('*').map_or(pattern == event_type, |beginning| event_type.starts_with(beginning));
    let fitting = rules.iter().filter(|(pattern, _)| fits(pattern));
    let best = fitting.max_by_key(|(pattern, _)| (!pattern.ends_with('*'), pattern.len()));
    best.map(|(_, rules)| serde_json::from_value(if rules.is_array() { rules.clone() } else { json!([rules]) })).transpose()
}

impl Rule {
    /// The step and the scope of each call: one, or one for each element of a list.
    fn steps<'a>(&self, name: &str, scope: &Scope<'a>) -> Result<Vec<(String, Scope<'a>)>, String> {
        let Some(each) = &self.each else { return Ok(vec![(name.to_owned(), scope.clone())]) };
        let mut seen = BTreeMap::new();
        let steps = scopes(each, scope)?.into_iter().map(|scope| {
            let element = scope.get(singular(each));
            let identifier = ["shipment_id", "id", "sku", "status"].into_iter().find_map(|field| element?[field].as_str());
            let step = format!("{name}/{}", identifier.unwrap_or("unnamed"));
            let times = seen.entry(step.clone()).and_modify(|times| *times += 1).or_insert(1);
            (if *times == 1 { step } else { format!("{step}/{times}") }, scope)
        });
        Ok(steps.collect())
    }

    fn call(&self, step: &str, scope: &Scope<'_>) -> Result<Call, Fault> {
        self.needs.iter().try_for_each(|field| text(field, scope).map(drop))?;
        let path = fill(&self.path, scope)?;
        let find = self.find.as_deref().map(|find| fill(find, scope)).transpose()?;
        let mut body = match &self.fields {
            Some(fields) => Some(table(fields, scope).map_err(Fault::Wrong)?),
            None if matches!(self.method.as_str(), "GET" | "DELETE") => None,
            None => scope.get(self.each.as_deref().map_or("record", singular)).cloned(),
        };
        body.iter_mut().for_each(drop_nulls);
        Ok(Call { step: step.to_owned(), rule: Self { path, find, ..self.clone() }, body })
    }
}

fn table(fields: &BTreeMap<String, Field>, scope: &Scope<'_>) -> Result<Value, String> {
    let value = |field: &Field| match field {
        Field::From(path) => look_up(path, scope).cloned(),
        Field::Value { value } => Ok(value.clone()),
        Field::Each { each, fields } => scopes(each, scope)?.iter().map(|scope| table(fields, scope)).collect(),
        Field::Table(fields) => table(fields, scope),
    };
    fields.iter().map(|(name, field)| Ok((name.clone(), value(field)?))).collect()
}

fn root<'a>(delivery: &'a Delivery, record: &impl Serialize, known: bool) -> serde_json::Result<Root<'a>> {
    let Delivery { event_id, event_type, source, subject, occurred_at, received_at, .. } = delivery;
    // Not the attempt: a request that differs between attempts would diverge.
    let about = json!({
        "event_id": event_id, "event_type": event_type, "source": source, "subject": subject,
        "occurred_at": occurred_at, "received_at": received_at,
    });
    Ok(Root { record: serde_json::to_value(record)?, delivery: about, known, payload: &delivery.payload, raw: OnceCell::new() })
}

/// One scope for each element of a list, which knows it by the list's name in the singular:
/// `parcel` for `parcels`, `line_item` for `parcel.line_items`.
fn scopes<'a>(list: &str, scope: &Scope<'a>) -> Result<Vec<Scope<'a>>, String> {
    let elements = match look_up(list, scope)? {
        Value::Array(elements) => elements.as_slice(),
        Value::Null => &[],
        _ => return Err(format!("`{list}` is not a list")),
    };
    Ok(elements.iter().map(|element| scope.with(singular(list), element)).collect())
}

fn singular(list: &str) -> &str {
    let name = list.rsplit('.').next().unwrap_or(list);
    name.strip_suffix('s').unwrap_or(name)
}

/// Leaves out what the event does not say, so that it never erases what the ERP knows.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
