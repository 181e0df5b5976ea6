//! Holds the rules of the house that no compiler knows (ARCHITECTURE.md, "Invariants").

mod modules;

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the crate: its path below `src`, and its text without tests and comments.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 20, "looked in the wrong place");
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
            Source {
                code: if is_test { String::new() } else { code(&text) },
                path,
                text,
            }
        })
        .collect()
}

/// What a file does: without its comments, and without its tests, which stand at its end.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    let lines = before_tests.lines().map(|line| match line.find("//") {
        // A `//` in a string is an address, not a comment.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether it is the file of a module, or one below it.
fn is_of(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix(module);
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether `name` stands in `code` as a word of its own.
fn names(code: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(name).any(|(at, _)| {
        !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word)
    })
}

/// The modules that take data and give data.
const PURE: &[&str] = &[
    "manifest",
    "workspace",
    "compose",
    "dotenv",
    "copies",
    "draft",
    "plural",
    "stack",
    "sync",
    "dockerfile",
    "doctor",
    "running",
    "runtime",
    "shell",
    "markup",
];

/// Where doctor looks at the machine.
const MACHINE: [&str; 2] = ["doctor/machine.rs", "doctor/machine/"];

fn is_pure(path: &str) -> bool {
    let is_machine = MACHINE.iter().any(|machine| path.starts_with(machine));
    !is_machine && PURE.iter().any(|pure| is_of(path, pure))
}

/// Names that touch the world. `use std::{fs, …}` is written out by rustfmt as one of the two.
const WORLD: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "git2",
    "gix",
    "rustix",
    "indicatif",
    "dialoguer",
    "anstream",
];

fn complaints(complain: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let found = sources().into_iter().flat_map(|source| {
        let complaints = complain(&source);
        complaints
            .into_iter()
            .map(move |complaint| format!("src/{}: {complaint}", source.path))
    });
    found.collect()
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn pure_modules_do_not_touch_the_world() {
    assert_none(&complaints(|source| {
        if !is_pure(&source.path) {
            return Vec::new();
        }
        let mut named: Vec<String> = WORLD
            .iter()
            .filter(|name| names(&source.code, name))
            .map(|name| format!("is pure and names `{name}`"))
            .collect();
        for line in source
            .code
            .lines()
            .filter(|line| line.trim_start().starts_with("use std::{"))
        {
            for module in ["fs", "process", "env", "net"] {
                if names(line, module) {
                    named.push(format!("is pure and names `std::{module}`"));
                }
            }
        }
        named
    }));
}

#[test]
fn pure_modules_import_no_module_that_executes() {
    assert_none(&complaints(|source| {
        if !is_pure(&source.path) {
            return Vec::new();
        }
        [
            "crate::git",
            "crate::docker",
            "crate::host",
            "crate::ops",
            "crate::ui",
            "crate::commands",
            "crate::cli",
        ]
        .iter()
        .filter(|name| names(&source.code, name))
        .map(|name| format!("is pure and imports `{name}`"))
        .collect()
    }));
}

/// What stands after `machine::` in code: a name, or several in braces.
fn of_machine(code: &str) -> Vec<&str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let uses = code.split("machine::").skip(1);
    uses.flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(','),
        None => rest
            .split(|c| !is_part(c))
            .next()
            .unwrap_or(rest)
            .split(','),
    })
    .map(str::trim)
    .filter(|name| !name.is_empty())
    .collect()
}

/// They are pure, so what is left is a function of `doctor::machine` that needs no `Machine`.
#[test]
fn checks_touch_the_world_through_machine_alone() {
    let mut looks = 0;
    assert_none(&complaints(|source| {
        if !source.path.starts_with("doctor/checks") {
            return Vec::new();
        }
        let names = of_machine(&source.code).into_iter();
        names
            .filter(|name| !name.starts_with(char::is_uppercase))
            .map(|name| format!("takes `machine::{name}`; a check looks by methods of `Machine`"))
            .collect()
    }));
    for source in sources() {
        if source.path.starts_with("doctor/checks") {
            assert!(is_pure(&source.path), "src/{}", source.path);
            looks += source.code.matches("machine: &Machine) -> Result<").count();
        }
    }
    assert!(looks > 30, "looked in the wrong place");
}

#[test]
fn operations_know_no_command_line() {
    assert_none(&complaints(|source| {
        if !is_of(&source.path, "ops") {
            return Vec::new();
        }
        ["clap", "crate::commands", "crate::cli"]
            .iter()
            .filter(|name| names(&source.code, name))
            .map(|name| format!("is an operation and names `{name}`"))
            .collect()
    }));
}

