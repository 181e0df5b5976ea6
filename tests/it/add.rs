//! `fitout add` and `fitout remove`: edits of a manifest that people wrote.

use crate::context::TestContext;

const MANIFEST: &str = r#"# Our company.

[repos.web]
url = "../remotes/web.git"  # the page

# --- services ---

# What people see.
[services.web]
repo = "web"
ports = [ "8080:8080" ]
depends_on = ["cache"]

[services.cache]
preset = "redis"
# The end.
"#;

fn company() -> TestContext {
    let context = TestContext::new();
    for name in ["api", "web", "docs"] {
        context.remote(name);
    }
    context.push("api", "Gemfile", "ruby '3.3.1'\ngem 'rails'\n");
    context.push(
        "api",
        "Dockerfile.dev",
        "FROM ruby:3.3\nWORKDIR /rails\nEXPOSE 8080\n",
    );
    context.manifest(MANIFEST);
    context
}

#[test]
fn a_url_is_cloned_and_what_it_is_stands_in_the_manifest() {
    let context = company();
    let ran = context.fitout(&["add", "../remotes/api.git"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    api: cloned main
    1 repo: 1 cloned in [TIME]
    +[repos.api]
    +url = "../remotes/api.git"
    +
    +# Ruby 3.3, Rails
    +[services.api]
    +repo = "api"
    +mount = "/rails"                   # mounts the source: changes need no rebuild
    +ports = ["8081:8080"]              # host:container, on 127.0.0.1
    added `api` to workspace.toml
    hint: run `fitout generate` to add it to the compose file, or `fitout up` to start it
    "#);
    insta::assert_snapshot!(context.read("ws/workspace.toml"), @r#"
    # Our company.

    [repos.web]
    url = "../remotes/web.git"  # the page

    [repos.api]
    url = "../remotes/api.git"

    # --- services ---

    # What people see.
    [services.web]
    repo = "web"
    ports = [ "8080:8080" ]
    depends_on = ["cache"]

    [services.cache]
    preset = "redis"
    # The end.

    # Ruby 3.3, Rails
    [services.api]
    repo = "api"
    mount = "/rails"                   # mounts the source: changes need no rebuild
    ports = ["8081:8080"]              # host:container, on 127.0.0.1
    "#);
    assert!(context.ws("api/Gemfile").is_file());
    let ran = context.fitout(&["generate"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
}

#[test]
fn what_was_added_can_be_removed_and_the_clone_stays() {
    let context = company();
    let ran = context.fitout(&["add", "../remotes/api.git"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let ran = context.fitout(&["remove", "api"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    -[repos.api]
    -url = "../remotes/api.git"
    -# Ruby 3.3, Rails
    -[services.api]
    -repo = "api"
    -mount = "/rails"                   # mounts the source: changes need no rebuild
    -ports = ["8081:8080"]              # host:container, on 127.0.0.1
    removed `api` from workspace.toml
    kept the clone in `api`; delete it yourself if you don't need it
    hint: run `fitout generate` to remove it from the compose file too
    "#);
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
    assert!(context.ws("api/Gemfile").is_file());
}

#[test]
fn a_clone_of_the_workspace_can_be_added_by_its_folder() {
    let context = company();
    context.git("ws", &["clone", "--quiet", "../remotes/api.git", "backend"]);
    let ran = context.fitout(&["add", "backend", "--service", "auth"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let manifest = context.read("ws/workspace.toml");
    for line in [
        "[repos.api]\nurl = \"../remotes/api.git\"\npath = \"backend\"",
        "[services.auth]\nrepo = \"api\"",
    ] {
        assert!(manifest.contains(line), "{manifest}");
    }
    let ran = context.fitout(&["add", "api"]);
    assert_eq!(ran.stderr, "`api` is in workspace.toml already\n");
    assert_eq!(context.read("ws/workspace.toml"), manifest);
}

#[test]
fn a_repo_that_is_no_service_is_added_alone() {
    let context = company();
    let ran = context.fitout(&["add", "../remotes/docs.git"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    docs: cloned main
    1 repo: 1 cloned in [TIME]
    warning: `docs` has no Dockerfile, and no service was detected
    hint: to add a service anyway, name it: `--service NAME`
    +[repos.docs]
    +url = "../remotes/docs.git"
    added `docs` to workspace.toml
    hint: run `fitout generate` to add it to the compose file, or `fitout up` to start it
    "#);
    let ran = context.fitout(&["add", "docs", "--service", "handbook"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let manifest = context.read("ws/workspace.toml");
    assert!(
        manifest.contains("[services.handbook]\nrepo = \"docs\"\n"),
        "{manifest}"
    );
}

#[test]
fn a_repo_that_can_not_be_cloned_changes_nothing() {
    let context = company();
    let ran = context.fitout(&["add", "../remotes/nothing.git"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stderr, @r#"
    nothing: failed: no git repository at [TMP]/remotes/nothing.git: check the URL
    1 repo: 1 failed in [TIME]
    error: `nothing` can't be cloned, so workspace.toml was not changed

    hint: to add the repo without detecting services, use `--no-service`
    "#);
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}

#[test]
fn a_dry_run_prints_the_manifest_and_changes_nothing() {
    let context = company();
    let ran = context.fitout(&["add", "../remotes/api.git", "--dry-run", "--branch", "next"]);
    let added = "[repos.api]\nurl = \"../remotes/api.git\"\nbranch = \"next\"";
    assert!(ran.stdout.contains(added), "{}", ran.shown());
    let ran = context.fitout(&["remove", "web", "--dry-run"]);
    assert!(!ran.stdout.contains("web"), "{}", ran.shown());
    assert_eq!(context.names("ws"), ["workspace.toml"]);
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
}

#[test]
fn a_result_that_is_no_valid_manifest_is_refused_in_the_words_of_the_reader() {
    let context = company();
    let ran = context.fitout(&["remove", "cache"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `services.web.depends_on`: there is no service `cache`
      --> workspace.toml:12:15
       |
    12 | depends_on = ["cache"]
       |               ^^^^^^^

    1 problem in `workspace.toml`; nothing was changed

    hint: this is the manifest without `cache`: first remove what needs it
    "#);
    let ran = context.fitout(&["add", "../remotes/api.git", "--service", "My Api"]);
    assert_eq!(ran.code, Some(2), "{}", ran.shown());
    ran.assert_says("write `my-api`");
    assert!(!context.ws("api").exists());
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
}

#[test]
fn a_personal_choice_for_what_goes_is_said_before() {
    let context = company();
    context.write("ws/workspace.local.toml", "[repos.web]\nskip = true\n");
    let ran = context.fitout(&["remove", "web"]);
    assert_eq!(ran.code, Some(2), "{}", ran.shown());
    ran.assert_says("workspace.local.toml:1");
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
}

#[test]
fn names_that_mean_nothing_are_a_wrong_command_line() {
    let context = company();
    for (arguments, said) in [
        (["add", "api"], "`[git] base_url` is not set"),
        (["add", ".."], "not the URL of a git repository"),
        (["remove", "webb"], "did you mean `web`?"),
    ] {
        let ran = context.fitout(&arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.shown());
        ran.assert_says(said);
    }
    assert_eq!(context.read("ws/workspace.toml"), MANIFEST);
}

#[test]
fn a_repo_without_a_dockerfile_gets_one_where_that_is_asked_for() {
    let context = company();
    context.shop();
    let ran = context.fitout(&["add", "../remotes/shop.git", "--dry-run"]);
    assert!(!context.ws("shop").exists(), "{}", ran.shown());
    context.git("ws", &["clone", "--quiet", "../remotes/shop.git", "shop"]);

    let ran = context.fitout(&["add", "shop", "--dry-run"]);
    ran.assert_says("`fitout dockerfile ./shop --dev --write`");
    let ran = context.fitout(&["add", "shop", "--dockerfile"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    +[repos.shop]
    +url = "../remotes/shop.git"
    +
    +# Node.js, npm, Next.js
    +[services.shop]
    +repo = "shop"
    +build_args = { UID = "${host.uid}", GID = "${host.gid}" }  # you own the files that it writes
    +mount = "/app"                     # mounts the source: changes need no rebuild
    +keep = ["/app/node_modules", "/app/.next"]  # not hidden by the mount
    +ports = ["3000:3000"]              # host:container, on 127.0.0.1
    added `shop` to workspace.toml
    wrote shop/Dockerfile.dev
    wrote shop/.dockerignore
    hint: run `fitout generate` to add it to the compose file, or `fitout up` to start it
    "#);
    let ran = context.fitout(&["generate"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let compose = context.read("ws/docker-compose.yml");
    assert!(compose.contains("UID: ${HOST_UID:-1000}"), "{compose}");
}
