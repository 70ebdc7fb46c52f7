//! Wrong about what the profile says of the catalog: metadata, and the client of
//! a dashboard.

use serde_json::json;

use super::telling::telling;
use crate::mutant::Mutant;

/// The mutants.
pub const MUTANTS: &[&[Mutant]] = &[METADATA, DASHBOARD];

#[rustfmt::skip]
const METADATA: &[Mutant] = telling! {
    "offering-display-name-is-a-number" breaks "offering.metadata-conventional-names": "/services/7/metadata/displayName" is 1;
    "offering-image-is-an-object" breaks "offering.metadata-conventional-names": "/services/7/metadata/imageUrl" is json!({"src": "https://example.com/i.png"});
    "offering-long-description-is-an-array" breaks "offering.metadata-conventional-names": "/services/7/metadata/longDescription" is ["text"];
    "offering-provider-is-a-boolean" breaks "offering.metadata-conventional-names": "/services/7/metadata/providerDisplayName" is true;
    "offering-documentation-is-a-number" breaks "offering.metadata-conventional-names": "/services/7/metadata/documentationUrl" is 1;
    "offering-support-is-an-array" breaks "offering.metadata-conventional-names": "/services/7/metadata/supportUrl" is ["https://example.com"];
    "offering-shareable-is-a-text" breaks "offering.metadata-shareable-type": "/services/0/metadata/shareable" is "true";
    "plan-display-name-is-a-number" breaks "plan.metadata-conventional-names": "/services/7/plans/0/metadata/displayName" is 1;
    "plan-bullets-are-a-text" breaks "plan.metadata-conventional-names": "/services/7/plans/0/metadata/bullets" is "one, two";
    "plan-bullet-is-a-number" breaks "plan.metadata-conventional-names": "/services/7/plans/0/metadata/bullets" is [1];
    "plan-costs-are-an-object" breaks "plan.metadata-conventional-names": "/services/7/plans/0/metadata/costs" is json!({"usd": 1});
    "plan-cost-is-a-text" breaks "plan.metadata-conventional-names": "/services/7/plans/0/metadata/costs" is ["1 USD"];
    "cost-has-no-amount" breaks "plan.metadata-cost-amount": "/services/7/plans/0/metadata/costs" is json!([{"unit": "MONTHLY"}]), capped;
    "cost-amount-is-a-number" breaks "plan.metadata-cost-amount": "/services/7/plans/0/metadata/costs" is json!([{"amount": 1, "unit": "MONTHLY"}]), capped;
    "cost-amount-has-a-text" breaks "plan.metadata-cost-amount": "/services/7/plans/0/metadata/costs" is json!([{"amount": {"usd": "1"}, "unit": "MONTHLY"}]), capped;
    "cost-has-no-unit" breaks "plan.metadata-cost-unit": "/services/7/plans/0/metadata/costs" is json!([{"amount": {"usd": 1}}]), capped;
    "cost-unit-is-a-number" breaks "plan.metadata-cost-unit": "/services/7/plans/0/metadata/costs" is json!([{"amount": {"usd": 1}, "unit": 30}]), capped;
};

#[rustfmt::skip]
const DASHBOARD: &[Mutant] = telling! {
    "dashboard-client-is-a-text" breaks "dashboard-client.object-type": "/services/7/dashboard_client" is "client:secret";
    "dashboard-client-has-no-id" breaks "dashboard-client.id-present": "/services/7/dashboard_client/id";
    "dashboard-client-id-is-null" breaks "dashboard-client.id-type": "/services/7/dashboard_client/id" is json!(null);
    "dashboard-client-id-is-a-number" breaks "dashboard-client.id-type": "/services/7/dashboard_client/id" is 1;
    "dashboard-client-id-is-empty" breaks "dashboard-client.id-nonempty": "/services/7/dashboard_client/id" is "";
    "dashboard-client-has-no-secret" breaks "dashboard-client.secret-present": "/services/7/dashboard_client/secret";
    "dashboard-client-secret-is-null" breaks "dashboard-client.secret-type": "/services/7/dashboard_client/secret" is json!(null);
    "dashboard-client-secret-is-an-array" breaks "dashboard-client.secret-type": "/services/7/dashboard_client/secret" is json!([]);
    "dashboard-client-secret-is-empty" breaks "dashboard-client.secret-nonempty": "/services/7/dashboard_client/secret" is "";
    "dashboard-client-redirect-is-an-array" breaks "dashboard-client.redirect-uri-type": "/services/7/dashboard_client/redirect_uri" is ["https://example.com"];
};