/// Tables that several commands show are in `ui`.
#[test]
fn operations_print_no_results() {
    assert_none(&complaints(|source| {
        if !is_of(&source.path, "ops") {
            return Vec::new();
        }
        ["ui.data(", "ui.json(", "ui.file("]
            .iter()
            .filter(|call| source.code.contains(*call))
            .map(|call| format!("calls `{call}…)`; a command prints what it returns"))
            .collect()
    }));
}

#[test]
fn commands_start_no_process() {
    assert_none(&complaints(|source| {
        if !is_of(&source.path, "commands") {
            return Vec::new();
        }
        ["std::process", "Command::new", "std::net"]
            .iter()
            .filter(|name| source.code.contains(*name))
            .map(|name| format!("is a command and has `{name}`; an operation of `ops` does it"))
            .collect()
    }));
}

#[test]
fn only_git_names_the_git_crates() {
    assert_none(&complaints(|source| {
        ["git2", "gix"]
            .iter()
            .filter(|name| !is_of(&source.path, "git") && names(&source.code, name))
            .map(|name| format!("names `{name}`; only src/git does"))
            .collect()
    }));
}

#[test]
fn only_docker_runs_docker() {
    assert_none(&complaints(|source| {
        [
            "Command::new(\"docker\")",
            "Command::new(\"docker-compose\")",
        ]
        .iter()
        .filter(|call| !is_of(&source.path, "docker") && source.code.contains(*call))
        .map(|_| "runs docker; only src/docker does".to_owned())
        .collect()
    }));
}

/// It says which files, project and env file are meant; any other call would take the shell's.
#[test]
fn one_place_calls_compose() {
    let calls = ["\"compose\"", "\"docker-compose\""];
    let place = "docker/compose.rs";
    assert_none(&complaints(|source| {
        let may_run_docker = is_of(&source.path, "docker") && source.path != place;
        calls
            .iter()
            .filter(|call| may_run_docker && source.code.contains(*call))
            .map(|call| format!("names {call}; only {place} does"))
            .collect()
    }));
    let all = sources();
    let source = all.iter().find(|source| source.path == place).unwrap();
    for call in [".arg(\"compose\")", "[\"compose\", \"version\""] {
        assert_eq!(source.code.matches(call).count(), 1, "{call}");
    }
    assert_eq!(source.code.matches("\"compose\"").count(), 2);
}

/// So that the log has every program: see `host::process::Traced`.
#[test]
fn only_one_module_starts_programs() {
    assert_none(&complaints(|source| {
        if source.path.starts_with("host/process") {
            return Vec::new();
        }
        let makes_commands = ["Command", "git()", "quiet(", "in_clone("]
            .iter()
            .any(|way| source.code.contains(way));
        let calls = [".spawn()", ".output()", ".status()", ".exec()"];
        let called = calls.iter().filter(|call| source.code.contains(*call));
        called
            .filter(|_| makes_commands)
            .filter(|call| match **call {
                // Of a file, by libgit2.
                ".status()" => !names(&source.code, "git2"),
                // This process, before there is a log; and Compose, whose `exec` logs.
                ".exec()" => !["host/surroundings.rs", "ops/project.rs"].contains(&&*source.path),
                _ => true,
            })
            .map(|call| format!("calls `{call}`; use `host::process`"))
            .collect()
    }));
}

#[test]
fn only_ui_names_the_terminal() {
    let crates = ["anstream", "anstyle", "dialoguer", "indicatif"];
    let calls = ["print!(", "println!(", "stdout().lock", "stderr().lock"];
    assert_none(&complaints(|source| {
        if is_of(&source.path, "ui") {
            return Vec::new();
        }
        let named = crates.iter().filter(|name| names(&source.code, name));
        let called = calls.iter().filter(|call| source.code.contains(*call));
        named
            .chain(called)
            .map(|way| {
                format!("has `{way}`; only src/ui prints, so that all passes `markup::shown`")
            })
            .collect()
    }));
}

/// A path may begin with `-`, hold what a terminal obeys, and be no UTF-8.
#[test]
fn paths_in_commands_are_quoted_as_paths() {
    assert_none(&complaints(|source| {
        let calls = source.code.split("shell::word(").skip(1);
        calls
            .filter_map(|rest| rest.split(')').next())
            .filter(|of| {
                ["path", "folder", "file"]
                    .iter()
                    .any(|name| of.contains(name))
            })
            .filter(|_| !RUN_BY_SH.contains(&source.path.as_str()))
            .map(|of| format!("calls `shell::word({of})`; `shell::path` is for paths"))
            .collect()
    }));
}

