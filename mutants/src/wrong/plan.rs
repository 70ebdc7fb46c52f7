//! Wrong about what the catalog says of a service plan.

use serde_json::json;

use super::telling::{doubling, long, renaming, telling};
use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[MEMBERS, DOUBLED, IDS, SCHEMAS, MAINTENANCE];

#[rustfmt::skip]
const MEMBERS: &[Mutant] = telling! {
    "plan-has-no-id" breaks "plan.id-present": "/services/7/plans/0/id";
    "plan-id-is-null" breaks "plan.id-type": "/services/7/plans/0/id" is json!(null);
    "plan-id-is-a-number" breaks "plan.id-type": "/services/7/plans/0/id" is 801;
    "two-plans-of-an-offering-have-one-id" breaks "plan.id-globally-unique": "/services/2/plans/1/id" is "4f1b7a3e-0d5e-4c3c-9f0e-000000000301";
    "plan-id-is-empty" breaks "plan.id-nonempty": "/services/7/plans/0/id" is "";
    "plan-has-no-name" breaks "plan.name-present": "/services/7/plans/0/name";
    "plan-name-is-null" breaks "plan.name-type": "/services/7/plans/0/name" is json!(null);
    "plan-name-is-a-boolean" breaks "plan.name-type": "/services/7/plans/0/name" is true;
    "two-plans-of-an-offering-have-one-name" breaks "plan.name-unique": "/services/2/plans/1/name" is "alone";
    "plan-name-is-empty" breaks "plan.name-nonempty": "/services/7/plans/0/name" is "";
    "plan-name-has-a-blank" breaks "plan.name-cli-friendly": "/services/7/plans/0/name" is "the plan";
    "plan-name-has-a-colon" breaks "plan.name-cli-friendly": "/services/7/plans/0/name" is "plan:1";
    "plan-has-no-description" breaks "plan.description-present": "/services/7/plans/0/description";
    "plan-description-is-null" breaks "plan.description-type": "/services/7/plans/0/description" is json!(null);
    "plan-description-is-an-object" breaks "plan.description-type": "/services/7/plans/0/description" is json!({"en": "A plan."});
    "plan-description-is-empty" breaks "plan.description-nonempty": "/services/7/plans/0/description" is "";
    "plan-metadata-is-a-text" breaks "plan.metadata-type": "/services/7/plans/0/metadata" is "a plan";
    "plan-free-is-a-text" breaks "plan.free-type": "/services/7/plans/0/free" is "yes";
    "plan-bindable-is-a-text" breaks "plan.bindable-type": "/services/7/plans/0/bindable" is "true";
    "binding-rotatable-is-a-text" breaks "plan.binding-rotatable-type": "/services/7/plans/0/binding_rotatable" is "false";
    "plan-updateable-is-a-number" breaks "plan.plan-updateable-type": "/services/7/plans/0/plan_updateable" is 0;
    "plan-schemas-are-an-array" breaks "plan.schemas-type": "/services/7/plans/0/schemas" is json!([]);
    "polling-duration-is-a-text" breaks "plan.maximum-polling-duration-type": "/services/7/plans/0/maximum_polling_duration" is "600";
    "polling-duration-is-a-fraction" breaks "plan.maximum-polling-duration-type": "/services/7/plans/0/maximum_polling_duration" is 600.5;
    "polling-duration-is-zero" breaks "plan.maximum-polling-duration-type": "/services/7/plans/0/maximum_polling_duration" is 0, capped;
    "polling-duration-is-negative" breaks "plan.maximum-polling-duration-type": "/services/7/plans/0/maximum_polling_duration" is -1, capped;
    "maintenance-info-is-a-text" breaks "plan.maintenance-info-type": "/services/7/plans/0/maintenance_info" is "1.0.0";
};

/// Ids that are something else's, too.
const DOUBLED: &[Mutant] = doubling! {
    "plans-of-two-offerings-have-one-id" breaks "plan.id-globally-unique": "plan_id" is "4f1b7a3e-0d5e-4c3c-9f0e-000000000701";
    "plan-id-is-its-offerings" breaks "plan.id-globally-unique": "plan_id" is "4f1b7a3e-0d5e-4c3c-9f0e-000000000008", capped;
};

/// Ids that are used, but are no good ones.
#[rustfmt::skip]
const IDS: &[Mutant] = renaming! {
    "plan-id-is-a-name" breaks "plan.id-guid": "4f1b7a3e-0d5e-4c3c-9f0e-000000000801" is "show-invert-plan";
    "plan-id-has-a-blank" breaks "plan.id-unreserved-characters": "4f1b7a3e-0d5e-4c3c-9f0e-000000000801" is "show invert plan";
    "plan-id-has-a-plus" breaks "plan.id-unreserved-characters": "4f1b7a3e-0d5e-4c3c-9f0e-000000000801" is "invert+plan";
};

