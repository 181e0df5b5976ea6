//! Each finding and its verdict, as the user sees it.

use std::time::Duration;

use super::*;
use crate::compose::overrides::AddedPort;
use crate::doctor::check::{
    Aspect, Checked, EnvKeysProbe, Group, HostService, PortProbe, Reach, RunningProbe, Server,
};
use crate::doctor::finding::{
    AccessSeen, AddressSeen, ClientSeen, Closed, ComposeSeen, ConfigSeen, DriftSeen, Endpoint,
    EngineSeen, EnvKeysSeen, FileSeen, Holder, InotifySeen, LfsSeen, ListenerSeen, PortSeen,
    ReachSeen, Reached, RootlessSeen, RunningSeen, WslSeen,
};
use crate::doctor::report::{Detail, Report};
use crate::running::Condition;
use crate::sync::{Changes, CloneState, Head, Link, Place, Remote, RepoState, Target};
use crate::workspace::{Checkout, Protocol, Repo};

const GIB: u64 = 1 << 30;

fn setting() -> Setting {
    Setting {
        system: System {
            has_systemd: true,
            programs: vec!["dockerd".to_owned()],
            ..System::new("linux", "ID=ubuntu\n", "")
        },
        workspace: "..".to_owned(),
    }
}

/// The lines of the report for each finding, in the order of the table.
fn shown(group: Group, cases: Vec<(Probe, Result<Finding, Fault>)>) -> String {
    let lines = cases
        .into_iter()
        .enumerate()
        .map(|(number, (probe, found))| {
            let check = Check {
                id: format!("{}.{}", group.name(), number + 1),
                group,
                subject: String::new(),
                needs: Vec::new(),
                probe,
            };
            let outcome = judge(&check, found, &setting());
            let report = Report {
                workspace: None,
                checked: vec![Checked { check, outcome }],
            };
            let text = crate::ui::style::plain(&report.text(Detail::Full));
            text.split("\n\n").next().unwrap_or_default().to_owned()
        });
    lines.collect::<Vec<_>>().join("\n")
}

const SOCKET: &str = "unix:///var/run/docker.sock";

/// What can be seen of the tools of a machine.
fn tool_findings() -> Vec<Finding> {
    let at = |address: &str| Endpoint {
        address: address.to_owned(),
        ..Endpoint::default()
    };
    let docker_host = |address: &str| Endpoint {
        is_docker_host: true,
        ..at(address)
    };
    let context = |name: &str, address: &str| Endpoint {
        context: Some(name.to_owned()),
        ..at(address)
    };
    let text = |text: &str| text.to_owned();
    let wsl = |is_version_1, is_on_windows| {
        Finding::Wsl(Some(WslSeen {
            is_version_1,
            is_on_windows,
        }))
    };
    let rootless = |is_rootless, driver: &str| {
        Finding::Rootless(RootlessSeen {
            is_rootless,
            cgroup_driver: text(driver),
        })
    };
    let lfs = |version: Option<&str>, users: &[&str], pointers: &[&str]| {
        Finding::GitLfs(LfsSeen {
            version: version.map(text),
            users: users.iter().copied().map(text).collect(),
            pointers: pointers.iter().copied().map(text).collect(),
        })
    };
    let memory = |total, available| Finding::Memory { total, available };
    vec![
        Finding::Git(None),
        Finding::Git(Some(text("2.17.1"))),
        Finding::Git(Some(text("2.47.3"))),
        Finding::DockerClient(ClientSeen::Missing),
        Finding::DockerClient(ClientSeen::Docker(text("28.2.2"))),
        Finding::DockerClient(ClientSeen::Podman(text("4.9.3"))),
        Finding::Engine(EngineSeen::Running {
            version: text("28.2.2"),
            system: text("Docker Desktop"),
            is_rootless: false,
        }),
        Finding::Engine(EngineSeen::NotRunning(at(SOCKET))),
        Finding::Engine(EngineSeen::NotRunning(context(
            "colima",
            "unix:///home/ann/.colima/docker.sock",
        ))),
        Finding::Engine(EngineSeen::PermissionDenied(at(SOCKET))),
        Finding::Engine(EngineSeen::Unreachable(
            docker_host("tcp://10.9.9.9:2375"),
            text(
                "error during connect: Get \"http://10.9.9.9:2375/info\": dial tcp 10.9.9.9:2375: i/o timeout",
            ),
        )),
        Finding::Engine(EngineSeen::Unreachable(
            context("box", "ssh://ann@box"),
            text("error during connect: ssh: no such host"),
        )),
        Finding::Engine(EngineSeen::TimedOut(at(SOCKET))),
        Finding::Engine(EngineSeen::Other(text("client version 1.22 is too old"))),
        Finding::Compose(ComposeSeen::Missing),
        Finding::Compose(ComposeSeen::Standalone(text("1.29.2"))),
        Finding::Compose(ComposeSeen::Standalone(text("2.12.0"))),
        Finding::Compose(ComposeSeen::Standalone(text("2.40.3"))),
        Finding::Compose(ComposeSeen::Plugin(text("2.24.3"))),
        Finding::Compose(ComposeSeen::Plugin(text("2.24.4"))),
        Finding::Compose(ComposeSeen::Plugin(text("2.40.3-desktop.1"))),
        Finding::Compose(ComposeSeen::Plugin(text("5.0.0"))),
        Finding::Compose(ComposeSeen::Plugin(text("dev"))),
        Finding::Buildx(None),
        Finding::Buildx(Some(text("0.29.1"))),
        Finding::Disk(GIB / 8),
        Finding::Disk(2 * GIB),
        Finding::Disk(60 * GIB),
        Finding::Inotify(None),
        Finding::Inotify(Some(InotifySeen {
            watches: 8192,
            instances: 128,
        })),
        Finding::Inotify(Some(InotifySeen {
            watches: 524_288,
            instances: 128,
        })),
        Finding::Wsl(None),
        wsl(true, false),
        wsl(false, true),
        wsl(false, false),
        rootless(false, "systemd"),
        rootless(true, "none"),
        rootless(true, "systemd"),
        lfs(None, &[], &[]),
        lfs(None, &["api"], &["api"]),
        lfs(Some("3.6.1"), &["api", "web"], &["web"]),
        lfs(Some("3.6.1"), &["api"], &[]),
        memory(GIB, None),
        memory(16 * GIB, Some(9 * GIB)),
    ]
}

