//! What `fitout copies remove` finds of the user's, whatever git was told not to look at.

use super::*;

/// A company whose `web` has the submodule `lib`, which has `deep`; git looks at no change in `lib`.
fn with_submodules() -> Company {
    let company = Company::new();
    company
        .0
        .write("home/.gitconfig", "[protocol \"file\"]\nallow = always\n");
    company.0.remote("base");
    for (outer, inner, name) in [("api", "base", "deep"), ("web", "api", "lib")] {
        let remote = format!("remotes/{inner}.git");
        let remote = company.0.path(&remote).display().to_string();
        let clone = format!("work-{outer}");
        let add = ["submodule", "--quiet", "add", &remote, name];
        company.0.git(&clone, &add);
        let ignore = format!("submodule.{name}.ignore");
        company
            .0
            .git(&clone, &["config", "--file", ".gitmodules", &ignore, "all"]);
        company.0.push(outer, "now", "has a submodule\n");
    }
    company.run(&["sync"]);
    company
}

/// What a person does in the folder of a copy, and what is said of it.
struct Case {
    /// Each in a folder of the copy, or of where it is.
    git: &'static [(&'static str, &'static [&'static str])],
    files: &'static [(&'static str, &'static str)],
    row: &'static str,
    /// What the command that is printed for it prints.
    shows: &'static str,
}

const COMMIT: &[&str] = &["commit", "--quiet", "--allow-empty", "-m", "precious"];
/// None that another case has pushed.
const OTHER_COMMIT: &[&str] = &["commit", "--quiet", "--allow-empty", "-m", "precious too"];

