//! What is different in a request.

use super::{Change, json};
use crate::call::Request;

/// The most changes of one request that are told.
pub(super) const CHANGES: usize = 100;

/// What the ERP would get that is different. At most 100 changes are told; the last one then says how
/// many more there are.
#[must_use]
pub fn changes(old: &Request, new: &Request) -> Vec<Change> {
    let mut changes = Vec::new();
    let parts = [("connection", &old.connection, &new.connection), ("method", &old.method, &new.method), ("path", &old.path, &new.path)];
    for (at, old, new) in parts {
        if old != new {
            changes.push(Change { at: at.into(), old: Some(json::shortened(old)), new: Some(json::shortened(new)) });
        }
    }
    headers(&old.headers, &new.headers, &mut changes);
    json::compare_bytes("body", old.body.as_deref(), new.body.as_deref(), &mut changes);
    if let Some(more) = changes.len().checked_sub(CHANGES).filter(|more| *more > 0) {
        changes.truncate(CHANGES - 1);
        changes.push(Change { at: format!("and {} more", more + 1), old: None, new: None });
    }
    changes
}

/// The order of headers of different names means nothing, nor does the case of a name.
fn headers(old: &[(String, String)], new: &[(String, String)], changes: &mut Vec<Change>) {
    let names = |headers: &[(String, String)]| headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect::<Vec<_>>();
    let values = |headers: &[(String, String)], wanted: &str| {
        let values: Vec<_> = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let mut all = [names(old), names(new)].concat();
    all.sort_unstable();
    all.dedup();
    for name in all {
        let (old, new) = (values(old, &name), values(new, &name));
        if old != new {
            let shown = |value: Option<String>| value.map(|value| json::shortened(&value));
            changes.push(Change { at: format!("headers/{name}"), old: shown(old), new: shown(new) });
        }
    }
}
