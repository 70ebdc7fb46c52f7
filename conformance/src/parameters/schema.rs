//! A schema that has been read: its references, and the work that it may cause.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use jsonschema::{Draft, PatternOptions, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// How long a schema may be as JSON: four times what the specification allows.
const MAX_SCHEMA_BYTES: usize = 256 * 1024;
/// How many patterns a schema may have: each can take a megabyte once compiled.
const MAX_PATTERNS: usize = 100;
/// How long one may be as it is written.
const MAX_PATTERN: usize = 4096;
const MAX_PATTERN_BYTES: usize = 1024 * 1024;
/// How far the engine may go back in a pattern that needs it.
const MAX_BACKTRACKING: usize = 10_000;
/// The steps that making a value, or judging some, may take.
const FUEL: usize = 400_000;
/// How long a value may be as JSON.
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// Parameters are an object, whatever their schema says.
static OBJECT: LazyLock<Value> = LazyLock::new(|| json!({"type": "object"}));

/// Parts that have been compiled before; nothing for those that cannot be.
type Compiled<Key> = HashMap<Key, Option<Validator>>;

/// A schema, what is known of it, and the fuel that is left.
pub(super) struct Schema<'a> {
    root: &'a Value,
    pub(super) draft: Draft,
    validator: Validator,
    /// By id, or by `#` and an anchor.
    names: BTreeMap<String, &'a Value>,
    fuel: Cell<usize>,
    trouble: RefCell<Option<String>>,
    pub(super) leaves: RefCell<Compiled<*const Map<String, Value>>>,
    pub(super) patterns: RefCell<Compiled<&'a str>>,
}

impl<'a> Schema<'a> {
    /// Reads a schema; an error says why it is none, or why it is not used.
    pub(super) fn read(root: &'a Value) -> Result<Self, String> {
        if root.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(format!("the schema has more than {MAX_SCHEMA_BYTES} bytes"));
        }
        let (mut names, mut patterns) = (BTreeMap::new(), Vec::new());
        index(root, &mut names, &mut patterns);
        if patterns.len() > MAX_PATTERNS {
            return Err(format!("the schema has more than {MAX_PATTERNS} patterns"));
        }
        if patterns.iter().any(|pattern| pattern.len() > MAX_PATTERN) {
            return Err(format!("a pattern has more than {MAX_PATTERN} bytes"));
        }
        let draft = Draft::default().detect(root);
        if draft == Draft::Unknown {
            return Err("the schema is of a draft that is not known".to_owned());
        }
        Ok(Self {
            root,
            draft,
            validator: compile(root, draft)?,
            names,
            fuel: Cell::new(FUEL),
            trouble: RefCell::default(),
            leaves: RefCell::default(),
            patterns: RefCell::default(),
        })
    }

    /// What parameters have to fit.
    pub(super) fn top(&self) -> [&'a Value; 2] {
        [self.root, &OBJECT]
    }

    /// Whether the schema accepts parameters; nothing if it takes too much work
    /// to know.
    pub(super) fn accepts(&self, value: &Value) -> Option<bool> {
        if value.to_string().len() > MAX_VALUE_BYTES {
            self.blame(|| format!("a value would have more than {MAX_VALUE_BYTES} bytes"));
            return None;
        }
        // What the validator does is at most what this does, which stops in time.
        self.fits(self.root, value);
        (self.left() > 0).then(|| value.is_object() && self.validator.is_valid(value))
    }

    /// Takes steps from the fuel; false once there is none.
    pub(super) fn spend(&self, steps: usize) -> bool {
        let left = self.left().saturating_sub(steps);
        self.fuel.set(left);
        if left == 0 {
            self.blame(|| "the schema takes too much work".to_owned());
        }
        left > 0
    }

    /// The steps that are left.
    pub(super) fn left(&self) -> usize {
        self.fuel.get()
    }

    /// Whether so much work has been done that only what is needed should follow.
    pub(super) fn tired(&self) -> bool {
        self.left() < FUEL / 2
    }

    pub(super) fn refuel(&self) {
        self.fuel.set(FUEL);
    }

    /// Ends all work.
    pub(super) fn give_up(&self, why: impl FnOnce() -> String) {
        self.blame(why);
        self.fuel.set(0);
    }

    /// Remembers why no value could be made; what came first counts.
    pub(super) fn blame(&self, why: impl FnOnce() -> String) {
        self.trouble.borrow_mut().get_or_insert_with(why);
    }

    pub(super) fn trouble(&self) -> String {
        let trouble = self.trouble.borrow();
        let trouble = trouble.as_deref();
        trouble.map_or_else(
            || "no value was found that the schema accepts".to_owned(),
            |trouble| format!("no value was found that the schema accepts: {trouble}"),
        )
    }

    /// The schema that a reference means.
    pub(super) fn target(&self, reference: &str) -> Option<&'a Value> {
        self.spend(1 + reference.len() / 64);
        let (resource, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = match resource {
            "" => Some(self.root),
            id => self.named(id),
        };
        let target = root.and_then(|root| {
            let pointer = percent_decode_str(fragment).decode_utf8().ok()?;
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return self.names.get(&format!("#{pointer}")).copied();
            }
            // A pointer may also start at the schema with an id that it stands in.
            root.pointer(&pointer).or_else(|| {
                self.spend(self.names.len());
                self.names.values().find_map(|one| one.pointer(&pointer))
            })
        });
        if target.is_none() {
            self.give_up(|| format!("`{reference:.100}` is not followed"));
        }
        target
    }

    /// The schema with this id. One of the two may be written relative to a base.
    fn named(&self, id: &str) -> Option<&'a Value> {
        let ends = |whole: &str, end: &str| {
            let head = whole.strip_suffix(end.trim_start_matches("./"));
            head.is_some_and(|head| head.ends_with('/') || end.starts_with('/'))
        };
        let exact = self.names.get(id).copied();
        exact.or_else(|| {
            self.spend(self.names.len());
            let mut names = self.names.iter();
            names
                .find(|(name, _)| ends(name, id) || ends(id, name))
                .map(|(_, one)| *one)
        })
    }
}

/// A validator that never fetches anything.
pub(super) fn compile(schema: &Value, draft: Draft) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .with_draft(draft)
        .should_validate_formats(false)
        .with_pattern_options(
            PatternOptions::fancy_regex()
                .backtrack_limit(MAX_BACKTRACKING)
                .size_limit(MAX_PATTERN_BYTES),
        )
        .build(schema)
        .map_err(|error| format!("not a schema: {error:.300}"))
}

/// Collects the schemas with an id or an anchor, and the patterns.
fn index<'a>(
    json: &'a Value,
    names: &mut BTreeMap<String, &'a Value>,
    patterns: &mut Vec<&'a str>,
) {
    match json {
        Value::Object(map) => {
            let text = |key| map.get(key).and_then(Value::as_str);
            for id in [text("$id"), text("id")].into_iter().flatten() {
                names.insert(id.strip_suffix('#').unwrap_or(id).to_owned(), json);
            }
            for anchor in [text("$anchor"), text("$dynamicAnchor")] {
                names.extend(anchor.map(|anchor| (format!("#{anchor}"), json)));
            }
            let keys = map.get("patternProperties").and_then(Value::as_object);
            patterns.extend(text("pattern"));
            patterns.extend(keys.into_iter().flat_map(Map::keys).map(String::as_str));
            map.values().for_each(|value| index(value, names, patterns));
        }
        Value::Array(items) => items.iter().for_each(|item| index(item, names, patterns)),
        _ => {}
    }
}
