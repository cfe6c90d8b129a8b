//! OData filters.

/// A field that has one of these values.
pub(crate) fn any(field: &str, values: &[&str]) -> String {
    values.iter().map(|value| is(field, value)).collect::<Vec<_>>().join(" or ")
}

/// A field that has this value.
pub(crate) fn is(field: &str, value: &str) -> String {
    format!("{field} eq '{}'", value.replace('\'', "''"))
}

#[test]
fn what_is_looked_for_cannot_end_its_text() {
    assert_eq!(is("number", "SO' or '1' eq '1"), "number eq 'SO'' or ''1'' eq ''1'");
    assert_eq!(any("n", &["A", "B"]), "n eq 'A' or n eq 'B'");
}
