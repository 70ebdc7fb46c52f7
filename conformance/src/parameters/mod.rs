//! Parameters for a schema: some that it accepts, and some that it refuses.
//!
//! The schema is the target's, so nothing in it is trusted: what is made is
//! bounded in size, the work in steps, and no reference leaves the schema. Parts
//! of a schema are judged here, to find the way; every value that is given out
//! has been judged as a whole by `jsonschema`, and that verdict counts.

mod array;
mod fits;
mod make;
mod number;
mod object;
mod part;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod vary;
mod wrong;

use serde_json::Value;

use self::make::Trail;
use self::schema::Schema;

/// Parameters that the schema accepts, with the optional properties where they
/// can be had, or why none can be made.
pub(crate) fn valid(schema: &Value) -> Result<Value, String> {
    let schema = Schema::read(schema)?;
    // What is known here of a schema may fall short of it. Then fewer
    // properties may do, or another choice among the values.
    for (trail, want) in [
        (Trail::default(), 1),
        (Trail::lean(), 1),
        (Trail::default(), 8),
    ] {
        schema.refuel();
        for value in schema.values(&schema.top(), &trail, want) {
            schema.refuel();
            if schema.accepts(&value) == Some(true) {
                return Ok(value);
            }
        }
    }
    Err(schema.trouble())
}

/// Parameters that a schema accepts, if it does not accept that there are none.
pub(crate) fn demanded(schema: Option<&Value>) -> Option<Value> {
    let schema = schema.filter(|schema| are_demanded(schema))?;
    valid(schema).ok()
}

/// Whether the schema refuses an object without any properties, so that there
/// have to be parameters.
fn are_demanded(schema: &Value) -> bool {
    let none = Value::Object(serde_json::Map::new());
    Schema::read(schema).is_ok_and(|schema| schema.accepts(&none) == Some(false))
}

/// Whether the schema is known to refuse these parameters.
pub(crate) fn refuses(schema: &Value, parameters: &Value) -> bool {
    Schema::read(schema).is_ok_and(|schema| schema.accepts(parameters) == Some(false))
}

/// Further parameters that the schema accepts, a handful at most; each differs
/// from `base` in one place.
pub(crate) fn variants(schema: &Value, base: &Value) -> Vec<Value> {
    Schema::read(schema).map_or_else(|_| Vec::new(), |schema| schema.variants(base))
}

/// Parameters that the schema refuses because of one place in which they differ
/// from `base`, each with what is wrong there, in words. There are none where the
/// schema refuses `base` too.
pub(crate) fn invalid(schema: &Value, base: &Value) -> Vec<(String, Value)> {
    Schema::read(schema).map_or_else(|_| Vec::new(), |schema| schema.invalid(base))
}