#[test]
fn tools() {
    let text = |text: &str| text.to_owned();
    let mut cases: Vec<_> = tool_findings()
        .into_iter()
        .map(|finding| (Probe::Engine, Ok(finding)))
        .collect();
    for fault in [
        Fault::Crashed(text("index out of bounds")),
        Fault::TimedOut(Duration::from_secs(5)),
        Fault::Blocked(text("permission denied")),
    ] {
        cases.push((Probe::Engine, Err(fault)));
    }
    insta::assert_snapshot!(shown(Group::Tools, cases));
}

fn clone(head: &str, ahead: usize, behind: usize) -> CloneState {
    CloneState {
        remote: "origin".to_owned(),
        head: Head::Branch(head.to_owned()),
        operation: None,
        half_moved: false,
        changes: Changes::default(),
        has_filters: false,
        only_git: false,
        not_cloned: 0,
        stashes: 0,
        target: Target::Branch {
            name: "main".to_owned(),
            ahead,
            own: ahead,
            behind,
        },
        published: true,
        kept: true,
        obstacle: None,
        basis: crate::sync::Basis::default(),
    }
}

#[test]
fn repos() {
    let repo = |local_path: Option<&str>| Repo {
        name: "api".to_owned(),
        url: "git@git.example:acme/api.git".to_owned(),
        path: "api".to_owned(),
        local_path: local_path.map(str::to_owned),
        checkout: Checkout::Branch("main".to_owned()),
        depth: None,
        submodules: false,
        skip: false,
    };
    let at = |place: Place, link: Link| RepoState { place, link };
    let cloned = |clone| at(Place::Clone(Box::new(clone)), Link::NotWanted);
    let dirty = CloneState {
        changes: Changes {
            unstaged: 2,
            ..Changes::default()
        },
        ..clone("main", 0, 3)
    };
    let rebasing = CloneState {
        operation: Some("rebase"),
        ..clone("main", 0, 0)
    };
    let half_moved = CloneState {
        half_moved: true,
        ..clone("main", 0, 2)
    };
    let unknown = CloneState {
        target: Target::Unknown("main".to_owned()),
        ..clone("main", 0, 0)
    };
    let other = Place::OtherRemote(Some(Remote {
        name: "origin".to_owned(),
        url: "https://git.example/other".to_owned(),
    }));
    let (cloned_aspect, remote, branch) = (Aspect::Cloned, Aspect::Remote, Aspect::Branch);
    let cases = [
        (None, cloned_aspect, at(Place::Missing, Link::NotWanted)),
        (
            None,
            cloned_aspect,
            at(Place::Occupied("a file".to_owned()), Link::NotWanted),
        ),
        (
            None,
            cloned_aspect,
            at(Place::Unreadable("bad index".to_owned()), Link::NotWanted),
        ),
        (None, cloned_aspect, at(other.clone(), Link::NotWanted)),
        (
            Some("../api"),
            cloned_aspect,
            at(Place::Clone(Box::new(clone("main", 0, 0))), Link::Missing),
        ),
        (
            Some("../api"),
            cloned_aspect,
            at(
                Place::Clone(Box::new(clone("main", 0, 0))),
                Link::Blocked("a folder".to_owned()),
            ),
        ),
        (None, remote, at(other, Link::NotWanted)),
        (None, remote, at(Place::OtherRemote(None), Link::NotWanted)),
        (None, remote, cloned(clone("main", 0, 0))),
        (None, branch, cloned(clone("main", 0, 0))),
        (None, branch, cloned(clone("main", 0, 2))),
        (None, branch, cloned(clone("topic", 1, 0))),
        (None, branch, cloned(clone("main", 1, 0))),
        (None, branch, cloned(clone("main", 1, 2))),
        (None, branch, cloned(dirty)),
        (None, branch, cloned(rebasing)),
        (None, branch, cloned(half_moved)),
        (None, branch, cloned(unknown)),
    ];
    let cases = cases.into_iter().map(|(local_path, aspect, state)| {
        let probe = Probe::Repo(Box::new(repo(local_path)), aspect);
        (probe, Ok(Finding::Repo(Box::new(state))))
    });
    insta::assert_snapshot!(shown(Group::Repos, cases.collect()));
}

