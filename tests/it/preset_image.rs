//! An image of one's own beside a preset: what its version decides, and, with an engine, that its data is
//! still there after `down` and `up`.

use fitout::compose;
use fitout::manifest::{self, Report};
use fitout::workspace::resolve;

use crate::context::{Ran, TestContext, free_port, with_docker};

/// The compose file of a manifest with one service, or what is wrong with it.
fn generated(service: &str) -> Result<String, String> {
    let source = format!("[services.db]\n{service}\n");
    let (table, mut problems) = manifest::decode::manifest(&source);
    let (workspace, more) = resolve::workspace(&table);
    problems.extend(more);
    if problems.is_empty() {
        Ok(compose::render(&workspace))
    } else {
        Err(Report::new("workspace.toml", &source, problems).to_string())
    }
}

#[test]
fn the_version_of_the_image_that_runs_decides() {
    const OLD: &str = "- db-data:/var/lib/postgresql/data\n";
    const NEW: &str = "- db-data:/var/lib/postgresql\n";
    for (keys, expected) in [
        ("preset = 'postgres'", NEW),
        ("preset = 'postgres'\ntag = '17-alpine'", OLD),
        ("preset = 'postgres'\nimage = 'pgvector/pgvector:pg16'", OLD),
        (
            "preset = 'postgres'\nimage = 'pgvector/pgvector:0.8.1-pg18'",
            NEW,
        ),
        ("preset = 'postgres'\nimage = 'postgis/postgis:16-3.4'", OLD),
        (
            "preset = 'postgres'\nimage = 'host:5000/x:16.2-alpine'",
            OLD,
        ),
        ("preset = 'postgres'\nimage = 'postgres:17@sha256:00'", OLD),
        ("preset = 'postgres'\nimage = '${IMAGE:-postgres:17}'", OLD),
        ("preset = 'postgres'\ntag = '${TAG:-17}'", OLD),
        ("preset = 'postgres'\nimage = 'acme/db'\nversion = 16", OLD),
        (
            "preset = 'postgres'\nimage = 'acme/db:latest'\nversion = '18.1'",
            NEW,
        ),
        (
            "preset = 'postgres'\nimage = 'citusdata/citus:13.2'\nversion = 18",
            NEW,
        ),
        ("preset = 'postgres'\ntag = 'bookworm'\nversion = 17", OLD),
        // The image that is merged last is the one that runs.
        (
            "preset = 'postgres'\ncompose = { image = 'pgvector/pgvector:pg16' }",
            OLD,
        ),
        (
            "preset = 'postgres'\ntag = '18'\ncompose = { image = 'acme/db:pg16' }",
            OLD,
        ),
        (
            "preset = 'postgres'\nimage = 'acme/db:pg16'\ncompose = { image = 'acme/db:pg18' }",
            NEW,
        ),
        (
            "preset = 'postgres'\nversion = 16\ncompose = { build = './db' }",
            OLD,
        ),
        ("preset = 'mongo'\ntag = '4.4'", "mongo --quiet"),
        (
            "preset = 'mongo'\nimage = 'acme/mongo:8.0'",
            "mongosh --quiet",
        ),
        ("preset = 'mariadb'\ntag = '10.5'", "mysqladmin ping"),
        ("preset = 'mariadb'\ntag = '10'", "mariadb-admin ping"),
        (
            "preset = 'keycloak'\ntag = '24.0.5'",
            "/dev/tcp/127.0.0.1/8080",
        ),
        (
            "preset = 'keycloak'\ntag = '25.0'",
            "KEYCLOAK_ADMIN: ${DB_USER:-admin}",
        ),
        (
            "preset = 'keycloak'\ntag = '26'",
            "KC_BOOTSTRAP_ADMIN_USERNAME",
        ),
        // Nothing depends on the version of these.
        (
            "preset = 'redis'\nimage = 'redis/redis-stack-server'",
            "- db-data:/data\n",
        ),
        (
            "preset = 'mysql'\ntag = 'lts'",
            "- db-data:/var/lib/mysql\n",
        ),
    ] {
        match generated(keys) {
            Ok(text) => assert!(text.contains(expected), "{keys}:\n{text}"),
            Err(report) => panic!("{keys}:\n{report}"),
        }
    }
}

