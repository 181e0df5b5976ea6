//! `fitout generate`: what it writes, what it refuses to lose, and what `--check` says in CI.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::context::TestContext;

const MANIFEST: &str = r#"
[workspace]
name = "vera"

[git]
base_url = "https://git.example.com/"

[repos.api]

[services.api]
repo = "api"
ports = ["3100:3000"]
depends_on = ["db"]
environment = { DATABASE_URL = "${db.url}" }

[services.db]
preset = "postgres"
"#;

fn generated() -> TestContext {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    assert_eq!(context.fitout(&["generate", "--quiet"]).code, Some(0));
    context
}

#[test]
fn a_first_run_writes_three_files_and_a_second_one_none() {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    wrote docker-compose.yml
    wrote .env
    wrote .gitignore
    ");
    let mode = |file: &str| fs::metadata(context.ws(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".env"), 0o600, "it may hold secrets");
    assert_eq!(mode("docker-compose.yml"), 0o644);
    assert_eq!(
        context.names("ws"),
        [".env", ".gitignore", "docker-compose.yml", "workspace.toml"]
    );

    let inode = |file: &str| fs::metadata(context.ws(file)).unwrap().ino();
    let before = [".env", ".gitignore", "docker-compose.yml"].map(inode);
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    docker-compose.yml is up to date
    ");
    assert_eq!(
        [".env", ".gitignore", "docker-compose.yml"].map(inode),
        before
    );
}

#[test]
fn it_works_from_any_folder_of_the_workspace() {
    let context = generated();
    fs::create_dir_all(context.ws("api/src/deep")).unwrap();
    let mut command = context.fitout_command(&["generate", "--check"]);
    command.current_dir(context.ws("api/src/deep"));
    assert!(command.status().unwrap().success());
}

#[test]
fn without_a_manifest_it_says_where_it_looked() {
    let context = TestContext::new();
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no `workspace.toml` in `[TMP]/ws` or in a parent folder

    hint: to create one for the clones in a folder, run `fitout init` there
    hint: to try fitout on a small company, run `fitout demo`
    ");
}

#[test]
fn above_the_only_workspace_it_says_where_that_is() {
    let context = TestContext::new();
    context.manifest("");
    let mut command = context.fitout_command(&["generate"]);
    let output = command.current_dir(context.path(".")).output().unwrap();
    let shown = context.ran(&output).stderr;
    assert!(
        shown.contains("hint: there is one in `ws`: `cd ws`"),
        "{shown}"
    );
}

