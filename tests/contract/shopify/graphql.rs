//! Documents executed as the GraphQL specification says, over a schema and records that are JSON.

use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

/// What the fields of `Query` and `Mutation` hold.
pub(super) trait Root {
    /// `directives` are those on the field, by name.
    fn field(&self, name: &str, arguments: &Value, directives: &[String]) -> Value;
}

/// Executes one request; a document that does not fit the schema is refused.
pub(super) fn execute(schema: &Valid<Schema>, request: &Value, root: &impl Root) -> Value {
    let refuse = |why: String| json!({ "errors": [{ "message": why, "extensions": { "code": "invalid" } }] });
    let document = match ExecutableDocument::parse_and_validate(schema, request["query"].as_str().unwrap_or_default(), "request.graphql") {
        Ok(document) => document,
        Err(errors) => return refuse(errors.errors.to_string()),
    };
    let variables = serde_json::from_value(request["variables"].clone()).unwrap_or_default();
    let operation = document.operations.iter().next().unwrap();
    let execution = Execution::new(schema, &document).raw_variable_values(&variables);
    match execution.execute_sync(&Start { kind: operation.object_type(), root }) {
        Ok(response) => serde_json::to_value(response).unwrap(),
        Err(error) => refuse(format!("{error:?}")),
    }
}

struct Start<'a, R> {
    kind: &'a str,
    root: &'a R,
}

impl<R: Root> ObjectValue for Start<'_, R> {
    fn type_name(&self) -> &str {
        self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = serde_json::to_value(info.arguments()).unwrap();
        let directives: Vec<_> = info.field_selections()[0].directives.iter().map(|directive| directive.name.to_string()).collect();
        let value = self.root.field(info.field_name(), &arguments, &directives);
        Ok(resolved(value, info))
    }
}

struct Record {
    kind: String,
    fields: Value,
}

impl ObjectValue for Record {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let value = self.fields.get(info.field_name()).cloned();
        value.map(|value| resolved(value, info)).ok_or_else(|| self.unknown_field_error(info))
    }
}

fn resolved<'a>(value: Value, info: &ResolveInfo<'a>) -> ResolvedValue<'a> {
    let kind = info.field_definition().ty.inner_named_type().as_str();
    one(value, kind, info.schema().get_object(kind).is_some())
}

fn one<'a>(value: Value, kind: &str, is_object: bool) -> ResolvedValue<'a> {
    match value {
        Value::Array(values) => {
            let kind = kind.to_owned();
            ResolvedValue::list(values.into_iter().map(move |value| one(value, &kind, is_object)))
        }
        Value::Object(_) if is_object => ResolvedValue::object(Record { kind: kind.to_owned(), fields: value }),
        value => ResolvedValue::leaf(serde_json::from_value::<apollo_compiler::response::JsonValue>(value).unwrap()),
    }
}