#[test]
fn a_version_that_is_not_said_is_asked_for() {
    for keys in [
        "preset = 'postgres'\nimage = 'acme/db:latest'",
        "preset = 'postgres'\ntag = 'alpine'",
        "preset = 'postgres'\ntag = 'latest'",
        "preset = 'postgres'\nimage = 'postgres@sha256:00'",
        "preset = 'postgres'\nimage = 'acme/db:1.4'",
        "preset = 'postgres'\nimage = '${IMAGE}'",
        "preset = 'postgres'\ncompose = { image = 'acme/db' }",
        "preset = 'postgres'\ncompose = { build = '.' }",
        "preset = 'mongo'\nimage = 'acme/mongo'",
    ] {
        let report = generated(keys).expect_err(keys);
        assert!(report.contains("the version of"), "{keys}:\n{report}");
        assert!(report.contains("`version = \""), "{keys}:\n{report}");
    }
}

mod with_engine {
    use super::*;

    /// A database from an image like pgvector's: built on PostgreSQL's own of before version 18, with a
    /// volume declared where that has its data. Leaves nothing behind.
    struct Stack {
        context: TestContext,
        name: String,
    }

    impl Stack {
        fn new() -> Self {
            let name = format!("fitout-pg-{}", free_port());
            let stack = Stack {
                context: TestContext::new(),
                name,
            };
            stack.context.write(
                "image/Dockerfile",
                "FROM fitout-test-postgres:1\nUSER 0:0\n\
                 RUN mkdir /var/lib/postgresql/data && chown 70:70 /var/lib/postgresql/data\n\
                 USER 70:70\nVOLUME /var/lib/postgresql/data\n",
            );
            let folder = stack.context.path("image");
            let folder = folder.to_str().unwrap();
            stack.docker(&["build", "--quiet", "--tag", &stack.image(), folder]);
            stack
        }

        fn image(&self) -> String {
            format!("{}:pg15", self.name)
        }

        fn docker(&self, arguments: &[&str]) -> String {
            let mut command = self.context.command("docker");
            let output = with_docker(&mut command).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }

        fn fitout(&self, arguments: &[&str]) -> Ran {
            let mut command = self.context.fitout_command(arguments);
            let ran = self
                .context
                .ran(&with_docker(&mut command).output().unwrap());
            assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.shown());
            ran
        }
    }

    impl Drop for Stack {
        fn drop(&mut self) {
            self.docker(&["compose", "down", "--volumes", "--timeout", "1"]);
            self.docker(&["rmi", "--no-prune", &self.image()]);
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn data_is_there_after_down_and_up_with_an_image_of_ones_own() {
        let stack = Stack::new();
        let image = stack.image();
        for (table, said) in [
            ("one", format!("image = \"{image}\"")),
            (
                "two",
                format!("compose = {{ image = \"{image}\", volumes = [\"more:/more\"] }}"),
            ),
        ] {
            stack.context.manifest(&format!(
                "[workspace]\nname = \"{}\"\n\n[services.db]\npreset = \"postgres\"\nports = []\n{said}\n",
                stack.name
            ));
            stack.fitout(&["up"]);
            let create = format!("create table {table} as select 42 as answer");
            stack.fitout(&["db", "--", "-c", &create]);
            stack.fitout(&["down"]);
            stack.fitout(&["up"]);
            let select = format!("select answer from {table}");
            let kept = stack.fitout(&["db", "--", "-Atc", &select]);
            assert_eq!(kept.stdout, "42\n", "{said}: {}", kept.shown());
        }
        // Both ways led to the same volume.
        let kept = stack.fitout(&["db", "--", "-Atc", "select answer from one"]);
        assert_eq!(kept.stdout, "42\n", "{}", kept.shown());
    }
}
