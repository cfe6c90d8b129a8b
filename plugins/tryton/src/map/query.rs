//! Paths and headers of Tryton's REST interface.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use mortar_sdk::{Json, encode, json};

/// Records that are wanted.
pub(crate) struct Query<'a> {
    pub(crate) model: &'a str,
    /// Tryton's domain: a list of conditions.
    pub(crate) domain: Json,
    /// What to read of each; a dot walks into related records.
    pub(crate) fields: &'a [&'a str],
    /// Where quantities are counted.
    pub(crate) locations: &'a [i64],
}

/// A path below `…/rest/model`.
pub(crate) fn path(place: &str, domain: Option<&Json>, fields: &[&str]) -> String {
    let domain = domain.map(|domain| format!("d={}", encode(&URL_SAFE.encode(domain.to_string()))));
    let fields = fields.iter().map(|field| format!("f={}", encode(field)));
    let query: Vec<String> = domain.into_iter().chain(fields).collect();
    format!("/{place}{}{}", if query.is_empty() { "" } else { "?" }, query.join("&"))
}

/// The header `X-Tryton-Context`.
pub(crate) fn context(company: i64, locations: &[i64], skip_warnings: bool) -> String {
    let mut context = json!({ "company": company });
    if !locations.is_empty() {
        context["locations"] = json!(locations);
    }
    if skip_warnings {
        context["_skip_warnings"] = json!(true);
    }
    URL_SAFE.encode(context.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_carries_domain_and_fields() {
        let domain = json!([["reference", "=", "SO 1?"]]);
        let path = path("sale.sale", Some(&domain), &["state", "shipments.state"]);
        assert_eq!(path, "/sale.sale?d=W1sicmVmZXJlbmNlIiwiPSIsIlNPIDE_Il1d&f=state&f=shipments.state");
        assert_eq!(self::path("sale.sale/1/process", None, &[]), "/sale.sale/1/process");
    }

    #[test]
    fn the_context_names_only_what_is_wanted() {
        let read = |header: String| String::from_utf8(URL_SAFE.decode(header).unwrap()).unwrap();
        assert_eq!(read(context(1, &[], false)), r#"{"company":1}"#);
        assert_eq!(read(context(2, &[9], true)), r#"{"_skip_warnings":true,"company":2,"locations":[9]}"#);
    }
}