#[test]
fn files_and_variables() {
    let file = |path: &str, seen| (Probe::File(path.to_owned()), Ok(Finding::File(seen)));
    let tracked = |is_tracked| {
        (
            Probe::Tracked(".env".to_owned()),
            Ok(Finding::Tracked(is_tracked)),
        )
    };
    let variable = |origin| {
        (
            Probe::Variable("KEY".to_owned()),
            Ok(Finding::Variable(origin)),
        )
    };
    insta::assert_snapshot!(shown(
        Group::Files,
        vec![
            file("api/Dockerfile.dev", FileSeen::Present),
            file("api/Dockerfile.dev", FileSeen::Missing),
            file("api/Dockerfile.dev", FileSeen::NotAFile),
            file("docker-compose.yml", FileSeen::Missing),
            tracked(false),
            tracked(true),
            variable(None),
            variable(Some(Origin::Shell)),
            variable(Some(Origin::EnvFile)),
        ]
    ));
}

#[test]
fn servers() {
    let closed = |transport: &str, why, reason: &str, command: Option<&str>| {
        let server = Server {
            host: "git.example:8443".to_owned(),
            transport: transport.to_owned(),
            repo: "api".to_owned(),
            url: String::new(),
        };
        let seen = AccessSeen::Closed {
            why,
            reason: reason.to_owned(),
            command: command.map(str::to_owned),
        };
        (Probe::Access(Box::new(server)), Ok(Finding::Access(seen)))
    };
    let (ls, ssh) = (Some("git ls-remote URL"), Some("ssh -T git@git.example"));
    let open = {
        let (probe, _) = closed("https", Closed::Other, "", None);
        (probe, Ok(Finding::Access(AccessSeen::Open)))
    };
    let in_the_clear = {
        let (probe, _) = closed("http", Closed::Other, "", None);
        (probe, Ok(Finding::Access(AccessSeen::InTheClear)))
    };
    insta::assert_snapshot!(shown(
        Group::Access,
        vec![
            open,
            closed("https", Closed::Login, "it refuses the login", ls),
            closed(
                "ssh",
                Closed::Login,
                "it accepts none of your ssh keys",
                ssh
            ),
            in_the_clear,
            closed("ssh", Closed::HostKey, "its ssh key is not known here", ssh),
            closed(
                "ssh",
                Closed::HostKeyChanged,
                "its ssh key is another one",
                ssh
            ),
            closed("https", Closed::NoAccess, "it has no such repository", ls),
            closed(
                "https",
                Closed::Unreachable,
                "it does not answer in time",
                ls
            ),
            closed("https", Closed::Other, "its certificate is not trusted", ls),
        ]
    ));
}