const CASES: &[Case] = &[
    Case {
        git: &[
            ("web/lib", &["switch", "--quiet", "-c", "idea"]),
            ("web/lib", COMMIT),
            ("web/lib", &["checkout", "--quiet", "--detach", "HEAD~1"]),
        ],
        files: &[],
        row: "web/lib: 1 commit of `idea` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[("web/lib", &["stash", "--quiet"])],
        files: &[("web/lib/README.md", "mine\n")],
        row: "web/lib: 1 stash",
        shows: "stash@{0}",
    },
    Case {
        git: &[],
        files: &[("web/lib/README.md", "mine\n")],
        row: "web/lib: 1 uncommitted change: README.md",
        shows: "README.md",
    },
    Case {
        git: &[
            ("web/lib", COMMIT),
            (
                "web/lib",
                &["push", "--quiet", "origin", "HEAD:refs/heads/x"],
            ),
        ],
        files: &[],
        row: "web: 1 uncommitted change: lib",
        shows: "",
    },
    Case {
        git: &[
            ("web", &["init", "--quiet", "own"]),
            ("web/own", COMMIT),
            ("web", &["-c", "advice.addEmbeddedRepo=false", "add", "own"]),
        ],
        files: &[],
        row: "web/own: 1 commit of `main` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[("web/lib/deep", COMMIT)],
        files: &[],
        row: "web/lib/deep: 1 commit of `HEAD (",
        shows: "precious",
    },
    Case {
        git: &[
            ("web/lib/deep", &["switch", "--quiet", "-c", "idea"]),
            ("web/lib/deep", COMMIT),
            ("web", &["submodule", "--quiet", "deinit", "--force", "lib"]),
        ],
        files: &[],
        row: "web/.git/modules/lib/modules/deep: 1 commit of `idea` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[("web", &["update-index", "--assume-unchanged", "README.md"])],
        files: &[("web/README.md", "mine\n")],
        row: "web: 1 uncommitted change: README.md, hidden from `git status`",
        shows: "h README.md",
    },
    Case {
        git: &[("web", &["update-index", "--skip-worktree", "README.md"])],
        files: &[("web/README.md", "mine\n")],
        row: "web: 1 uncommitted change: README.md, hidden from `git status`",
        shows: "S README.md",
    },
    Case {
        git: &[("web", &["config", "status.showUntrackedFiles", "no"])],
        files: &[
            ("web/.gitattributes", "*.x filter=none\n"),
            ("web/mine", "x"),
        ],
        row: "web: 2 untracked files: .gitattributes, mine",
        shows: "mine",
    },
    Case {
        git: &[
            ("web", COMMIT),
            ("web", &["update-ref", "refs/wip/x", "HEAD"]),
            ("web", &["reset", "--quiet", "--hard", "HEAD~1"]),
        ],
        files: &[],
        row: "web: 1 commit of `refs/wip/x` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[("web", &["notes", "add", "-m", "precious"])],
        files: &[],
        row: "web: 1 commit of `refs/notes/commits` that is on no remote",
        shows: "Notes added",
    },
    Case {
        git: &[("web", &["tag", "--annotate", "-m", "precious", "v9"])],
        files: &[],
        row: "web: the annotated tag `v9`, which no other workspace here has",
        shows: "precious",
    },
    Case {
        git: &[
            (
                "web",
                &["worktree", "add", "--quiet", "--detach", "../tree"],
            ),
            ("tree", COMMIT),
        ],
        files: &[],
        row: "of the work tree tree` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[
            (
                "web",
                &["worktree", "add", "--quiet", "--detach", "../tree"],
            ),
            ("tree", &["rm", "--quiet", "README.md"]),
        ],
        files: &[],
        row: "tree: 1 uncommitted change: README.md",
        shows: "README.md",
    },
    Case {
        git: &[
            (
                "../work-api",
                &["worktree", "add", "--quiet", "--detach", "../[COPY]/tree"],
            ),
            ("tree", COMMIT),
        ],
        files: &[],
        row: "tree: 1 commit of `HEAD (",
        shows: "precious",
    },
    Case {
        git: &[(
            "web",
            &["worktree", "add", "--quiet", "--detach", "../../outside"],
        )],
        files: &[],
        row: "web: 1 other work tree: [TMP]/outside, unusable without it",
        shows: "outside",
    },
    Case {
        git: &[
            (".", &["init", "--quiet", "web/vendor/x"]),
            ("web/vendor/x", COMMIT),
        ],
        files: &[("web/vendor/.gitignore", "*\n")],
        row: "web/vendor/x: 1 commit of `main` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[],
        files: &[("web/.git/hooks/pre-commit", "#!/bin/sh\n")],
        row: "web: 1 hook: pre-commit",
        shows: "pre-commit",
    },
    Case {
        git: &[],
        files: &[("web/.git/info/exclude", "# of git\nnotes\n")],
        row: "web: lines in `.git/info/exclude`",
        shows: "notes",
    },
    Case {
        git: &[
            ("web", &["config", "alias.st", "status"]),
            ("web", &["remote", "add", "fork", "/nowhere"]),
        ],
        files: &[],
        row: "web: 3 git settings: alias.st, remote.fork.fetch, remote.fork.url",
        shows: "alias.st=status",
    },
    Case {
        git: &[
            ("web", &["submodule", "--quiet", "deinit", "lib"]),
            ("web", &["config", "--file", "lib/notes", "a.note", "mine"]),
        ],
        files: &[],
        row: "web: 1 file at the path of a submodule: lib/notes",
        shows: "web/lib/notes",
    },
    Case {
        git: &[
            (
                "web",
                &["worktree", "add", "--quiet", "--detach", "../tree"],
            ),
            ("tree", &["submodule", "--quiet", "update", "--init"]),
            ("tree/lib", &["switch", "--quiet", "-c", "idea"]),
            ("tree/lib", OTHER_COMMIT),
            ("tree/lib", &["checkout", "--quiet", "--detach", "HEAD~1"]),
        ],
        files: &[],
        row: "tree/lib: 1 commit of `idea` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[
            ("web", &["worktree", "add", "--quiet", "--detach", ".git/t"]),
            (
                "web/.git/t",
                &["config", "--file", "notes", "a.note", "mine"],
            ),
        ],
        files: &[],
        row: "web/.git/t: 1 untracked file: notes",
        shows: "notes",
    },
    Case {
        git: &[
            ("", &["clone", "--quiet", "--bare", "web", "bare"]),
            ("bare", &["worktree", "add", "--quiet", "--detach", "t"]),
            ("bare/t", &["config", "--file", "notes", "a.note", "mine"]),
        ],
        files: &[],
        row: "bare/t: 1 untracked file: notes",
        shows: "notes",
    },
    Case {
        git: &[
            (
                "",
                &["init", "--quiet", "--separate-git-dir=web/.git/own", "own"],
            ),
            ("own", COMMIT),
        ],
        files: &[],
        row: "own: 1 commit of `main` that is on no remote",
        shows: "precious",
    },
    Case {
        git: &[],
        files: &[("web/.git/fitout-left-1/old/README.md", "mine\n")],
        row: "web: files that a killed run replaced",
        shows: "README.md",
    },
    Case {
        git: &[
            ("web", &["config", "core.excludesFile", "/mine"]),
            ("web", &["config", "core.hooksPath", "/mine"]),
            ("web", &["config", "core.sshCommand", "ssh -i ~/mine"]),
            ("web", &["config", "gc.auto", "0"]),
        ],
        files: &[],
        row: "web: 4 git settings: core.excludesfile, core.hookspath, core.sshcommand, gc.auto",
        shows: "core.sshcommand=ssh -i ~/mine",
    },
    Case {
        git: &[
            (
                "web",
                &[
                    "config",
                    "--add",
                    "remote.origin.fetch",
                    "+refs/pull/*/head:refs/remotes/origin/pull/*",
                ],
            ),
            ("web", &["config", "remote.origin.pushurl", "/mine"]),
            ("web", &["config", "submodule.recurse", "true"]),
        ],
        files: &[],
        row: "web: 3 git settings: remote.origin.fetch, remote.origin.pushurl, submodule.recurse",
        shows: "refs/pull/*/head",
    },
    Case {
        git: &[],
        files: &[("web/.git/fitout-move/old/README.md", "mine\n")],
        row: "web: files that a killed run replaced",
        shows: "README.md",
    },
    Case {
        git: &[],
        files: &[(
            "web/.git/worktrees/tree/fitout-left-1/old/README.md",
            "mine\n",
        )],
        row: "web: files that a killed run replaced",
        shows: "README.md",
    },
    Case {
        git: &[],
        files: &[("web/.git/HEAD", "no ref\n")],
        row: "web: can't be read: ",
        shows: "",
    },
];

