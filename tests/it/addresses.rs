//! Addresses that others wrote, in whatever place: none of them runs a program of theirs on this machine.

use crate::context::{Ran, TestContext, exists};

/// A workspace with a file that is a configuration of ssh, and that runs a program when ssh reads it.
fn with_trap() -> TestContext {
    let context = TestContext::new();
    context.write_program(
        "ws/trap",
        &format!("#!/bin/sh\necho >> '{}'\n", context.path("ran").display()),
    );
    let config = "Host *\n ProxyCommand ./trap\n StrictHostKeyChecking yes\n";
    for name in ["x", "x host key verification failed", "x permission denied"] {
        context.write(&format!("ws/{name}"), config);
    }
    context
}

#[track_caller]
fn assert_nothing_ran(context: &TestContext, what: &str, ran: &Ran) {
    assert!(!exists(context.path("ran")), "{what}: {}", ran.shown());
    // Where the trap is not sprung for another reason, the test would hold nothing.
    assert!(!ran.shown().contains("panicked"), "{}", ran.shown());
}

const HOSTILE: &[&str] = &[
    "ssh://-Fx%20host%20key%20verification%20failed@host/acme/web",
    "ssh://-Fx%20permission%20denied@host/acme/web",
    "ssh://%2DFx@host/acme/web",
    "ssh://-oProxyCommand=.%2Ftrap/acme/web",
    "ssh://git@-oProxyCommand=.%2Ftrap/acme/web",
    "git+ssh://-Fx@host/acme/web",
    "-oProxyCommand=./trap:acme/web",
    "git@-oProxyCommand=trap:acme/web",
    "[-Fx@host:22]:acme/web",
    "host:--upload-pack=./trap",
    "ext::./trap",
    "ext::sh -c ./trap",
    "git://-oProxyCommand=trap/acme/web",
    "ssh://$(.%2Ftrap)@host/acme/web",
    "https://host/acme/\\u001b[2Jweb",
];

#[test]
fn the_trap_works() {
    let context = with_trap();
    let sprung = context.command("ssh").args(["-Fx", "host"]).output();
    sprung.unwrap();
    assert!(exists(context.path("ran")));
}

#[test]
fn a_hostile_address_of_the_manifest_is_refused_with_its_line_by_every_command() {
    for url in HOSTILE {
        let context = with_trap();
        context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
        for arguments in [
            &["sync"][..],
            &["sync", "--set-url"],
            &["doctor"],
            &["status"],
            &["lock"],
            &["generate"],
            &["copy", "../other"],
        ] {
            let ran = context.fitout(arguments);
            assert_nothing_ran(&context, &format!("{url} {arguments:?}"), &ran);
            assert_eq!(ran.code, Some(2), "{url} {arguments:?}: {}", ran.shown());
            ran.assert_says("workspace.toml:2:7");
            assert!(!ran.shown().contains('\u{1b}'), "{}", ran.shown());
        }
    }
}

#[test]
fn a_hostile_address_is_refused_in_the_personal_file_in_base_url_and_on_the_command_line() {
    for url in HOSTILE {
        let context = with_trap();
        context.manifest(&format!("[git]\nbase_url = \"{url}\"\n[repos.web]\n"));
        let ran = context.fitout(&["sync"]);
        assert_nothing_ran(&context, url, &ran);
        assert_eq!(ran.code, Some(2), "{url}: {}", ran.shown());

        context.manifest("[repos.web]\nurl = \"git@host:acme/other\"\n");
        context.write(
            "ws/workspace.local.toml",
            &format!("[repos.web]\nurl = \"{url}\"\n"),
        );
        let ran = context.fitout(&["sync"]);
        assert_nothing_ran(&context, url, &ran);
        assert_eq!(ran.code, Some(2), "{url}: {}", ran.shown());
        ran.assert_says("workspace.local.toml:2:7");

        std::fs::remove_file(context.ws("workspace.local.toml")).unwrap();
        let given = url.replace("\\u001b", "\u{1b}");
        let added = context.fitout(&["add", "--", &given]);
        std::fs::remove_file(context.ws("workspace.toml")).unwrap();
        let begun = context.fitout(&["init", &format!("--repo={given}")]);
        for ran in [added, begun] {
            assert_nothing_ran(&context, url, &ran);
            assert_eq!(ran.code, Some(2), "{url}: {}", ran.shown());
        }
    }
}