#[test]
fn env_files_and_containers() {
    let keys = |seen| {
        let probe = EnvKeysProbe {
            file: "api/.env".to_owned(),
            example: "api/.env.example".to_owned(),
            given: Vec::new(),
        };
        (Probe::EnvKeys(probe), Ok(Finding::EnvKeys(seen)))
    };
    let running = |condition, state: &str, health: Option<&str>| {
        let probe = RunningProbe {
            service: "api".to_owned(),
            made_up: Vec::new(),
        };
        let seen = RunningSeen {
            condition,
            state: state.to_owned(),
            health: health.map(str::to_owned),
        };
        (Probe::Running(probe), Ok(Finding::Running(seen)))
    };
    let extra = |clones: &[(&str, Option<&str>)]| {
        let clones = clones.iter();
        let clones = clones.map(|(path, url)| ((*path).to_owned(), url.map(str::to_owned)));
        (Probe::Extra, Ok(Finding::Extra(clones.collect())))
    };
    insta::assert_snapshot!(shown(
        Group::Running,
        vec![
            keys(EnvKeysSeen::NoExample),
            keys(EnvKeysSeen::Missing),
            keys(EnvKeysSeen::Lacks(Vec::new())),
            keys(EnvKeysSeen::Lacks(vec!["A".to_owned(), "B".to_owned()])),
            running(Condition::Ready, "running, healthy", None),
            running(Condition::Done, "exited (0)", None),
            running(Condition::Starting, "running, starting", None),
            running(Condition::Stopped, "not started", None),
            running(Condition::Broken, "running, unhealthy", Some("nc: refused")),
            running(Condition::Broken, "exited (1)", None),
            extra(&[]),
            extra(&[("old", Some("https://git.example/old")), ("mine", None)]),
        ]
    ));
}

#[test]
fn compose_file() {
    let drift = |seen| (Probe::Drift, Ok(Finding::Drift(seen)));
    let config = |is_valid, messages: &[&str]| {
        let seen = ConfigSeen {
            is_valid,
            messages: messages.iter().map(ToString::to_string).collect(),
        };
        (
            Probe::ComposeConfig(Vec::new()),
            Ok(Finding::ComposeConfig(seen)),
        )
    };
    let added = |ports: &[(u16, usize)]| {
        let ports = ports.iter().map(|(target, line)| AddedPort {
            service: "api".to_owned(),
            target: *target,
            line: *line,
        });
        let workspace = crate::doctor::catalogue::tests::parse("");
        (
            Probe::Override(Box::new(workspace)),
            Ok(Finding::Override(Ok(ports.collect()))),
        )
    };
    let outdated = |parts: &[&str]| {
        drift(DriftSeen::Outdated(
            parts.iter().map(ToString::to_string).collect(),
        ))
    };
    insta::assert_snapshot!(shown(
        Group::Compose,
        vec![
            drift(DriftSeen::Same),
            drift(DriftSeen::Missing),
            outdated(&[]),
            outdated(&["services.api"]),
            outdated(&["services.api", ".gitignore"]),
            drift(DriftSeen::EditedByHand),
            drift(DriftSeen::Foreign),
            (Probe::EnvBlock, Ok(Finding::EnvBlock(true))),
            (Probe::EnvBlock, Ok(Finding::EnvBlock(false))),
            config(true, &[]),
            config(
                true,
                &["The \"A\" variable is not set. Defaulting to a blank string."]
            ),
            added(&[]),
            added(&[(3000, 4), (9229, 4)]),
            config(
                false,
                &["services.api Additional property x is not allowed"]
            ),
        ]
    ));
}