#[test]
fn whatever_is_nowhere_else_is_named_with_a_command_that_shows_it() {
    let company = with_submodules();
    for (number, case) in CASES.iter().enumerate() {
        let copy = format!("c-{number}");
        let folder = format!("../{copy}");
        company.run(&["copy", &folder]);
        let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
        company.0.git(&format!("{copy}/web"), &update);
        let write = |(file, text): &(&str, &str)| company.0.write(&format!("{copy}/{file}"), text);
        case.files.iter().for_each(write);
        for (place, arguments) in case.git {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|word| word.replace("[COPY]", &copy))
                .collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            company.0.git(&format!("{copy}/{place}"), &arguments);
        }

        let ran = company.fitout(&["copies", "remove", "--yes", &folder]);

        assert_eq!(ran.code, Some(1), "{}: {}", case.row, ran.shown());
        ran.assert_says(case.row);
        assert_eq!(ran.stderr.matches(case.row).count(), 1, "{}", ran.shown());
        assert!(exists(company.0.path(&copy).join("web/.git")));
        let lines: Vec<&str> = ran.stderr.lines().collect();
        let row = lines
            .iter()
            .position(|line| line.contains(case.row))
            .unwrap();
        let command = lines[row..].iter().find(|line| line.starts_with("      "));
        let command = command
            .unwrap()
            .replace("[TMP]", &company.0.path("").display().to_string());
        let shown = company
            .0
            .command("sh")
            .args(["-c", &command])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(case.shows), "{command}: {shown}");

        company.run(&["copies", "remove", "--yes", "--force", &folder]);
        assert!(!exists(company.0.path(&copy)));
        let prune = company.0.path("work-api");
        assert!(exists(prune));
        company.0.git("work-api", &["worktree", "prune"]);
        let _ = fs::remove_dir_all(company.0.path("outside"));
    }
}

/// Something that is done to a path.
type Make<'a> = &'a dyn Fn(&Path);

/// That there is nothing is known only where the system says so.
#[test]
fn what_cannot_be_read_is_never_taken_for_nothing() {
    let company = Company::new();
    // A file in the place of a folder, and folders and noise in that of a file.
    let a_file = |path: &Path| {
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "no ref\n").unwrap();
    };
    let a_folder = |path: &Path| fs::create_dir_all(path).unwrap();
    let cases: [(&str, Make<'_>); 4] = [
        ("hooks", &a_file),
        ("worktrees/tree/HEAD", &a_folder),
        ("worktrees/tree/HEAD", &a_file),
        ("worktrees/tree/refs", &a_file),
    ];
    for (place, make) in cases {
        company.run(&["copy", "../vera-2"]);
        company.0.git("vera-2/web", COMMIT);
        make(&company.0.path("vera-2/web/.git").join(place));

        let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);

        assert_eq!(ran.code, Some(1), "{place}: {}", ran.shown());
        ran.assert_says("web: can't be read: ");
        // What can be read is named beside it.
        ran.assert_says("web: 1 commit of `");
        company.run(&["copies", "remove", "--yes", "--force", "../vera-2"]);
    }
}

