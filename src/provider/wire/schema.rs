//! A JSON schema, rewritten into the part of JSON Schema that an endpoint enforces.
//!
//! Each vendor refuses requests whose schema has a keyword that it does not know. What is dropped
//! here is not lost: [`crate::parse`] validates every answer against the whole schema. Two
//! differences it must know: under OpenAI's strict mode an optional property is there with the
//! value `null`, and no vendor bounds the length of texts.

use serde_json::{Map, Value, json};

/// OpenAI strict mode: every object closed, every property required, optional ones nullable.
///
/// `None` when the schema allows what the mode cannot express: objects with free keys, values of
/// any type, `allOf`. Keywords as of the guide "Structured outputs", section "Supported schemas".
pub(crate) fn openai_strict(schema: &Value) -> Option<Value> {
    let rules = Rules {
        keywords: &[
            "type",
            "title",
            "description",
            "enum",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minItems",
            "maxItems",
        ],
        all_required: true,
    };
    // The root must be an object, not a choice.
    schema.get("properties").and_then(|_| rules.close(schema))
}

/// Anthropic's `output_config.format`: every object closed, no bounds at all.
///
/// `None` as for [`openai_strict`]. The service answers 400 to `minimum`, `maxLength` and their kin.
pub(crate) fn anthropic_output(schema: &Value) -> Option<Value> {
    let rules = Rules { keywords: &["type", "title", "description", "enum"], all_required: false };
    rules.close(schema)
}

/// Gemini's `responseJsonSchema`: JSON Schema without the keywords that it does not list.
pub(crate) fn gemini_json(schema: &Value) -> Value {
    const KEYWORDS: [&str; 14] = [
        "$ref",
        "$id",
        "$anchor",
        "type",
        "format",
        "title",
        "description",
        "enum",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "required",
        "propertyOrdering",
    ];
    let Some(node) = schema.as_object() else { return schema.clone() };
    let mut out = keep(node, &KEYWORDS);
    constant_as_enum(node, &mut out);
    let visit = |child: &Value| Some(gemini_json(child));
    for (field, value) in children(node, &visit).unwrap_or_default() {
        out.insert(field, value);
    }
    Value::Object(out)
}

/// Gemini's `responseSchema`: a subset of `OpenAPI` 3.0, without references, open objects and lists
/// of types. `None` when the schema needs one of them.
pub(crate) fn gemini_openapi(schema: &Value) -> Option<Value> {
    openapi(schema, schema, 0)
}

/// References deeper than this are taken for recursive ones.
const DEEPEST: u32 = 32;

fn openapi(schema: &Value, root: &Value, depth: u32) -> Option<Value> {
    const KEYWORDS: [&str; 11] = [
        "title",
        "description",
        "enum",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "required",
    ];
    let node = schema.as_object().filter(|_| depth < DEEPEST)?;
    if let Some(target) = node.get("$ref") {
        return openapi(root.pointer(target.as_str()?.strip_prefix('#')?)?, root, depth + 1);
    }
    let is_open_object = node.get("type") == Some(&json!("object"))
        && node.get("properties").and_then(Value::as_object).is_none_or(Map::is_empty);
    if is_open_object || node.contains_key("allOf") {
        return None;
    }
    let mut out = keep(node, &KEYWORDS);
    constant_as_enum(node, &mut out);
    // Only texts can be enumerated.
    if out.get("enum").and_then(Value::as_array).is_some_and(|items| !items.iter().all(Value::is_string)) {
        out.remove("enum");
    }
    out.extend(openapi_type(node.get("type"))?);
    let mut inner = children(node, &|child: &Value| openapi(child, root, depth + 1))?;
    inner.remove("additionalProperties");
    inner.remove("$defs");
    if let Some(choices) = inner.remove("oneOf") {
        inner.insert("anyOf".into(), choices);
    }
    out.extend(inner);
    Some(Value::Object(out))
}