#[test]
fn what_the_users_own_rewriting_makes_of_an_address_is_looked_at_as_well() {
    for backend in ["built-in", "cli"] {
        for (base, rest) in [
            ("ssh://", "-Fx@host/acme/web"),
            ("ssh://", "%2DFx@host/acme/web"),
            ("ssh://git@", "-oProxyCommand=.%2Ftrap/acme/web"),
            ("git@", "-oProxyCommand=trap:acme/web"),
        ] {
            let context = with_trap();
            let key = format!("url.{base}.insteadOf");
            context.git(".", &["config", "--global", &key, "work:h"]);
            context.manifest(&format!("[repos.web]\nurl = \"work:h{rest}\"\n"));
            let personal = format!("[git]\nbackend = \"{backend}\"\n");
            context.write("ws/workspace.local.toml", &personal);
            for command in ["sync", "doctor"] {
                let ran = context.fitout(&[command]);
                assert_nothing_ran(&context, &format!("{backend} {base}{rest}"), &ran);
                assert_eq!(ran.code, Some(1), "{}", ran.shown());
                if backend == "built-in" {
                    assert!(ran.stdout.contains("its address has"), "{}", ran.shown());
                }
            }
        }
    }
}

#[test]
fn a_scheme_that_nothing_is_known_for_is_named_and_git_is_not_asked() {
    let context = with_trap();
    context.manifest("[repos.web]\nurl = \"trap://acme/web\"\n");
    context.write_program(
        "bin/git-remote-trap",
        &format!("#!/bin/sh\necho >> '{}'\n", context.path("ran").display()),
    );
    let path = std::env::var("PATH").unwrap();
    let mut sync = context.fitout_command(&["sync"]);
    sync.env("PATH", format!("{}:{path}", context.path("bin").display()));
    let ran = context.ran(&sync.output().unwrap());
    assert_nothing_ran(&context, "trap://", &ran);
    let words = "its address has a scheme other than file, git, http, https and ssh";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
}

#[test]
fn a_hostile_address_of_a_clone_is_not_followed() {
    for backend in ["built-in", "cli"] {
        for url in [
            "ssh://-Fx@host/acme/web",
            "ssh://%2DFx@host/acme/web",
            "ssh://-Fx%20host%20key%20verification%20failed@host/acme/web",
            "-Fx@host:acme/web",
            "ext::./trap",
        ] {
            let context = with_trap();
            context.remote("web");
            context.git("ws", &["clone", "--quiet", "../remotes/web.git", "web"]);
            context.git("ws/web", &["config", "remote.origin.url", url]);
            context.manifest("[repos.web]\nurl = \"git@host:acme/web\"\n");
            let personal = format!("[git]\nbackend = \"{backend}\"\n");
            context.write("ws/workspace.local.toml", &personal);
            for arguments in [&["sync"][..], &["lock"], &["status"], &["copy", "../other"]] {
                let ran = context.fitout(arguments);
                assert_nothing_ran(&context, &format!("{backend} {url} {arguments:?}"), &ran);
            }
            std::fs::remove_file(context.ws("workspace.toml")).unwrap();
            std::fs::remove_file(context.ws("workspace.local.toml")).unwrap();
            for arguments in [&["init"][..], &["sync"], &["doctor"]] {
                let ran = context.fitout(arguments);
                assert_nothing_ran(&context, &format!("{backend} {url} {arguments:?}"), &ran);
            }
        }
    }
}

#[test]
fn a_hostile_address_of_a_submodule_is_not_followed() {
    for url in [
        "ssh://-Fx@host/acme/lib",
        "ssh://%2DFx@host/acme/lib",
        "-Fx@host:acme/lib",
        "ext::./trap",
        "git@-oProxyCommand=trap:acme/lib",
    ] {
        let context = with_trap();
        context.remote("web");
        context.remote("lib");
        let lib = context.path("remotes/lib.git").display().to_string();
        let add = [
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
        ];
        context.git("work-web", &[&add[..], &[&lib, "lib"]].concat());
        let text = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}\n");
        context.push("web", ".gitmodules", &text);
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\nsubmodules = true\n");
        let ran = context.fitout(&["sync"]);
        assert_nothing_ran(&context, url, &ran);
        assert_eq!(ran.code, Some(1), "{url}: {}", ran.shown());
    }
}