#[test]
fn a_copy_in_which_nobody_worked_is_removed() {
    let company = with_submodules();
    for tag in ["v1", "v2"] {
        company
            .0
            .git("work-web", &["tag", "--annotate", "-m", tag, tag]);
        company
            .0
            .git("work-web", &["push", "--quiet", "origin", tag]);
        company.run(&["sync"]);
    }
    company.run(&["copy", "../vera-2"]);
    let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
    company.0.git("vera-2/web", &update);
    company.0.push("web", "new", "new\n");
    for command in ["sync", "generate"] {
        company.run(&["-C", "../vera-2", command]);
    }
    company.run(&["copies", "remove", "--yes", "../vera-2"]);
    assert!(!exists(company.0.path("vera-2")));
}

/// Its manifest is committed, and nothing that is made of it.
#[test]
fn what_fitout_wrote_is_not_taken_for_the_users() {
    let company = Company::with(MANIFEST);
    company.0.git("ws", &["init", "--quiet"]);
    company.run(&["generate"]);
    company.0.git("ws", &["add", "workspace.toml"]);
    company.0.git("ws", &["commit", "--quiet", "-m", "Begin"]);
    for name in ["docker-compose.yml", ".gitignore"] {
        company.run(&["copy", "../vera-2"]);
        let file = format!("vera-2/{name}");
        let written = company.0.read(&file);
        for edited in [format!("{written}# mine\n"), written.replace('\n', "\r\n")] {
            company.0.write(&file, &edited);
            let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);
            assert_eq!(ran.code, Some(1), "{name}: {}", ran.shown());
            ran.assert_says(&format!("the workspace: 1 untracked file: {name}"));
        }
        company.0.write(&file, &written);
        company.run(&["copies", "remove", "--yes", "../vera-2"]);
    }
    // An older manifest's, and one that was committed before.
    company.run(&["copy", "../vera-2"]);
    company
        .0
        .git("vera-2", &["checkout", "--quiet", "--detach"]);
    let manifest = company.0.read("vera-2/workspace.toml");
    company
        .0
        .write("vera-2/workspace.toml", &manifest.replace(":80", ":81"));
    let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);
    ran.assert_says("the workspace: 1 uncommitted change: workspace.toml");
    assert!(!ran.stderr.contains("untracked"), "{}", ran.shown());
}

#[test]
fn files_of_the_workspace_hold_nothing_of_the_users_that_is_not_named() {
    let company = Company::new();
    company
        .0
        .write("ws/.git/info/exclude", "docker-compose.override.yml\n");
    company
        .0
        .write("ws/docker-compose.override.yml", "services: {}\n");
    company
        .0
        .write("ws/workspace.local.toml", "# mine\n[git]\njobs = 4\n");
    company
        .0
        .write("ws/.env", &format!("{}KEY=1\n", company.0.read("ws/.env")));
    company.run(&["copy", "../vera-2"]);
    fs::write(
        company.0.path("vera-2/.git/info/exclude"),
        "docker-compose.override.yml\n",
    )
    .unwrap();
    let edit = |file: &str, row: &str, edit: &dyn Fn(String) -> String| {
        let path = format!("vera-2/{file}");
        let before = company.0.read(&path);
        company.0.write(&path, &edit(before.clone()));
        let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);
        assert_eq!(ran.code, Some(1), "{row}: {}", ran.shown());
        ran.assert_says(row);
        ran.assert_says(&format!("diff [TMP]/ws/{file} [TMP]/vera-2/{file}"));
        company.0.write(&path, &before);
    };
    edit(".env", ".env: KEY", &|text| text.replace("KEY=1", "KEY=2"));
    edit(".env", ".env: line 1", &|text| format!("# why\n{text}"));
    edit(".env", ".env: WEB_PORT_80", &|text| {
        text + "WEB_PORT_80=4000\n"
    });
    edit(".env", "without its counterpart", &|text| {
        text.replace("# <<< fitout <<<\n", "")
    });
    edit(
        "workspace.local.toml",
        "workspace.local.toml: line 3",
        &|text| text.replace("jobs = 4", "jobs = 5"),
    );
    edit(
        "workspace.local.toml",
        "workspace.local.toml: line 1",
        &|text| format!("# why\n{text}"),
    );
    edit(
        "docker-compose.override.yml",
        "docker-compose.override.yml: differs from the original",
        &|_| "services: {web: {}}\n".to_owned(),
    );
    company.run(&["copies", "remove", "--yes", "../vera-2"]);
}