/// Where the parameters of a provision, an update and a bind are described.
#[rustfmt::skip]
const SCHEMAS: &[Mutant] = telling! {
    "instance-schemas-are-a-text" breaks "schemas.service-instance-type": "/services/0/plans/0/schemas/service_instance" is "any";
    "binding-schemas-are-an-array" breaks "schemas.service-binding-type": "/services/0/plans/0/schemas/service_binding" is json!([]);
    "provision-schema-is-a-text" breaks "schemas.service-instance-create-type": "/services/0/plans/0/schemas/service_instance/create" is "any";
    "update-schema-is-a-boolean" breaks "schemas.service-instance-update-type": "/services/0/plans/0/schemas/service_instance/update" is true;
    "bind-schema-is-an-array" breaks "schemas.service-binding-create-type": "/services/0/plans/0/schemas/service_binding/create" is json!([]);
    "provision-parameters-schema-is-json-in-a-text" breaks "schemas.parameters-type": "/services/0/plans/0/schemas/service_instance/create/parameters" is "{\"type\": \"object\"}";
    "update-parameters-schema-is-a-boolean" breaks "schemas.parameters-type": "/services/0/plans/0/schemas/service_instance/update/parameters" is true;
    "bind-parameters-schema-is-an-array" breaks "schemas.parameters-type": "/services/0/plans/0/schemas/service_binding/create/parameters" is json!([]);
    "provision-schema-does-not-say-its-version" breaks "schemas.dollar-schema-present": "/services/0/plans/0/schemas/service_instance/create/parameters/$schema";
    "update-schema-has-an-empty-version" breaks "schemas.dollar-schema-present": "/services/0/plans/0/schemas/service_instance/update/parameters/$schema" is "";
    "bind-schema-has-a-number-as-its-version" breaks "schemas.dollar-schema-present": "/services/0/plans/0/schemas/service_binding/create/parameters/$schema" is 4;
    "provision-schema-is-empty" breaks "schemas.dollar-schema-present": "/services/0/plans/0/schemas/service_instance/create/parameters" is json!({});
    "provision-schema-refers-to-the-web" breaks "schemas.no-external-references": "/services/0/plans/0/schemas/service_instance/create/parameters/definitions" is json!({"a": {"$ref": "https://example.com/a.json"}});
    "update-schema-refers-to-a-file" breaks "schemas.no-external-references": "/services/0/plans/0/schemas/service_instance/update/parameters/definitions" is json!({"a": {"allOf": [{"$ref": "file:///a.json#/b"}]}});
    "bind-schema-refers-to-a-neighbour" breaks "schemas.no-external-references": "/services/0/plans/0/schemas/service_binding/create/parameters/definitions" is json!({"a": {"$ref": "a.json"}});
    "provision-schema-refers-out-dynamically" breaks "schemas.no-external-references": "/services/0/plans/0/schemas/service_instance/create/parameters/definitions" is json!({"a": {"$dynamicRef": "https://example.com/a.json#b"}});
    "provision-schema-refers-out-recursively" breaks "schemas.no-external-references": "/services/0/plans/0/schemas/service_instance/create/parameters/definitions" is json!({"a": {"items": {"$recursiveRef": "https://example.com/a.json"}}});
    "provision-schema-is-large" breaks "schemas.max-64kb": "/services/0/plans/0/schemas/service_instance/create/parameters/description" is long(65_536);
    "bind-schema-is-large-in-bytes" breaks "schemas.max-64kb": "/services/0/plans/0/schemas/service_binding/create/parameters/description" is "\u{e9}".repeat(33_000);
};

/// Of a plan that the true broker has maintenance information for.
#[rustfmt::skip]
const MAINTENANCE: &[Mutant] = telling! {
    "maintenance-info-has-no-version" breaks "maintenance-info.version-present": "/services/0/plans/0/maintenance_info/version";
    "maintenance-version-is-null" breaks "maintenance-info.version-type": "/services/0/plans/0/maintenance_info/version" is json!(null);
    "maintenance-version-is-a-number" breaks "maintenance-info.version-type": "/services/0/plans/0/maintenance_info/version" is 1.2;
    "maintenance-version-is-empty" breaks "maintenance-info.version-semver": "/services/0/plans/0/maintenance_info/version" is "";
    "maintenance-version-has-two-parts" breaks "maintenance-info.version-semver": "/services/0/plans/0/maintenance_info/version" is "1.2";
    "maintenance-version-begins-with-a-v" breaks "maintenance-info.version-semver": "/services/0/plans/0/maintenance_info/version" is "v1.2.0";
    "maintenance-version-has-a-leading-zero" breaks "maintenance-info.version-semver": "/services/0/plans/0/maintenance_info/version" is "01.2.0";
    "maintenance-description-is-a-number" breaks "maintenance-info.description-type": "/services/0/plans/0/maintenance_info/description" is 7;
};