/// One type, with `nullable` where the schema lists `null` beside it; `None` for a list of several.
fn openapi_type(declared: Option<&Value>) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    match declared {
        Some(Value::Array(types)) => {
            let mut named = types.iter().filter(|name| **name != "null");
            out.insert("type".into(), named.next()?.clone());
            if named.next().is_some() {
                return None;
            }
            out.insert("nullable".into(), (types.len() > 1).into());
        }
        Some(name) => {
            out.insert("type".into(), name.clone());
        }
        None => {}
    }
    Some(out)
}

/// What a mode with closed objects accepts.
struct Rules {
    keywords: &'static [&'static str],
    all_required: bool,
}

impl Rules {
    fn close(&self, schema: &Value) -> Option<Value> {
        let node = schema.as_object()?;
        if let Some(target) = node.get("$ref") {
            return Some(json!({ "$ref": target }));
        }
        let mut out = keep(node, self.keywords);
        constant_as_enum(node, &mut out);
        let mut inner = children(node, &|child: &Value| self.close(child))?;
        if let Some(choices) = inner.remove("oneOf") {
            inner.insert("anyOf".into(), choices);
        }
        inner.remove("prefixItems");
        let has_type = |name: &str| match node.get("type") {
            Some(Value::Array(types)) => types.iter().any(|known| known == name),
            known => known.is_some_and(|known| known == name),
        };
        let is_object = has_type("object") || inner.contains_key("properties");
        let is_vague = out.is_empty() && !inner.contains_key("anyOf") && !is_object;
        let is_open_list = has_type("array") && !inner.contains_key("items");
        if is_vague || is_open_list || node.contains_key("allOf") {
            return None;
        }
        if is_object {
            self.close_object(node, &mut inner)?;
        }
        out.extend(inner);
        Some(Value::Object(out))
    }

    /// Names every property as the only ones; `None` when the object has free keys.
    fn close_object(&self, node: &Map<String, Value>, inner: &mut Map<String, Value>) -> Option<()> {
        let has_free_keys = node.get("additionalProperties").is_some_and(|rest| *rest != false);
        if has_free_keys || node.contains_key("patternProperties") {
            return None;
        }
        let properties = inner.get_mut("properties")?.as_object_mut().filter(|known| !known.is_empty())?;
        let required: Vec<&str> = node
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let names: Value = if self.all_required {
            for (name, property) in properties.iter_mut() {
                if !required.contains(&name.as_str()) {
                    make_nullable(property);
                }
            }
            properties.keys().cloned().collect()
        } else {
            required.into()
        };
        inner.insert("required".into(), names);
        inner.insert("additionalProperties".into(), false.into());
        Some(())
    }
}

fn make_nullable(schema: &mut Value) {
    let null = json!("null");
    let Some(node) = schema.as_object_mut() else { return };
    match node.get_mut("type") {
        Some(Value::Array(types)) => {
            if !types.contains(&null) {
                types.push(null);
            }
        }
        Some(name) => *name = Value::Array(vec![name.take(), null]),
        None => {
            *schema = json!({ "anyOf": [schema.take(), { "type": "null" }] });
            return;
        }
    }
    if let Some(items) = node.get_mut("enum").and_then(Value::as_array_mut)
        && !items.contains(&Value::Null)
    {
        items.push(Value::Null);
    }
}

fn keep(node: &Map<String, Value>, keywords: &[&str]) -> Map<String, Value> {
    let kept = node.iter().filter(|(keyword, _)| keywords.contains(&keyword.as_str()));
    kept.map(|(keyword, value)| (keyword.clone(), value.clone())).collect()
}

fn constant_as_enum(node: &Map<String, Value>, out: &mut Map<String, Value>) {
    if let Some(constant) = node.get("const") {
        out.insert("enum".into(), json!([constant]));
    }
}