#[test]
fn a_wrong_manifest_changes_nothing() {
    let context = generated();
    let before = context.read("ws/docker-compose.yml");
    context.manifest(&MANIFEST.replace("postgres", "postgress"));
    let ran = context.fitout(&["generate"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("did you mean `postgres`?"),
        "{}",
        ran.stderr
    );
    assert_eq!(context.read("ws/docker-compose.yml"), before);
}

#[test]
fn check_writes_nothing_and_tells_drift() {
    let context = generated();
    insta::assert_snapshot!(context.fitout(&["generate", "--check"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    docker-compose.yml is up to date
    ");
    let before = context.read("ws/docker-compose.yml");
    context.manifest(&MANIFEST.replace("3100", "3200"));
    insta::assert_snapshot!(context.fitout(&["generate", "--check", "--diff"]).shown(), @r#"
    exit: 1
    --- stdout
    services.api: changed; will be recreated: ports
         ports:
           - target: 3000
    -        published: "${API_PORT_3000:-3100}"
    +        published: "${API_PORT_3000:-3200}"
             host_ip: "127.0.0.1"
         depends_on:

    --- stderr
    docker-compose.yml is not up to date
    hint: run `fitout generate` and commit the result
    "#);
    let json: serde_json::Value = serde_json::from_str(
        &context
            .fitout(&["generate", "--check", "--format", "json"])
            .stdout,
    )
    .unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["drift"], true);
    assert_eq!(json["differences"][0]["part"], "services.api");
    assert_eq!(json["differences"][0]["effect"], "will be recreated: ports");
    assert_eq!(context.read("ws/docker-compose.yml"), before);
}

#[test]
fn check_does_not_need_the_files_of_one_machine() {
    let context = generated();
    fs::remove_file(context.ws(".env")).unwrap();
    assert_eq!(context.fitout(&["generate", "--check"]).code, Some(0));
    assert!(!context.ws(".env").exists());
}

#[test]
fn a_hand_edit_is_shown_and_not_lost_unless_told_to() {
    let context = generated();
    let text = context.read("ws/docker-compose.yml");
    let edited = text.replace("init: true", "init: true\n    tty: true");
    context.write("ws/docker-compose.yml", &edited);
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    services.api: changed
           dockerfile: Dockerfile.dev
         init: true
    -    tty: true
         environment:
           DATABASE_URL: postgres://${DB_USER:-postgres}:${DB_PASSWORD:-postgres}@${DB_HOST:-db}:${DB_PORT:-5432}/${DB_DATABASE:-postgres}

    error: `docker-compose.yml` was edited by hand; writing it would lose the edit

    hint: move the edit to `workspace.toml` (a service's `compose = { … }` accepts any Compose key)
    hint: or to `docker-compose.override.yml`
    hint: to drop the edit, run `fitout generate --force`
    ");
    assert_eq!(context.read("ws/docker-compose.yml"), edited);
    assert_eq!(context.fitout(&["generate", "--force"]).code, Some(0));
    assert_eq!(context.read("ws/docker-compose.yml"), text);
}

#[test]
fn a_comment_is_an_edit_and_windows_line_endings_stay() {
    let context = generated();
    let text = context.read("ws/docker-compose.yml");
    for edited in [
        format!("# mine\n{text}"),
        format!("{text}# mine\n"),
        text.replace("  db:\n", "# mine\n  db:\n"),
        text.replace("services:\n", "services: # mine\n"),
        text.replacen('\n', "\r\n", 4),
    ] {
        assert_ne!(edited, text);
        context.write("ws/docker-compose.yml", &edited);
        for _ in ["the first run", "the next one"] {
            let ran = context.fitout(&["generate"]);
            assert_eq!(ran.code, Some(1), "{edited}: {}", ran.shown());
            ran.assert_says("was edited by hand");
        }
        assert_eq!(context.read("ws/docker-compose.yml"), edited);
    }
    // The hash alone is of no one: two branches that both regenerate have two.
    let stale = text.replacen("sha256:", "sha256:0", 1);
    context.write("ws/docker-compose.yml", &stale);
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    assert_eq!(context.read("ws/docker-compose.yml"), text);

    let windows = text.replace('\n', "\r\n");
    context.write("ws/docker-compose.yml", &windows);
    assert_eq!(context.fitout(&["generate", "--check"]).code, Some(0));
    let manifest = context.read("ws/workspace.toml");
    context.manifest(&format!("{manifest}\n[services.extra]\nimage = \"x:1\"\n"));
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    let written = context.read("ws/docker-compose.yml");
    assert!(written.contains("  extra:\r\n"), "{written}");
    assert!(!written.replace("\r\n", "").contains('\n'), "{written}");
}

#[test]
fn a_compose_file_that_fitout_did_not_write_is_not_replaced() {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    context.write(
        "ws/docker-compose.yml",
        "services:\n  mine:\n    image: mine:1\n",
    );
    let ran = context.fitout(&["generate"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("was not written by fitout"),
        "{}",
        ran.stderr
    );
    assert!(context.read("ws/docker-compose.yml").contains("mine:1"));
    assert_eq!(
        context.names("ws"),
        ["docker-compose.yml", "workspace.toml"]
    );
}

#[test]
fn one_persons_choices_change_env_and_never_the_compose_file() {
    let context = generated();
    let before = context.read("ws/docker-compose.yml");
    context.write(
        "ws/workspace.local.toml",
        "[services.db]\nruns_on = \"host\"\n\n[services.api]\nports = [\"3999:3000\"]\n\n\
         [host]\nip = \"10.1.2.3\"\n\n[repos.api]\nbranch = \"mine\"\n",
    );
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    updated .env
    ");
    assert_eq!(context.read("ws/docker-compose.yml"), before);
    assert_eq!(context.fitout(&["generate", "--stdout"]).stdout, before);
    let env = context.read("ws/.env");
    for line in ["DB_HOST=10.1.2.3", "DB_CONTAINERS=0", "API_PORT_3000=3999"] {
        assert!(
            env.lines().any(|found| found == line),
            "{line} is missing in {env}"
        );
    }
}

#[test]
fn the_diff_tells_what_another_value_in_env_does_to_containers() {
    let context = generated();
    context.write(
        "ws/workspace.local.toml",
        "[services.db]\nruns_on = \"host\"\n\n[services.api]\nports = [\"3999:3000\"]\n\n\
         [host]\nip = \"10.1.2.3\"\n",
    );
    let ran = context.fitout(&["generate", "--diff"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    for line in [
        "services.db: other values in .env; its containers will be removed; its volumes are kept",
        "services.api: other values in .env; will be recreated: ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.shown());
    }
    assert!(ran.stdout.contains("ports"), "{}", ran.shown());
    let ran = context.fitout(&["generate", "--check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["differences"], serde_json::json!([]));
    assert_eq!(json["effects"].as_array().unwrap().len(), 2, "{json}");
}

#[test]
fn half_a_block_in_env_is_refused() {
    let context = generated();
    let broken = context
        .read("ws/.env")
        .replace("# <<< fitout <<<\n", "SECRET=1\n");
    context.write("ws/.env", &broken);
    insta::assert_snapshot!(context.fitout(&["generate"]).shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: can't update `[TMP]/ws/.env`
    caused by: line 1 has `# >>> fitout >>>` without its counterpart

    hint: fix the marker lines in .env, or remove line 1, then run `fitout generate`
    ");
    assert_eq!(context.read("ws/.env"), broken);
}

#[test]
fn a_disk_that_takes_no_more_leaves_the_old_file() {
    let context = generated();
    let before = context.read("ws/docker-compose.yml");
    context.manifest(&MANIFEST.replace("3100", "3200"));
    // A limit on the size of files fails a write as a full disk does, in the middle of it.
    let fitout = assert_cmd::cargo::cargo_bin!("fitout");
    let script = format!(
        "ulimit -f 0; trap '' XFSZ; exec '{}' generate",
        fitout.display()
    );
    let output = context
        .command("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    let ran = context.ran(&output);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr
            .contains("can't write `[TMP]/ws/docker-compose.yml`"),
        "{}",
        ran.stderr
    );
    assert_eq!(context.read("ws/docker-compose.yml"), before);
    assert_eq!(
        context.names("ws"),
        [".env", ".gitignore", "docker-compose.yml", "workspace.toml"]
    );
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let context = generated();
    // So much that to write it takes a while.
    let service = |number| format!("[services.s{number}]\nimage = \"image:{number}\"\n");
    let services: String = (0..400).map(service).collect();
    let manifests = ["3200", "3100"].map(|port| MANIFEST.replace("3100", port) + &services);
    let texts = manifests.each_ref().map(|manifest| {
        context.manifest(manifest);
        context.fitout(&["generate", "--stdout"]).stdout
    });
    assert_eq!(context.fitout(&["generate", "--quiet"]).code, Some(0));
    let files = ["docker-compose.yml", ".env", ".gitignore"];
    let old = files.map(|file| context.read(&format!("ws/{file}")));
    let mut hits = 0;
    // Where the disk is memory, a write takes microseconds, and few kills hit it.
    for round in 0..200 {
        if hits >= 3 && round >= 40 {
            break;
        }
        context.manifest(&manifests[round % 2]);
        let mut child = context
            .fitout_command(&["generate", "--force", "--quiet"])
            .spawn()
            .unwrap();
        // In turns as soon as something is being written, and at another moment.
        let names = context.names("ws");
        let mut steps = if round % 4 == 3 {
            round * 20
        } else {
            usize::MAX
        };
        // Without a pause: it would be longer than the write. The child ends by itself.
        while steps > 0 && context.names("ws") == names && child.try_wait().unwrap().is_none() {
            steps -= 1;
        }
        let _ = child.kill();
        child.wait().unwrap();
        hits += usize::from(context.names("ws") != names);
        let text = context.read("ws/docker-compose.yml");
        assert!(texts.contains(&text), "round {round}:\n{text}");
        for (file, old) in files.iter().zip(&old).skip(1) {
            assert_eq!(context.read(&format!("ws/{file}")), *old, "round {round}");
        }
    }
    assert!(hits > 0, "no kill was in the middle of a write");
}

/// A file that is written where it is could be seen half written, and lost by a kill.
#[test]
fn what_is_written_takes_the_place_of_the_old_file_and_does_not_touch_it() {
    let context = generated();
    let files = ["docker-compose.yml", ".env", ".gitignore"];
    let path = |file: &str| format!("ws/{file}");
    let old = files.map(|file| {
        fs::hard_link(context.ws(file), context.path(file)).unwrap();
        context.read(&path(file))
    });
    let personal = "[host]\nip = \"10.1.2.3\"\ngateway = \"10.1.2.4\"\n";
    context.write("ws/workspace.local.toml", personal);
    context.manifest(&format!(
        "{}\n[repos.more]\n[services.cache]\npreset = \"redis\"\n",
        MANIFEST.replace("3100", "3200")
    ));
    assert_eq!(context.fitout(&["generate", "--quiet"]).code, Some(0));
    for (file, old) in files.iter().zip(old) {
        assert_eq!(context.read(file), old, "{file} was written where it is");
        assert_ne!(context.read(&path(file)), old, "{file} is not new");
    }
    let env = context.read("ws/.env");
    assert!(env.contains("DOCKER_HOST_IP=10.1.2.3\n"), "{env}");
    assert!(env.contains("DOCKER_HOST_GATEWAY=10.1.2.4\n"), "{env}");
}