/// What they quote is run, and not printed.
const RUN_BY_SH: &[&str] = &["git/network/logins/lent.rs", "git/network/ssh.rs"];

#[test]
fn all_that_ui_prints_passes_one_place() {
    let prints = [
        "anstream::stdout()",
        "anstream::stderr()",
        "io::stdout().lock()",
    ];
    for source in sources() {
        let writes: usize = prints
            .iter()
            .map(|call| source.code.matches(call).count())
            .sum();
        // Lines for people, JSON, files and a command's own output; and all of stderr.
        let expected = if source.path == "ui.rs" { 5 } else { 0 };
        assert_eq!(writes, expected, "src/{}", source.path);
    }
}

/// Read what git or fitout itself wrote, or what only this user can write.
const READ_THEIR_OWN: &[&str] = &[
    "git/cache.rs",
    "git/cache/whole.rs",
    "git/filter.rs",
    "git/local/copy.rs",
    "git/local/template.rs",
    "git/local/transaction/index.rs",
    "git/local/transaction/staging.rs",
    "git/network/http/agent.rs",
    "git/network/logins.rs",
    "git/network/ssh.rs",
    "git/network/watchdog.rs",
];

#[test]
fn files_of_others_are_read_up_to_a_limit() {
    assert_none(&complaints(|source| {
        if is_of(&source.path, "host") || READ_THEIR_OWN.contains(&source.path.as_str()) {
            return Vec::new();
        }
        ["fs::read(", "read_to_string(", "File::open("]
            .iter()
            .filter(|call| source.code.contains(*call))
            .map(|call| format!("calls `{call}…)`; `host::files` reads"))
            .collect()
    }));
}

#[test]
fn files_of_a_workspace_are_written_within_it() {
    assert_none(&complaints(|source| {
        // Folders of the user's own, such as the cache, are no workspace.
        if is_of(&source.path, "host") || source.path == "git/sizes.rs" {
            return Vec::new();
        }
        ["files::write(", "disk::write("]
            .iter()
            .filter(|call| source.code.contains(*call))
            .map(|call| format!("calls `{call}…)`; a workspace needs `write_within`"))
            .collect()
    }));
}

#[test]
fn one_file_writes_yaml_and_one_reads_it() {
    for (library, file) in [
        ("serde_saphyr", "compose/text.rs"),
        ("granit_parser", "compose/yaml.rs"),
    ] {
        let files: Vec<String> = sources()
            .into_iter()
            .filter(|source| names(&source.code, library))
            .map(|source| source.path)
            .collect();
        assert_eq!(files, [file]);
    }
}

#[test]
fn every_file_opens_by_saying_what_it_owns() {
    assert_none(&complaints(|source| {
        if source.text.starts_with("//! ") {
            Vec::new()
        } else {
            vec!["does not open with `//! `".to_owned()]
        }
    }));
}

#[test]
fn a_module_is_a_file_of_its_own_name() {
    assert_none(&complaints(|source| {
        let folder = source.path.strip_suffix("/mod.rs");
        folder
            .map(|folder| format!("is called `src/{folder}.rs`, as all modules are"))
            .into_iter()
            .collect()
    }));
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    assert_none(&complaints(|source| {
        let name = Path::new(&source.path).file_stem().unwrap_or_default();
        ["utils", "util", "helpers", "helper", "common", "misc"]
            .iter()
            .filter(|drawer| name == **drawer)
            .map(|_| "name it after what it owns".to_owned())
            .collect()
    }));
}

#[test]
fn nothing_is_left_marked_as_unfinished() {
    assert_none(&complaints(|source| {
        // Put together here, or this file would complain about itself.
        let marks = [["SE", "AM:"], ["TO", "DO"], ["FIX", "ME"], ["todo", "!("]];
        marks
            .iter()
            .map(|parts| parts.concat())
            .filter(|mark| source.text.contains(mark.as_str()))
            .map(|mark| format!("has `{mark}`"))
            .collect()
    }));
}

#[test]
fn the_rules_see_what_they_look_for() {
    assert!(names("use git2::Repository;", "git2"));
    assert!(!names("let digit2 = 1;", "git2"));
    assert_eq!(
        of_machine("use a::machine::{Machine, variables};\nmachine::system()"),
        ["Machine", "variables", "system"]
    );
    assert_eq!(
        code("let a = 1; // gix\n#[cfg(test)]\nmod tests { git2 }\n"),
        "let a = 1; "
    );
    assert_eq!(code("let url = \"https://x\";"), "let url = \"https://x\";");
}