/// The schemas inside a schema, each as `visit` makes it; `None` when one of them cannot be made.
fn children(
    node: &Map<String, Value>,
    visit: &dyn Fn(&Value) -> Option<Value>,
) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    for (keyword, value) in node {
        let made = match (keyword.as_str(), value) {
            ("properties" | "$defs", Value::Object(schemas)) => {
                let made = schemas.iter().map(|(name, schema)| Some((name.clone(), visit(schema)?)));
                Value::Object(made.collect::<Option<_>>()?)
            }
            ("items", Value::Object(_)) => visit(value)?,
            // Open objects are judged by the caller; here the schema of their values is only carried.
            ("additionalProperties", Value::Object(_)) => visit(value).unwrap_or(Value::Bool(true)),
            ("additionalProperties", Value::Bool(_)) => value.clone(),
            ("anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                Value::Array(schemas.iter().map(visit).collect::<Option<_>>()?)
            }
            _ => continue,
        };
        out.insert(keyword.clone(), made);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn personas() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "personas": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/persona" } } },
            "required": ["personas"],
            "$defs": { "persona": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "minLength": 1 },
                    "age": { "type": "integer", "minimum": 0, "maximum": 120 },
                    "sex": { "enum": ["f", "m"], "type": "string" }
                },
                "required": ["name"]
            } }
        })
    }

    #[test]
    fn strict_mode_names_every_property_and_lets_optional_ones_be_null() {
        let strict = openai_strict(&personas()).expect("closable");
        assert_eq!(strict["additionalProperties"], false);
        let persona = &strict["$defs"]["persona"];
        assert_eq!(persona["additionalProperties"], false);
        let mut required: Vec<&str> =
            persona["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        required.sort_unstable();
        assert_eq!(required, ["age", "name", "sex"]);
        assert_eq!(persona["properties"]["name"], json!({ "type": "string" }));
        assert_eq!(persona["properties"]["age"]["type"], json!(["integer", "null"]));
        assert_eq!(persona["properties"]["sex"]["enum"], json!(["f", "m", null]));
        assert!(strict.get("$schema").is_none());
    }

    #[test]
    fn a_closed_schema_is_closed_again_into_itself() {
        let once = openai_strict(&personas()).expect("closable");
        assert_eq!(openai_strict(&once), Some(once));
    }

    #[test]
    fn anthropic_keeps_optional_properties_and_drops_bounds() {
        let output = anthropic_output(&personas()).expect("closable");
        assert_eq!(output["$defs"]["persona"]["required"], json!(["name"]));
        assert_eq!(output["$defs"]["persona"]["properties"]["age"], json!({ "type": "integer" }));
        assert!(output["properties"]["personas"].get("minItems").is_none());
    }

    #[test]
    fn what_cannot_be_closed_is_said_to_be_so() {
        let open = [
            json!({ "type": "object" }),
            json!({ "type": "object", "properties": {} }),
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": true }),
            json!({ "type": "object", "properties": { "a": {} } }),
            json!({ "type": "object", "properties": { "a": { "type": "array" } } }),
            json!({ "type": "object", "properties": { "a": { "type": "object", "additionalProperties": { "type": "string" } } } }),
            json!({ "type": "object", "properties": { "a": { "allOf": [{ "type": "string" }] } } }),
        ];
        for schema in open {
            assert_eq!(openai_strict(&schema), None, "{schema}");
            assert_eq!(anthropic_output(&schema), None, "{schema}");
        }
    }

    #[test]
    fn openapi_knows_no_references_and_no_lists_of_types() {
        let schema = json!({
            "type": "object",
            "properties": { "p": { "$ref": "#/$defs/p" }, "n": { "const": "x" }, "l": { "enum": [1, 2], "type": "integer" } },
            "$defs": { "p": { "type": ["string", "null"] } }
        });
        let expected = json!({
            "type": "object",
            "properties": { "p": { "type": "string", "nullable": true }, "n": { "enum": ["x"] }, "l": { "type": "integer" } }
        });
        assert_eq!(gemini_openapi(&schema), Some(expected));
        let endless = json!({ "$ref": "#/$defs/p", "$defs": { "p": { "$ref": "#/$defs/p" } } });
        assert_eq!(gemini_openapi(&endless), None);
        assert_eq!(gemini_openapi(&json!({ "type": "object" })), None);
    }

    #[test]
    fn gemini_takes_free_keys_but_no_foreign_keyword() {
        let schema = json!({ "type": "object", "additionalProperties": { "type": "string", "minLength": 1 }, "$schema": "x" });
        let expected = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        assert_eq!(gemini_json(&schema), expected);
    }
}
