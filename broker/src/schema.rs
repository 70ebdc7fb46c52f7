//! The JSON Schemas of parameters.

use jsonschema::Validator;
use serde_json::Value;

/// How many mistakes in parameters a message names.
const NAMED_MISTAKES: usize = 5;

/// A schema that parameters are validated against. A reference in it that
/// leads out of it is never followed: such a schema is refused.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Reads a schema; an error says why it is none.
    pub fn read(json: &Value) -> Result<Schema, String> {
        if !json.is_object() {
            return Err("a schema is an object".to_owned());
        }
        if json
            .get("$schema")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            return Err("a schema names its version in `$schema`".to_owned());
        }
        jsonschema::options()
            .build(json)
            .map(Schema)
            .map_err(|error| error.to_string())
    }

    /// Says in words what is wrong with `parameters`, if anything is.
    pub fn validate(&self, parameters: &Value) -> Result<(), String> {
        let mistakes: Vec<String> = self
            .0
            .iter_errors(parameters)
            .take(NAMED_MISTAKES)
            .map(|mistake| format!("parameters{}: {mistake}", mistake.instance_path()))
            .collect();
        match mistakes.is_empty() {
            true => Ok(()),
            false => Err(mistakes.join("; ")),
        }
    }
}
