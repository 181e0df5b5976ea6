//! Recorded runtimes: what each is taken for, and where its containers reach the machine.
//!
//! Each file of `tests/fixtures/runtimes` says in `source` where its texts come from.

use std::fs;
use std::path::Path;

use fitout::runtime::{Network, Runtime, Side, default_route, wsl};
use serde_json::Value;

#[test]
fn every_recorded_runtime_is_known_with_and_without_its_engine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runtimes");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let recorded: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let text = |key: &str| recorded[key].as_str().unwrap_or_default();
        assert!(!text("source").is_empty(), "{}", file.display());
        let is_macos = recorded["macos"] == true;
        let unasked = Runtime::of_endpoint(text("context"), text("endpoint"), is_macos);
        let asked = Runtime::of_answers(
            &recorded["info"].to_string(),
            &recorded["version"].to_string(),
        );
        let network = network(&recorded);
        let shown = |runtime: Runtime, side| {
            let address = runtime.address(&network, side);
            format!("{:?}: {} {}", runtime, address.ip, address.gateway)
        };
        lines.push(format!(
            "## {}",
            file.file_stem().unwrap().to_string_lossy()
        ));
        lines.push(format!("unasked  {}", shown(unasked, Side::Here)));
        lines.push(format!("asked    {}", shown(asked.unwrap(), Side::Here)));
        let on_windows = shown(unasked, Side::Windows);
        if on_windows != shown(unasked, Side::Here) {
            lines.push(format!("windows  {on_windows}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

fn network(recorded: &Value) -> Network {
    let text = |key: &str| recorded[key].as_str().map(str::to_owned);
    let given = |key: &str| text(key).unwrap_or_default();
    let mode = || {
        wsl::mode_in_force(&given("wslinfo"))
            .unwrap_or_else(|| wsl::mode_in_config(&given("wslconfig")))
    };
    Network {
        bridge: text("bridge"),
        default_route: default_route(&given("route")).map(|route| route.gateway),
        lan: text("lan"),
        wsl: wsl::is_wsl(&given("kernel")).then(mode),
    }
}

#[test]
fn the_default_route_is_the_one_with_the_lowest_metric() {
    let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\n\
        tun0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\n\
        eth0\t00000000\t01FEA8C0\t0003\t0\t0\t100\t00000000\n";
    let route = default_route(table).unwrap();
    assert_eq!(
        (route.interface.as_str(), route.gateway.as_str()),
        ("eth0", "192.168.254.1")
    );
    assert_eq!(default_route(""), None);
}

#[test]
fn wsl_is_read_from_its_own_files() {
    let modes = [
        ("", wsl::Mode::Nat),
        ("[wsl2]\nmemory=4GB\n", wsl::Mode::Nat),
        ("[WSL2]\nNetworkingMode = Mirrored\n", wsl::Mode::Mirrored),
        (
            "[experimental]\nnetworkingMode=mirrored\n",
            wsl::Mode::Mirrored,
        ),
        ("[other]\nnetworkingMode=mirrored\n", wsl::Mode::Nat),
        ("[wsl2]\n#networkingMode=mirrored\n", wsl::Mode::Nat),
        ("[wsl2]\nnetworkingMode=virtioproxy\n", wsl::Mode::Other),
    ];
    for (config, expected) in modes {
        assert_eq!(wsl::mode_in_config(config), expected, "{config}");
    }
    assert_eq!(wsl::drives("[automount]\nroot = /windir/\n"), "/windir");
    assert_eq!(wsl::drives(""), "/mnt");
}

#[test]
fn an_answer_that_is_none_is_no_runtime() {
    assert_eq!(Runtime::of_answers("", ""), None);
    assert_eq!(
        Runtime::of_answers(r#"{"ServerErrors":["cannot connect"]}"#, "null"),
        None
    );
}
