//! Which port is looked at, and what is said of it.

use super::*;
use crate::doctor::checks::tests::{examples_of, parse};
use crate::workspace::PersonalService;

const MANIFEST: &str = r#"
    [services.api]
    image = "acme/api:1"
    ports = ["3100:3000"]

    [services.web]
    image = "acme/web:1"
    ports = ["0.0.0.0:3200:80"]
"#;

/// What is known of each port, in a few words.
fn known(personal: &Personal, env_file: &str) -> Vec<String> {
    let variables = Variables::new([], env_file);
    let checks = Port::each(&parse(MANIFEST), personal, &variables).into_iter();
    let known = checks.map(|check| match &check.wanted {
        Wanted::Number(number) => format!("{} {}:{}", check.name, check.address, number.port),
        Wanted::Known(known) => format!("{} {known:?}", check.name),
    });
    known.collect()
}

#[test]
fn the_port_is_the_one_that_compose_would_publish() {
    let nobody = Personal::default();
    let mut own_ports = parse(MANIFEST).services.remove(0).ports;
    own_ports[0].published = Some(4100);
    let mut mine = Personal::default();
    mine.services.insert(
        "api".to_owned(),
        PersonalService {
            ports: own_ports,
            ..PersonalService::default()
        },
    );
    let cases = [
        (&nobody, "", "api.3000 127.0.0.1:3100"),
        (&mine, "", "api.3000 127.0.0.1:4100"),
        (&nobody, "API_PORT_3000=5100", "api.3000 127.0.0.1:5100"),
        (&mine, "API_PORT_3000=5100", "api.3000 127.0.0.1:5100"),
        (&nobody, "API_PORT_3000=", "api.3000 127.0.0.1:3100"),
        (&nobody, "API_PORT_3000=5100-5110", "api.3000 Chosen"),
        (&nobody, "API_PORT_3000=${BASE}00", "api.3000 Chosen"),
        (&nobody, "API_PORT_3000=0", "api.3000 Chosen"),
        (
            &nobody,
            "API_PORT_3000=http",
            r#"api.3000 NoPort("http", EnvFile)"#,
        ),
    ];
    for (personal, env_file, expected) in cases {
        assert_eq!(known(personal, env_file)[0], expected, "{env_file}");
    }
}

#[test]
fn two_services_on_one_port_are_one_problem_and_the_second_ones() {
    assert_eq!(
        known(&Personal::default(), "API_PORT_3000=3200"),
        ["api.3000 127.0.0.1:3200", r#"web.80 Clash(3200, "api")"#,]
    );
}

#[test]
fn whoever_holds_it_is_named_with_a_way_out() {
    let number = |set_in_shell| Number {
        port: 3100,
        set_in_shell,
    };
    let port = |address: &str| Port {
        name: "api.3000".to_owned(),
        subject: String::new(),
        service: "api".to_owned(),
        address: address.to_owned(),
        protocol: Protocol::Tcp,
        variable: "API_PORT_3000".to_owned(),
        wanted: Wanted::Number(number(false)),
        avoid: Vec::new(),
    };
    let local = |state| (port("127.0.0.1"), Seen::Looked(number(false), state));
    let known = |known| (port("127.0.0.1"), Seen::Known(known));
    let taken = |holder, next_free| State::Taken { holder, next_free };
    let process = || {
        Some(Holder::Process(Process {
            pid: 4242,
            program: "node".to_owned(),
            command: "node server.js".to_owned(),
        }))
    };
    let container = |folder: Option<&str>| {
        Some(Holder::Container {
            name: "other-web-1".to_owned(),
            folder: folder.map(str::to_owned),
        })
    };
    let workspace = |is_copy| {
        Some(Holder::Workspace {
            folder: "/home/ann/vera-2".to_owned(),
            is_copy,
            container: "vera-2-web-1".to_owned(),
        })
    };
    let seen = [
        local(State::Free),
        local(State::Own("vera-api-1".to_owned())),
        local(taken(process(), Some(3101))),
        local(taken(process(), None)),
        local(taken(container(Some("/home/ann/other")), Some(3101))),
        local(taken(workspace(true), Some(3101))),
        local(taken(workspace(false), None)),
        local(taken(container(None), Some(3101))),
        local(taken(None, Some(3101))),
        (
            port("::1"),
            Seen::Looked(number(true), taken(process(), Some(3101))),
        ),
        local(State::NoSuchAddress),
        local(State::Elsewhere("tcp://10.0.0.7:2376".to_owned())),
        known(Known::Chosen),
        known(Known::NoPort("http".to_owned(), Origin::Shell)),
        known(Known::NoPort("http".to_owned(), Origin::EnvFile)),
        known(Known::Clash(3100, "web".to_owned())),
    ];
    insta::assert_snapshot!(examples_of(seen), @r"
    pass     ports.api.3000  127.0.0.1:3100 is free
    pass     ports.api.3000  127.0.0.1:3100 is used by our own `vera-api-1`
    fail     ports.api.3000  127.0.0.1:3100 is used by `node server.js` (pid 4242)
             $ echo 'API_PORT_3000=3101' >> ../.env
             or stop that process: kill 4242
    fail     ports.api.3000  127.0.0.1:3100 is used by `node server.js` (pid 4242)
             stop that process: kill 4242
    fail     ports.api.3000  127.0.0.1:3100 is used by the container `other-web-1` of the project in /home/ann/other
             $ echo 'API_PORT_3000=3101' >> ../.env
             or stop that container: docker stop other-web-1
    fail     ports.api.3000  127.0.0.1:3100 is used by the copy at /home/ann/vera-2 (`vera-2-web-1`)
             $ echo 'API_PORT_3000=3101' >> ../.env
             or stop that copy: fitout -C /home/ann/vera-2 stop
    fail     ports.api.3000  127.0.0.1:3100 is used by the workspace at /home/ann/vera-2 (`vera-2-web-1`)
             stop that workspace: fitout -C /home/ann/vera-2 stop
    fail     ports.api.3000  127.0.0.1:3100 is used by the container `other-web-1`
             $ echo 'API_PORT_3000=3101' >> ../.env
             or stop that container: docker stop other-web-1
    fail     ports.api.3000  127.0.0.1:3100 is used by another process
             $ echo 'API_PORT_3000=3101' >> ../.env
    fail     ports.api.3000  [::1]:3100 is used by `node server.js` (pid 4242)
             $ export API_PORT_3000=3101
             or stop that process: kill 4242
    fail     ports.api.3000  this machine has no address 127.0.0.1
             change the address in `services.api.ports` of workspace.toml
    info     ports.api.3000  published on the engine's machine, tcp://10.0.0.7:2376
    pass     ports.api.3000  chosen when the container starts
    fail     ports.api.3000  `API_PORT_3000` is `http`, which is not a port
             $ unset API_PORT_3000
    fail     ports.api.3000  `API_PORT_3000` is `http`, which is not a port
             set `API_PORT_3000` to a port in `.env`
    fail     ports.api.3000  `web` also publishes port 3100
             set `API_PORT_3000` to another port in `.env`
    ");
}
