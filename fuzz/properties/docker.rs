//! What `docker`, linters and the kernel print.

use std::sync::LazyLock;

use fitout::docker::{Container, compose, containers};
use fitout::dockerfile::linters::{self, Linter};
use fitout::running;
use fitout::runtime::{self, Runtime, wsl};
use fitout::workspace::{Personal, Workspace};

use super::mutation::{self, Numbers};
use super::{Kind, example, texts};

pub const KIND: Kind = Kind {
    name: "docker",
    seeds,
    mutate,
    hold,
};

static EXAMPLE: LazyLock<Workspace> = LazyLock::new(example);

fn seeds() -> Vec<String> {
    let mut seeds = texts("tests/fixtures/runtimes", ".json");
    let printed = [
        "vera-auth-1\tvera\tauth\t/w\t2.40.3\tFalse\t127.0.0.1:3100->3000/tcp, :::8000-8001->8000-8001/udp, 9/tcp\trunning\tUp 2 minutes (health: starting)\n\
         web\t\t\t\t\t\t[::]:80->8080/tcp\texited\tExited (137) 3 weeks ago\n",
        r#"{"Service":"auth","Name":"vera-auth-1","State":"running","Health":"healthy","ExitCode":0,"Publishers":[{"URL":"127.0.0.1","TargetPort":3000,"PublishedPort":3100,"Protocol":"tcp"}]}"#,
        r#"[{"Service":"db","Name":"vera-db-1","State":"exited","Health":"","ExitCode":1,"Publishers":null}]"#,
        r#"[{"ExitCode":1,"Output":"old"},{"ExitCode":1,"Output":"nc: bad option\n"}]"#,
        "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"The \\\"A\\\" variable is not set.\"\nservices.api x\n",
        r#"[{"code":"DL3008","level":"warning","line":2,"message":"Pin versions"}]"#,
        r#"{"Results":[{"Misconfigurations":[{"ID":"DS002","Severity":"HIGH","Title":"t","Message":"m","Resolution":"r","CauseMetadata":{"StartLine":3}}]}]}"#,
        r#"{"warnings":[{"ruleName":"StageNameCasing","description":"d","detail":"t","location":{"ranges":[{"start":{"line":1}}]}}]}"#,
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\neth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
        "[wsl2]\nnetworkingMode = mirrored\n[automount]\nroot=/windows/\n",
    ];
    seeds.extend(printed.map(str::to_owned));
    seeds
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        "->",
        "0.0.0.0:1-9000->1-9000/tcp, ",
        ", ",
        "null",
        "true",
        "-1",
        "1e400",
        "18446744073709551616",
        "\"Publishers\":",
        "\"ExitCode\":",
        "[[[[[[[[[[[[[[[[",
        "{\"a\":",
        " msg=\"",
        "()",
        "(1)",
        "name=rootless",
        "\\ud800",
        "\\u0000",
    ];
    mutation::text(bytes, &pieces, numbers)
}

fn hold(bytes: &[u8]) {
    // As what a program prints is read.
    let text = String::from_utf8_lossy(bytes);
    let containers = containers::parse(&text);
    let mut states: Vec<_> = containers.iter().map(Container::service_state).collect();
    states.extend(containers::parse_services(&text));
    // As many as there are, TCP and UDP, of IPv4 and of IPv6; and what is listed one by one.
    let ports: usize = states.iter().map(|state| state.ports.len()).sum();
    assert!(ports <= 4 * 65_535 + text.len(), "{ports} ports");
    let rows = running::rows(&EXAMPLE, &Personal::default(), &states);
    assert!(rows.len() >= EXAMPLE.services.len());
    assert!(serde_json::to_string(&rows).is_ok());
    let _ = containers::last_health_output(&text);
    let messages = compose::messages(&text);
    assert!(messages.len() <= text.lines().count());
    for linter in [Linter::Hadolint, Linter::Trivy, Linter::Buildkit] {
        for remark in linters::read(linter, &text).unwrap_or_default() {
            assert!(remark.line > 0);
        }
    }
    let _ = Runtime::of_answers(&text, &text);
    let _ = Runtime::of_endpoint(&text, &text, false);
    if let Some(route) = runtime::default_route(&text) {
        assert!(route.gateway.parse::<std::net::Ipv4Addr>().is_ok());
    }
    let _ = (
        wsl::mode_in_config(&text),
        wsl::drives(&text),
        wsl::mode_in_force(&text),
    );
}
