//! What each key of a service comes to in the compose file: one line of the manifest, one place of the
//! file. The whole of the file, as people see it, is in the fixtures of the manifest.

use serde_json::{Value, json};

use crate::manifest::decode;
use crate::workspace::resolve;

/// The compose file of a manifest with these services, as a reader of YAML understands it.
fn file(services: &str) -> Value {
    let manifest = format!("[repos.api]\nurl = \"https://git.example/api\"\n\n{services}");
    let (table, mut problems) = decode::manifest(&manifest);
    let (workspace, more) = resolve::workspace(&table);
    problems.extend(more);
    assert!(problems.is_empty(), "{manifest}: {problems:?}");
    serde_saphyr::from_str(&super::render(&workspace)).unwrap()
}

/// Each line stands alone in the table `services.api`, which `source` begins.
#[track_caller]
fn assert_becomes(source: &str, cases: &[(&str, &str, Value)]) {
    for (line, place, expected) in cases {
        let file = file(&format!("[services.api]\n{source}\n{line}\n"));
        let found = file.pointer(place).cloned().unwrap_or_default();
        assert_eq!(found, *expected, "{line}: {place} of {file:#}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_key_of_a_service_is_at_its_place_in_the_compose_file() {
    let bind = |source: &str, target: &str| {
        json!({
            "type": "bind", "source": source, "target": target, "bind": {"create_host_path": false},
        })
    };
    assert_becomes(
        "repo = \"api\"",
        &[
            ("", "/services/api/build/context", json!("./api")),
            (
                "",
                "/services/api/build/dockerfile",
                json!("Dockerfile.dev"),
            ),
            ("", "/services/api/init", json!(true)),
            ("", "/services/api/image", Value::Null),
            ("", "/services/api/volumes", Value::Null),
            (
                "",
                "/services/api/extra_hosts/0",
                json!("host.docker.internal=${DOCKER_HOST_GATEWAY:-host-gateway}"),
            ),
            (
                "context = \"cmd/api\"",
                "/services/api/build/context",
                json!("./api/cmd/api"),
            ),
            (
                "dockerfile = \"Other\"",
                "/services/api/build/dockerfile",
                json!("Other"),
            ),
            (
                "target = \"dev\"",
                "/services/api/build/target",
                json!("dev"),
            ),
            (
                "build_args = { UID = \"${host.uid}\" }",
                "/services/api/build/args/UID",
                json!("${HOST_UID:-1000}"),
            ),
            (
                "mount = \"/app\"",
                "/services/api/volumes/0",
                bind("./api", "/app"),
            ),
            (
                "mount = { source = \"src\", target = \"/app/src\" }",
                "/services/api/volumes/0",
                bind("./api/src", "/app/src"),
            ),
            (
                "mount = \"/app\"\nkeep = [\"/app/node_modules\"]",
                "/services/api/volumes/1",
                json!("/app/node_modules"),
            ),
            (
                "mount = { target = \"/app\", mode = \"sync\" }\nkeep = [\"/app/node_modules\"]",
                "/services/api/develop/watch/0",
                json!({
                    "action": "sync", "path": "./api", "target": "/app", "ignore": ["node_modules/"],
                }),
            ),
            (
                "mount = { target = \"/app\", mode = \"sync\" }",
                "/services/api/volumes",
                Value::Null,
            ),
            (
                "rebuild_on = [\"go.sum\"]",
                "/services/api/develop/watch/0",
                json!({"action": "rebuild", "path": "./api/go.sum"}),
            ),
            (
                "volumes = [\"gems:/usr/local/bundle\"]",
                "/volumes",
                json!({"gems": {}}),
            ),
            (
                "env_file = [\".env\"]",
                "/services/api/env_file/0",
                json!({"path": "./api/.env", "required": false}),
            ),
            (
                "required_env = [\"KEY\"]",
                "/services/api/environment/KEY",
                json!("${KEY:?set it in .env, services.api requires it}"),
            ),
            (
                "profiles = [\"backend\"]",
                "/services/api/profiles",
                json!(["backend"]),
            ),
            (
                "limits = { memory = \"512m\", cpus = 1.5, pids = 9 }",
                "/services/api/mem_limit",
                json!("512m"),
            ),
            (
                "limits = { memory = \"512m\", cpus = 1.5, pids = 9 }",
                "/services/api/pids_limit",
                json!(9),
            ),
            (
                "user = \"${host.uid}:${host.gid}\"",
                "/services/api/user",
                json!("${HOST_UID:-1000}:${HOST_GID:-1000}"),
            ),
        ],
    );
}

#[test]
fn a_port_is_a_variable_and_for_this_machine_only_unless_an_address_is_given() {
    let port =
        |published: &str, ip: &str| json!({"target": 80, "published": published, "host_ip": ip});
    assert_becomes(
        "image = \"api:1\"",
        &[
            (
                "ports = [\"8080:80\"]",
                "/services/api/ports/0",
                port("${API_PORT_80:-8080}", "127.0.0.1"),
            ),
            (
                "ports = [\"0.0.0.0:8080:80\"]",
                "/services/api/ports/0",
                port("${API_PORT_80:-8080}", "0.0.0.0"),
            ),
            (
                "ports = [\"80\"]",
                "/services/api/ports/0/published",
                Value::Null,
            ),
            (
                "ports = [\"53:53/udp\"]",
                "/services/api/ports/0/protocol",
                json!("udp"),
            ),
            // One port on two addresses of this machine is not a conflict.
            (
                "ports = [\"127.0.0.1:8080:80\", \"127.0.0.2:8080:81\"]",
                "/services/api/ports/1/host_ip",
                json!("127.0.0.2"),
            ),
        ],
    );
}

#[test]
fn what_the_manifest_says_of_a_preset_beats_what_the_preset_says() {
    let postgres = "preset = \"postgres\"";
    assert_becomes(
        postgres,
        &[
            (
                "",
                "/services/api/environment/POSTGRES_USER",
                json!("${API_USER:-postgres}"),
            ),
            (
                "environment = { POSTGRES_PASSWORD = \"mine\", TZ = \"UTC\" }",
                "/services/api/environment/POSTGRES_PASSWORD",
                json!("mine"),
            ),
            (
                "environment = { POSTGRES_PASSWORD = \"mine\", TZ = \"UTC\" }",
                "/services/api/environment/TZ",
                json!("UTC"),
            ),
            (
                "environment = { TZ = \"UTC\" }",
                "/services/api/environment/POSTGRES_USER",
                json!("${API_USER:-postgres}"),
            ),
            (
                "command = [\"postgres\", \"-N\", \"5\"]",
                "/services/api/command",
                json!(["postgres", "-N", "5"]),
            ),
            (
                "healthcheck = { test = [\"CMD\", \"true\"] }",
                "/services/api/healthcheck",
                json!({"test": ["CMD", "true"]}),
            ),
            (
                "tag = \"16-alpine\"",
                "/services/api/image",
                json!("postgres:16-alpine"),
            ),
            (
                "tag = \"16-alpine\"",
                "/services/api/volumes/0",
                json!("api-data:/var/lib/postgresql/data"),
            ),
            ("", "/volumes", json!({"api-data": {}})),
            ("", "/services/api/scale", json!("${API_CONTAINERS:-1}")),
            (
                "runs_on = \"host\"",
                "/services/api/scale",
                json!("${API_CONTAINERS:-0}"),
            ),
            (
                "runs_on = \"host\"",
                "/services/api/pull_policy",
                json!("${API_PULL_POLICY:-never}"),
            ),
            ("", "/services/api/extra_hosts", Value::Null),
        ],
    );
}

#[test]
fn keys_of_compose_are_merged_last_and_table_by_table() {
    assert_becomes(
        "image = \"api:1\"\nenvironment = { A = \"1\" }\nhealthcheck = { tcp = 80 }",
        &[
            ("compose = { tty = true }", "/services/api/tty", json!(true)),
            (
                "compose = { tty = true }",
                "/services/api/image",
                json!("api:1"),
            ),
            (
                "compose = { environment = { B = \"2\" } }",
                "/services/api/environment",
                json!({"A": "1", "B": "2"}),
            ),
            (
                "compose = { environment = { A = \"2\" } }",
                "/services/api/environment",
                json!({"A": "2"}),
            ),
            (
                "compose = { healthcheck = { interval = \"9s\" } }",
                "/services/api/healthcheck/interval",
                json!("9s"),
            ),
            (
                "command = \"serve\"\ncompose = { command = [\"other\", \"one\"] }",
                "/services/api/command",
                json!(["other", "one"]),
            ),
        ],
    );
}
