//! Wrong about what a binding tells: when it is created, and when it is fetched.

use conformance::Expect;
use serde_json::json;

use crate::mutant::Mutant;
use crate::rows::rows;

/// The mutants.
pub const MUTANTS: &[Mutant] = rows! {
    "bind-tells-nothing" breaks "bind.info-returned-at-least-once" of "show-sync":
        bound => take_all(&INFORMATION).capped();
    "bind-tells-nothing-as-expected" breaks "bind.info-returned-at-least-once" of "show-sync":
        bound => take_all(&INFORMATION).expecting(Expect::Credentials);
    "first-fetch-tells-nothing" breaks "bind.info-returned-at-least-once" of "show-async":
        fetched => take_all(&INFORMATION).capped();
    "first-fetch-tells-nothing-as-expected" breaks "bind.info-returned-at-least-once" of "show-async":
        fetched => take_all(&INFORMATION).expecting(Expect::Credentials);
    "bind-has-no-body-though-expected" breaks "bind.info-returned-at-least-once" of "show-sync":
        bound => bare(201).expecting(Expect::Credentials);
    "bind-tells-no-endpoints" breaks "bind.endpoints-provided" of "show-sync":
        bound => take("/endpoints");
    "bind-tells-no-hosts" breaks "bind.network-hosts-provided" of "show-sync":
        bound => take("/endpoints");
    "first-fetch-tells-no-endpoints" breaks "bind.endpoints-provided" of "show-async":
        fetched => take("/endpoints");
    "first-fetch-tells-no-hosts" breaks "bind.network-hosts-provided" of "show-async":
        fetched => take("/endpoints");
    "bind-to-a-log-drain-tells-no-drain" breaks "bind.syslog-drain-url-returned" of "show-log-drain":
        bound => take("/syslog_drain_url").capped();
    "bind-to-a-log-drain-tells-no-drain-as-expected" breaks "bind.syslog-drain-url-returned" of "show-log-drain":
        bound => take("/syslog_drain_url").expecting(Expect::SyslogDrain);
    "bind-to-a-log-drain-tells-nothing-though-expected" breaks "bind.syslog-drain-url-returned" of "show-log-drain":
        bound => take_all(&INFORMATION).expecting(Expect::SyslogDrain);
    "bind-to-a-route-service-tells-an-empty-route" breaks "bind.route-service-url-returned" of "show-route":
        bound => put("/route_service_url", "").expecting(Expect::RouteProxied);
    "bind-to-a-route-service-tells-no-route" breaks "bind.route-service-url-returned" of "show-route":
        bound => take("/route_service_url").expecting(Expect::RouteProxied);
    "bind-to-a-volume-service-tells-no-mounts" breaks "bind.volume-mounts-returned" of "show-volume":
        bound => take("/volume_mounts").capped();
    "bind-to-a-volume-service-tells-an-empty-list" breaks "bind.volume-mounts-returned" of "show-volume":
        bound => put("/volume_mounts", json!([])).capped();
    "bind-to-a-volume-service-tells-no-mounts-as-expected" breaks "bind.volume-mounts-returned" of "show-volume":
        bound => take("/volume_mounts").expecting(Expect::VolumeMounts);

    "accepted-bind-tells-credentials" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/credentials", json!({"uri": "http://127.0.0.1/early"}));
    "accepted-bind-tells-a-drain" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/syslog_drain_url", "syslog://127.0.0.1:514");
    "accepted-bind-tells-a-route" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/route_service_url", "https://127.0.0.1/route");
    "accepted-bind-tells-mounts" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/volume_mounts", json!([{"driver": "nfs"}]));
    "accepted-bind-tells-no-mounts" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/volume_mounts", json!([])).capped();
    "accepted-bind-tells-endpoints" breaks "bind.status-202-no-binding-info" of "show-async":
        binding => put("/endpoints", json!([{"host": "127.0.0.1", "ports": ["80"]}]));

    "bind-tells-a-number-as-operation" breaks "bind.operation-type" of "show-async":
        binding => put("/operation", 7);
    "bind-tells-a-boolean-as-operation" breaks "bind.operation-type" of "show-async":
        binding => put("/operation", true);
    "bind-tells-an-object-as-operation" breaks "bind.operation-type" of "show-async":
        binding => put("/operation", json!({"id": "bind"}));
    "bind-tells-an-array-as-operation" breaks "bind.operation-type" of "show-async":
        binding => put("/operation", json!(["bind"]));

    "bind-tells-text-as-metadata" breaks "bind.metadata-type" of "show-sync":
        bound => put("/metadata", "expires soon");
    "bind-again-tells-text-as-metadata" breaks "bind.metadata-type" of "show-sync":
        bound_before => put("/metadata", "expires soon");
    "bind-tells-a-port-in-metadata" breaks "bind.metadata-no-connection-data" of "show-sync":
        bound => put("/metadata", json!({"port": 443}));
    "bind-tells-its-credentials-in-metadata" breaks "bind.metadata-no-connection-data" of "show-sync":
        bound => copy("/credentials/uri", "/metadata/access");
    "bind-tells-text-as-credentials" breaks "bind.credentials-type" of "show-sync":
        bound => put("/credentials", "user:secret");
    "bind-tells-an-array-as-credentials" breaks "bind.credentials-type" of "show-sync":
        bound => put("/credentials", json!(["user", "secret"]));
    "bind-again-tells-text-as-credentials" breaks "bind.credentials-type" of "show-sync":
        bound_before => put("/credentials", "user:secret");
    "bind-tells-a-number-as-drain" breaks "bind.syslog-drain-url-type" of "show-log-drain":
        bound => put("/syslog_drain_url", 514);
    "bind-again-tells-a-number-as-drain" breaks "bind.syslog-drain-url-type" of "show-log-drain":
        bound_before => put("/syslog_drain_url", 514);
    "bind-tells-an-undeclared-drain" breaks "bind.syslog-drain-declared" of "show-sync":
        bound => put("/syslog_drain_url", "syslog://127.0.0.1:514");
    "bind-again-tells-an-undeclared-drain" breaks "bind.syslog-drain-declared" of "show-sync":
        bound_before => put("/syslog_drain_url", "syslog://127.0.0.1:514");
    "bind-tells-an-object-as-route" breaks "bind.route-service-url-type" of "show-route":
        bound => put("/route_service_url", json!({"url": "https://127.0.0.1/route"}));
    "bind-again-tells-an-object-as-route" breaks "bind.route-service-url-type" of "show-route":
        bound_before => put("/route_service_url", json!({"url": "https://127.0.0.1/route"}));
    "bind-tells-an-undeclared-route" breaks "bind.route-service-declared" of "show-sync":
        bound => put("/route_service_url", "https://127.0.0.1/route");
    "bind-again-tells-an-undeclared-route" breaks "bind.route-service-declared" of "show-sync":
        bound_before => put("/route_service_url", "https://127.0.0.1/route");
    "bind-to-an-undeclared-route-service" breaks "bind.route-forwarding-declared" of "show-sync":
        bound => put("/route_service_url", "https://127.0.0.1/route");
    "fetch-of-an-undeclared-route-service" breaks "bind.route-forwarding-declared" of "show-sync":
        fetched => put("/route_service_url", "https://127.0.0.1/route");
    "bind-tells-an-object-as-volume-mounts" breaks "bind.volume-mounts-type" of "show-volume":
        bound => put("/volume_mounts", json!({"driver": "echo"}));
    "bind-tells-a-volume-mount-as-text" breaks "bind.volume-mounts-type" of "show-volume":
        bound => put("/volume_mounts/0", "/data");
    "bind-again-tells-a-volume-mount-as-text" breaks "bind.volume-mounts-type" of "show-volume":
        bound_before => put("/volume_mounts/0", "/data");
    "bind-tells-undeclared-volume-mounts" breaks "bind.volume-mounts-declared" of "show-sync":
        bound => put("/volume_mounts", mounts());
    "bind-again-tells-undeclared-volume-mounts" breaks "bind.volume-mounts-declared" of "show-sync":
        bound_before => put("/volume_mounts", mounts());
    "bind-tells-an-object-as-endpoints" breaks "bind.endpoints-type" of "show-sync":
        bound => put("/endpoints", json!({"host": "127.0.0.1", "ports": ["80"]}));
    "bind-tells-an-endpoint-as-text" breaks "bind.endpoints-type" of "show-sync":
        bound => put("/endpoints/0", "127.0.0.1:80");
    "bind-again-tells-an-endpoint-as-text" breaks "bind.endpoints-type" of "show-sync":
        bound_before => put("/endpoints/0", "127.0.0.1:80");

    "expires-at-is-a-number" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", 4_000_000_000_u64);
    "expires-at-has-an-offset" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31T12:00:00.0+01:00");
    "expires-at-has-no-offset-but-says-so" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31T12:00:00.0+00:00");
    "expires-at-has-a-point-and-no-fraction" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31T12:00:00.Z");
    "expires-at-has-a-blank" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31 12:00:00.0Z");
    "expires-at-is-a-date" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31");
    "expires-at-is-no-day-of-the-calendar" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-02-31T12:00:00.0Z");
    "expires-at-has-no-zone" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31T12:00:00.0");
    "expires-at-has-no-fraction" breaks "bind.expires-at-format" of "show-sync":
        bound => put("/metadata/expires_at", "2096-01-31T12:00:00Z").capped();
    "bind-again-tells-expires-at-as-a-date" breaks "bind.expires-at-format" of "show-sync":
        bound_before => put("/metadata/expires_at", "2096-01-31");
    "fetch-tells-expires-at-as-a-date" breaks "bind.expires-at-format" of "show-sync":
        fetched => put("/metadata/expires_at", "2096-01-31");
    "renew-before-is-a-number" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", 1_800_000_000);
    "renew-before-has-an-offset" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", "2026-01-31T12:00:00.0+01:00");
    "renew-before-has-no-offset-but-says-so" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", "2026-01-31T12:00:00.0+00:00");
    "renew-before-has-a-blank" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", "2026-01-31 12:00:00.0Z");
    "renew-before-is-a-date" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", "2026-01-31");
    "renew-before-has-no-fraction" breaks "bind.renew-before-format" of "show-sync":
        bound => put("/metadata/renew_before", "2026-01-31T12:00:00Z").capped();
    "fetch-tells-renew-before-as-a-date" breaks "bind.renew-before-format" of "show-sync":
        fetched => put("/metadata/renew_before", "2026-01-31");
    "renewal-is-due-after-the-expiry" breaks "bind.renew-before-not-after-expiry" of "show-sync":
        bound => put("/metadata/renew_before", "2996-01-31T12:00:00.0Z");
    "renewal-is-due-at-the-expiry" breaks "bind.renew-before-buffer" of "show-sync":
        bound => copy("/metadata/expires_at", "/metadata/renew_before");

    "volume-mount-has-no-driver" breaks "bind.volume-mount-driver-present" of "show-volume":
        bound => take("/volume_mounts/0/driver");
    "volume-mount-has-null-as-driver" breaks "bind.volume-mount-driver-present" of "show-volume":
        bound => put("/volume_mounts/0/driver", json!(null));
    "volume-mount-has-an-object-as-driver" breaks "bind.volume-mount-driver-present" of "show-volume":
        bound => put("/volume_mounts/0/driver", json!({"name": "echo"}));
    "volume-mount-has-no-container-dir" breaks "bind.volume-mount-container-dir-present" of "show-volume":
        bound => take("/volume_mounts/0/container_dir");
    "volume-mount-has-null-as-container-dir" breaks "bind.volume-mount-container-dir-present" of "show-volume":
        bound => put("/volume_mounts/0/container_dir", json!(null));
    "volume-mount-has-an-array-as-container-dir" breaks "bind.volume-mount-container-dir-present" of "show-volume":
        bound => put("/volume_mounts/0/container_dir", json!(["data"]));
    "volume-mount-has-no-mode" breaks "bind.volume-mount-mode-present" of "show-volume":
        bound => take("/volume_mounts/0/mode");
    "volume-mount-has-null-as-mode" breaks "bind.volume-mount-mode-present" of "show-volume":
        bound => put("/volume_mounts/0/mode", json!(null));
    "volume-mount-has-a-number-as-mode" breaks "bind.volume-mount-mode-present" of "show-volume":
        bound => put("/volume_mounts/0/mode", 644);
    "volume-mount-is-to-be-written-only" breaks "bind.volume-mount-mode-values" of "show-volume":
        bound => put("/volume_mounts/0/mode", "w");
    "volume-mount-has-no-device-type" breaks "bind.volume-mount-device-type-present" of "show-volume":
        bound => take("/volume_mounts/0/device_type");
    "volume-mount-has-null-as-device-type" breaks "bind.volume-mount-device-type-present" of "show-volume":
        bound => put("/volume_mounts/0/device_type", json!(null));
    "volume-mount-has-a-boolean-as-device-type" breaks "bind.volume-mount-device-type-present" of "show-volume":
        bound => put("/volume_mounts/0/device_type", true);
    "volume-mount-is-of-another-kind" breaks "bind.volume-mount-device-type-values" of "show-volume":
        bound => put("/volume_mounts/0/device_type", "local");
    "volume-mount-has-no-device" breaks "bind.volume-mount-device-present" of "show-volume":
        bound => take("/volume_mounts/0/device");
    "volume-mount-has-null-as-device" breaks "bind.volume-mount-device-present" of "show-volume":
        bound => put("/volume_mounts/0/device", json!(null));
    "volume-mount-has-text-as-device" breaks "bind.volume-mount-device-present" of "show-volume":
        bound => put("/volume_mounts/0/device", "/dev/echo");
    "device-has-no-volume-id" breaks "bind.device-volume-id-present" of "show-volume":
        bound => take("/volume_mounts/0/device/volume_id");
    "device-has-null-as-volume-id" breaks "bind.device-volume-id-present" of "show-volume":
        bound => put("/volume_mounts/0/device/volume_id", json!(null));
    "device-has-a-number-as-volume-id" breaks "bind.device-volume-id-present" of "show-volume":
        bound => put("/volume_mounts/0/device/volume_id", 1);
    "device-has-text-as-mount-config" breaks "bind.device-mount-config-type" of "show-volume":
        bound => put("/volume_mounts/0/device/mount_config", "key=value");
    "fetched-volume-mount-has-no-driver" breaks "bind.volume-mount-driver-present" of "show-volume":
        fetched => take("/volume_mounts/0/driver");

    "endpoint-has-no-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => take("/endpoints/0/host");
    "endpoint-has-null-as-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => put("/endpoints/0/host", json!(null));
    "endpoint-has-an-array-as-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => put("/endpoints/0/host", json!(["127.0.0.1"]));
    "endpoint-has-an-empty-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => put("/endpoints/0/host", "").capped();
    "endpoint-has-a-url-as-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => put("/endpoints/0/host", "http://127.0.0.1").capped();
    "endpoint-has-a-port-in-its-host" breaks "bind.endpoint-host-present" of "show-sync":
        bound => put("/endpoints/0/host", "localhost:8090").capped();
    "endpoint-has-no-ports" breaks "bind.endpoint-ports-present" of "show-sync":
        bound => take("/endpoints/0/ports");
    "endpoint-has-null-as-ports" breaks "bind.endpoint-ports-present" of "show-sync":
        bound => put("/endpoints/0/ports", json!(null));
    "endpoint-has-text-as-ports" breaks "bind.endpoint-ports-present" of "show-sync":
        bound => put("/endpoints/0/ports", "443");
    "endpoint-has-a-number-as-port" breaks "bind.endpoint-ports-present" of "show-sync":
        bound => put("/endpoints/0/ports", json!([443]));
    "endpoint-has-an-empty-list-of-ports" breaks "bind.endpoint-ports-nonempty" of "show-sync":
        bound => put("/endpoints/0/ports", json!([]));
    "endpoint-names-its-port" breaks "bind.endpoint-ports-format" of "show-sync":
        bound => put("/endpoints/0/ports", json!(["https"]));
    "endpoint-has-an-open-range-of-ports" breaks "bind.endpoint-ports-format" of "show-sync":
        bound => put("/endpoints/0/ports", json!(["8000-"]));
    "endpoint-lists-ports-in-one-text" breaks "bind.endpoint-ports-format" of "show-sync":
        bound => put("/endpoints/0/ports", json!(["80,443"]));
    "endpoint-has-a-port-that-no-host-has" breaks "bind.endpoint-ports-format" of "show-sync":
        bound => put("/endpoints/0/ports", json!(["70000"])).capped();
    "endpoint-has-a-descending-range" breaks "bind.endpoint-ports-format" of "show-sync":
        bound => put("/endpoints/0/ports", json!(["9010-9000"])).capped();
    "endpoint-has-another-protocol" breaks "bind.endpoint-protocol-values" of "show-sync":
        bound => put("/endpoints/0/protocol", "http");
    "endpoint-has-a-number-as-protocol" breaks "bind.endpoint-protocol-values" of "show-sync":
        bound => put("/endpoints/0/protocol", 6);
    "fetched-endpoint-has-a-number-as-port" breaks "bind.endpoint-ports-present" of "show-sync":
        fetched => put("/endpoints/0/ports", json!([443]));

    "fetch-tells-text-as-metadata" breaks "fetch-binding.metadata-type" of "show-sync":
        fetched => put("/metadata", "expires soon");
    "fetch-tells-a-user-in-metadata" breaks "fetch-binding.metadata-no-connection-data" of "show-sync":
        fetched => put("/metadata", json!({"user": "echo"}));
    "fetch-tells-its-credentials-in-metadata" breaks "fetch-binding.metadata-no-connection-data" of "show-sync":
        fetched => copy("/credentials/uri", "/metadata/access");
    "fetch-tells-text-as-credentials" breaks "fetch-binding.credentials-type" of "show-sync":
        fetched => put("/credentials", "user:secret");
    "fetch-tells-a-number-as-drain" breaks "fetch-binding.syslog-drain-url-type" of "show-log-drain":
        fetched => put("/syslog_drain_url", 514);
    "fetch-tells-an-undeclared-drain" breaks "fetch-binding.syslog-drain-declared" of "show-sync":
        fetched => put("/syslog_drain_url", "syslog://127.0.0.1:514");
    "fetch-tells-an-object-as-route" breaks "fetch-binding.route-service-url-type" of "show-route":
        fetched => put("/route_service_url", json!({"url": "https://127.0.0.1/route"}));
    "fetch-tells-an-undeclared-route" breaks "fetch-binding.route-service-declared" of "show-sync":
        fetched => put("/route_service_url", "https://127.0.0.1/route");
    "fetch-tells-an-object-as-volume-mounts" breaks "fetch-binding.volume-mounts-type" of "show-volume":
        fetched => put("/volume_mounts", json!({"driver": "echo"}));
    "fetch-tells-a-volume-mount-as-text" breaks "fetch-binding.volume-mounts-type" of "show-volume":
        fetched => put("/volume_mounts/0", "/data");
    "fetch-tells-undeclared-volume-mounts" breaks "fetch-binding.volume-mounts-declared" of "show-sync":
        fetched => put("/volume_mounts", mounts());
    "fetch-tells-an-array-as-parameters" breaks "fetch-binding.parameters-type" of "show-sync":
        fetched => put("/parameters", json!(["red"]));
    "fetch-tells-text-as-parameters" breaks "fetch-binding.parameters-type" of "show-sync":
        fetched => put("/parameters", "color=red");
    "fetch-tells-an-object-as-endpoints" breaks "fetch-binding.endpoints-type" of "show-sync":
        fetched => put("/endpoints", json!({"host": "127.0.0.1", "ports": ["80"]}));
    "fetch-tells-an-endpoint-as-text" breaks "fetch-binding.endpoints-type" of "show-sync":
        fetched => put("/endpoints/0", "127.0.0.1:80");
    "first-fetch-tells-no-credentials" breaks "fetch-binding.credentials-returned-async" of "show-async":
        fetched => put("/credentials", json!(null)).capped();
    "first-fetch-tells-no-credentials-as-expected" breaks "fetch-binding.credentials-returned-async" of "show-async":
        fetched => take("/credentials").expecting(Expect::Credentials);
    "bind-tells-endpoints-and-no-credentials" breaks "bind.credentials-returned" of "show-sync":
        bound => take("/credentials").capped();
    "bind-tells-no-credentials-as-expected" breaks "bind.credentials-returned" of "show-sync":
        bound => take("/credentials").expecting(Expect::Credentials);
};

/// The members by which a binding tells how to reach the service.
const INFORMATION: [&str; 4] = [
    "credentials",
    "syslog_drain_url",
    "route_service_url",
    "volume_mounts",
];

/// Volume mounts that are right in themselves.
fn mounts() -> serde_json::Value {
    json!([{
        "driver": "echo",
        "container_dir": "/data",
        "mode": "rw",
        "device_type": "shared",
        "device": {"volume_id": "volume"},
    }])
}
