//! Resolves health checks: `http` and `tcp` become commands, `test` is Compose's own.

use super::{Facts, Problems, Scope, scope};
use crate::manifest::model::HealthcheckTable;
use crate::manifest::{Diagnostic, Spanned};
use crate::workspace::syntax;
use crate::workspace::{Command, Healthcheck};

/// The health check of a service, where the manifest gives it one.
pub(super) fn resolve(
    full: &str,
    table: Option<&Spanned<HealthcheckTable>>,
    facts: &Facts<'_>,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> Option<Healthcheck> {
    let Spanned { value: table, span } = table?;
    let full = format!("{full}.healthcheck");
    let kinds = usize::from(table.http.is_some())
        + usize::from(table.tcp.is_some())
        + usize::from(table.test.is_some())
        + usize::from(table.disable);
    if kinds != 1 {
        problems.push(
            Diagnostic::new(
                span.clone(),
                format!("`{full}` needs one of `http`, `tcp`, `test` and `disable`"),
            )
            .help("such as `healthcheck = { http = \"/health\" }`"),
        );
        return None;
    }
    let durations = [
        ("interval", &table.interval),
        ("timeout", &table.timeout),
        ("start_period", &table.start_period),
        ("start_interval", &table.start_interval),
    ];
    for (key, value) in durations {
        if let Some(value) = value {
            problems.check(
                value,
                &format!("{full}.{key}"),
                syntax::duration(&value.value),
            );
        }
    }
    if let (Some(port), None) = (&table.port, &table.http) {
        problems.push(Diagnostic::new(
            port.span.clone(),
            format!("`{full}.port` needs `{full}.http`"),
        ));
    }
    let (test, sugar) = match (&table.http, &table.tcp, &table.test) {
        (Some(path), ..) => (http_test(path, table, &full, facts, problems)?, true),
        (_, Some(port), _) => (tcp_test(port.value), true),
        (.., Some(test)) => (own_test(&test.value), false),
        _ => (Vec::new(), false),
    };
    // A path or a port has our own defaults: ready services are seen within seconds, slow ones
    // have 90 s. A `test` is Compose's own form and has Compose's.
    let text = |value: &Option<Spanned<String>>, default: &str| {
        value
            .as_ref()
            .map(|value| value.value.clone())
            .or(sugar.then(|| default.to_owned()))
    };
    Some(Healthcheck {
        test: test
            .iter()
            .map(|part| scope::bind(part, span, scope, problems))
            .collect(),
        interval: text(&table.interval, "5s"),
        timeout: text(&table.timeout, "3s"),
        retries: table
            .retries
            .as_ref()
            .map(|retries| retries.value.into())
            .or(sugar.then_some(12)),
        start_period: text(&table.start_period, "30s"),
        start_interval: table
            .start_interval
            .as_ref()
            .map(|value| value.value.clone()),
        disable: table.disable,
    })
}

fn http_test(
    path: &Spanned<String>,
    table: &HealthcheckTable,
    full: &str,
    facts: &Facts<'_>,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let shell_safe = |c: char| c.is_ascii_alphanumeric() || "/-._~?=&%+,:@".contains(c);
    if !path.value.starts_with('/') || !path.value.chars().all(shell_safe) {
        problems.push(
            Diagnostic::new(
                path.span.clone(),
                format!("`{full}.http` is not a URL path"),
            )
            .help("use only the path: `/health`"),
        );
        return None;
    }
    let Some(port) = table
        .port
        .as_ref()
        .map(|port| port.value)
        .or_else(|| facts.port())
    else {
        problems.push(
            Diagnostic::new(path.span.clone(), format!("`{full}.http` needs a port"))
                .help("add `port = 3000` to the health check, or `ports` to the service"),
        );
        return None;
    };
    Some(vec![
        "CMD-SHELL".to_owned(),
        http_request(port, &path.value),
    ])
}

/// Asks with what the image has: Alpine's images have busybox's `wget`; slim ones of Debian (node,
/// python, ruby, …) have neither `curl` nor `wget` but always bash, which opens TCP connections
/// itself. <https://www.gnu.org/software/bash/manual/bash.html#Redirections>
///
/// 127.0.0.1 and not localhost, which is `::1` first in many images.
fn http_request(port: u16, path: &str) -> String {
    let address = format!("127.0.0.1:{port}");
    let url = format!("'http://{address}{path}'");
    [
        "if command -v curl >/dev/null; then".to_owned(),
        format!("  curl -fsS -o /dev/null {url}"),
        "elif command -v wget >/dev/null; then".to_owned(),
        format!("  wget -q -O /dev/null {url}"),
        "else".to_owned(),
        "  bash -c '".to_owned(),
        format!("    exec 3<>/dev/tcp/127.0.0.1/{port}"),
        format!(
            r#"    printf "%s\r\n" "GET {path} HTTP/1.1" "Host: {address}" "Connection: close" "" >&3"#
        ),
        "    read -r _ status _ <&3".to_owned(),
        r#"    echo "HTTP status $$status""#.to_owned(),
        "    [[ $$status == [23]* ]]'".to_owned(),
        "fi".to_owned(),
    ]
    .join("\n")
}

/// Looks for a listening socket (state 0A) in the kernel's own table, which needs nothing but grep:
/// the many versions of `nc` have no option in common that ends after connecting, and bash is not in
/// small images. <https://docs.kernel.org/networking/proc_net_tcp.html>
fn tcp_test(port: u16) -> Vec<String> {
    let test = format!("grep -qsE ':{port:04X} 0+:0000 0A' /proc/net/tcp /proc/net/tcp6");
    vec!["CMD-SHELL".to_owned(), test]
}

fn own_test(test: &Command) -> Vec<String> {
    match test {
        Command::Line(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        Command::Arguments(arguments) => arguments.clone(),
    }
}