#[test]
fn ports() {
    let probe = |address: &str, set_in_shell| {
        Probe::Port(PortProbe {
            service: "api".to_owned(),
            address: address.to_owned(),
            published: 3100,
            protocol: Protocol::Tcp,
            variable: "API_PORT_3000".to_owned(),
            set_in_shell,
            avoid: Vec::new(),
        })
    };
    let local = |seen| (probe("127.0.0.1", false), Ok(Finding::Port(seen)));
    let taken = |holder, next_free| PortSeen::Taken { holder, next_free };
    let process = || {
        Some(Holder::Process {
            pid: 4242,
            program: "node".to_owned(),
            command: "node server.js".to_owned(),
        })
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
    let known = |finding: Finding| (Probe::Known(Box::new(finding.clone())), Ok(finding));
    let value = |origin| Finding::PortValue {
        variable: "API_PORT_3000".to_owned(),
        value: "http".to_owned(),
        origin,
    };
    insta::assert_snapshot!(shown(
        Group::Ports,
        vec![
            local(PortSeen::Free),
            local(PortSeen::Own("vera-api-1".to_owned())),
            local(taken(process(), Some(3101))),
            local(taken(process(), None)),
            local(taken(container(Some("/home/ann/other")), Some(3101))),
            local(taken(workspace(true), Some(3101))),
            local(taken(workspace(false), None)),
            local(taken(container(None), Some(3101))),
            local(taken(None, Some(3101))),
            (
                probe("::1", true),
                Ok(Finding::Port(taken(process(), Some(3101)))),
            ),
            local(PortSeen::NoSuchAddress),
            local(PortSeen::Elsewhere("tcp://10.0.0.7:2376".to_owned())),
            known(Finding::PortChosen),
            known(value(Origin::Shell)),
            known(value(Origin::EnvFile)),
            known(Finding::PortClash {
                published: 3100,
                with: "web".to_owned(),
                variable: "API_PORT_3000".to_owned(),
            }),
        ]
    ));
}

#[test]
fn services_on_this_machine() {
    let service = HostService {
        name: "db".to_owned(),
        preset: "postgres".to_owned(),
        address: "172.17.0.1".to_owned(),
        port: 5432,
    };
    let reach = Reach {
        address: "172.17.0.1".to_owned(),
        gateway: "host-gateway".to_owned(),
        services: vec![service.clone()],
        made_up: Vec::new(),
    };
    let seen = |word: Reached, port: Reached, better: Option<&str>| {
        AddressSeen::Probed(ReachSeen {
            word,
            ports: vec![port],
            better: better.map(str::to_owned),
            subnet: Some("172.18.0.0/16".to_owned()),
            subnet_is_temporary: false,
        })
    };
    let on =
        |addresses: &[&str]| ListenerSeen::On(addresses.iter().map(ToString::to_string).collect());
    let (open, refused, silent) = (Reached::Open, Reached::Refused, Reached::TimedOut);
    let listener = |seen| {
        let probe = Probe::HostListener(service.clone());
        (probe, Ok(Finding::HostListener(seen)))
    };
    let address = |seen| {
        let probe = Probe::HostAddress(Box::new(reach.clone()));
        (probe, Ok(Finding::HostAddress(seen)))
    };
    let port = |port: &Reached, listener| {
        let probe = Probe::HostReach(Box::new(reach.clone()), service.clone());
        let seen = seen(Reached::Open, port.clone(), None);
        (probe, Ok(Finding::HostReach(seen, listener)))
    };
    let everywhere = || on(&["0.0.0.0", "::"]);
    let rootless = || {
        let mut reach = reach.clone();
        reach.address = "10.0.2.2".to_owned();
        let seen = seen(Reached::Refused, Reached::Refused, None);
        let probe = Probe::HostAddress(Box::new(reach));
        (probe, Ok(Finding::HostAddress(seen)))
    };
    let cases = vec![
        rootless(),
        listener(everywhere()),
        listener(ListenerSeen::Elsewhere),
        listener(ListenerSeen::OnWindows("172.27.128.1".to_owned())),
        listener(ListenerSeen::Nothing),
        address(seen(open.clone(), open.clone(), None)),
        address(seen(silent.clone(), open.clone(), None)),
        address(seen(silent.clone(), silent.clone(), None)),
        address(seen(refused.clone(), refused.clone(), Some("10.0.2.1"))),
        address(seen(refused.clone(), refused.clone(), None)),
        address(seen(Reached::NoRoute, Reached::NoRoute, None)),
        address(seen(Reached::NoName, Reached::NoName, None)),
        address(seen(Reached::Other("odd".to_owned()), silent.clone(), None)),
        address(AddressSeen::NoImage),
        port(&open, everywhere()),
        port(&refused, on(&["127.0.0.1", "::1"])),
        port(&refused, everywhere()),
        port(&refused, on(&["192.168.1.5"])),
        port(&refused, ListenerSeen::Elsewhere),
        port(&silent, everywhere()),
        port(&Reached::NoRoute, everywhere()),
    ];
    insta::assert_snapshot!(shown(Group::Host, cases));
}
