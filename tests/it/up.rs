//! `fitout up`: what it says before it starts anything, and, with an engine, what it starts.

use crate::context::{TestContext, free_port, with_docker};

#[test]
fn without_docker_it_says_so_once_and_changes_nothing() {
    let context = TestContext::new();
    context.manifest("[services.api]\nimage = \"busybox:1.37\"\nrequired_env = [\"API_KEY\"]\n");
    let mut command = context.fitout_command(&["up"]);
    let ran = context.ran(&command.env("PATH", context.path("home")).output().unwrap());
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(
        ran.stderr
            .starts_with("error: 2 problems prevent the services from starting\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.matches("Docker is not installed").count(), 1);
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}

#[test]
fn an_unknown_service_is_a_wrong_command_line_with_a_suggestion() {
    let context = TestContext::new();
    context.manifest("[services.store]\nimage = \"busybox:1.37\"\n");
    insta::assert_snapshot!(context.fitout(&["up", "stor"]).shown());
}

mod with_engine {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    /// A project of its own that leaves nothing behind.
    struct Project {
        context: TestContext,
        port: u16,
    }

    impl Project {
        /// `command` is what the container runs; it may name `$PORT`.
        fn new(name: &str, command: &str, more: &str) -> Self {
            let context = TestContext::new();
            let port = free_port();
            context.manifest(&format!(
                r#"[workspace]
name = "fitout-test-{name}"

[services.page]
image = "busybox:1.37"
ports = ["{port}:8080"]
command = ["sh", "-c", "{command}"]
{more}
"#
            ));
            Project { context, port }
        }

        fn fitout(&self, arguments: &[&str]) -> crate::context::Ran {
            let mut command = self.context.fitout_command(arguments);
            let output = with_docker(&mut command).output().unwrap();
            self.context.ran(&output)
        }
    }

    impl Drop for Project {
        fn drop(&mut self) {
            let mut down = self.context.command("docker");
            down.args([
                "compose",
                "down",
                "--volumes",
                "--rmi",
                "local",
                "--timeout",
                "1",
            ]);
            let _ = with_docker(&mut down).output();
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_service_comes_up_where_the_table_says_and_doctor_knows_it() {
        let project = Project::new(
            "up",
            "echo hello > index.html; httpd -f -p 8080",
            "healthcheck = { test = [\"CMD\", \"wget\", \"-q\", \"-O-\", \"http://127.0.0.1:8080/\"], interval = \"1s\" }",
        );
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let address = format!("http://localhost:{}", project.port);
        assert!(ran.stdout.contains("running, healthy"), "{}", ran.shown());
        assert!(ran.stdout.contains(&address), "{}", ran.shown());

        let mut stream = TcpStream::connect(("127.0.0.1", project.port)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.ends_with("hello\n"), "{page}");

        let doctor =
            project.fitout(&["doctor", "-v", "--only", "ports,compose.valid,tools.engine"]);
        assert_eq!(doctor.code, Some(0), "{}", doctor.shown());
        assert!(
            doctor
                .stdout
                .contains("is used by our own `fitout-test-up-page-1`"),
            "{}",
            doctor.stdout
        );
        assert!(project.fitout(&["status"]).stdout.contains(&address));
    }

    /// Everything runs, so these are asked only once Compose has failed.
    #[test]
    #[ignore = "needs a Docker engine"]
    fn what_keeps_a_running_stack_from_its_start_is_told_as_for_a_first_start() {
        let project = Project::new("again", "httpd -f -p 8080", "");
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());

        let override_file = "ws/docker-compose.override.yml";
        project
            .context
            .write(override_file, "services:\n  page:\n    portz: [\"1:1\"]\n");
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        let told = "error: 1 problem prevents the services from starting\n\n\
                    fail     compose.valid  Docker Compose doesn't accept it:";
        ran.assert_says(told);
        assert_eq!(ran.stdout, "", "{}", ran.shown());
        std::fs::remove_file(project.context.path(override_file)).unwrap();

        // No plugins there: the client can reach the engine, and knows no `docker compose`.
        let without_plugins = project.context.path("home");
        let unable = |arguments: &[&str]| {
            let mut command = project.context.fitout_command(arguments);
            with_docker(&mut command).env("DOCKER_CONFIG", &without_plugins);
            project.context.ran(&command.output().unwrap())
        };
        let ran = unable(&["up"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        ran.assert_says("fail     tools.compose  ");
        let told = "error: Docker Compose is not installed as a plugin of `docker`\n\n\
                    hint: run `fitout doctor` to see how to fix it\n";
        let commands: [&[&str]; 8] = [
            &["ps"],
            &["logs"],
            &["restart"],
            &["down"],
            &["exec", "page", "true"],
            &["run", "page", "true"],
            &["open", "page"],
            &["sh", "page"],
        ];
        for arguments in commands {
            let ran = unable(arguments);
            assert_eq!(ran.stderr, told, "{arguments:?}");
            assert_eq!(ran.code, Some(1), "{arguments:?}");
        }
        let ran = unable(&["status"]);
        ran.assert_says("can't show the services: Docker Compose is not installed");
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn limits_and_user_are_the_containers_own() {
        let project = Project::new(
            "limits",
            "exec sleep 600",
            "compose = { init = true }\nuser = \"1234:1235\"\n\
             limits = { memory = \"64m\", cpus = 0.5, pids = 32 }",
        );
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let docker = |arguments: &[&str]| {
            let mut command = project.context.command("docker");
            let output = with_docker(command.args(arguments)).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let container = "fitout-test-limits-page-1";
        let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} \
                      {{.HostConfig.Init}}";
        assert_eq!(
            docker(&["inspect", "--format", format, container]),
            "67108864 500000000 32 true"
        );
        assert_eq!(docker(&["exec", container, "id", "-u"]), "1234");
        assert_eq!(docker(&["exec", container, "id", "-g"]), "1235");
    }

    /// No registry can be reached here: an image that is pulled although no container needs it fails.
    #[test]
    #[ignore = "needs a Docker engine"]
    fn the_image_of_a_preset_on_the_host_is_not_pulled() {
        let project = Project::new(
            "no-pull",
            "exec sleep 600",
            "depends_on = [\"db\"]\ncompose = { init = true }\n\n\
             [services.db]\npreset = \"postgres\"\ntag = \"99-nowhere\"\nruns_on = \"host\"",
        );
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn compose_says_which_required_variable_is_not_set() {
        let project = Project::new("required", "true", "required_env = [\"API_KEY\"]");
        assert_eq!(project.fitout(&["generate"]).code, Some(0));
        let mut command = project.context.command("docker");
        command.args(["compose", "up", "--detach"]);
        let output = with_docker(&mut command).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        let told = "API_KEY is missing a value: set it in .env, services.page requires it";
        assert!(words.contains(told), "{words}");
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn an_unhealthy_service_is_named_with_the_end_of_its_log() {
        let project = Project::new(
            "unhealthy",
            "echo listening on the wrong port; exec sleep 600",
            "healthcheck = { test = [\"CMD-SHELL\", \"echo no page; false\"], interval = \"1s\", retries = 1 }",
        );
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        for words in [
            "page is running, unhealthy",
            "output of its health check:\n  no page",
            "listening on the wrong port",
            "error: `page` is not up",
            "hint: docker compose logs page",
        ] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.shown());
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_job_that_has_done_its_work_is_no_failure() {
        let project = Project::new("job", "echo migrated", "");
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(ran.stdout.contains("exited (0)"), "{}", ran.shown());
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn who_depends_on_a_job_starts_after_it_has_ended_well() {
        // The page ends at once where the job's work is not done.
        let needs = r#"volumes = ["work:/work"]
depends_on = ["migrate"]

[services.migrate]
image = "busybox:1.37"
job = true
volumes = ["work:/work"]
command = ["sh", "-c", "sleep 2; touch /work/done; exit STATUS"]
"#;
        let command = "test -e /work/done && exec sleep 600; exit 9";
        let project = Project::new("after-job", command, &needs.replace("STATUS", "0"));
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(ran.stdout.contains("page     running"), "{}", ran.shown());
        assert!(
            ran.stdout.contains("migrate  exited (0)"),
            "{}",
            ran.shown()
        );
        drop(project);

        let project = Project::new("bad-job", command, &needs.replace("STATUS", "5"));
        let ran = project.fitout(&["up"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(
            ran.stdout.contains("migrate  exited (5)"),
            "{}",
            ran.shown()
        );
        assert!(!ran.stdout.contains("page     running"), "{}", ran.shown());
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn after_a_lock_file_changed_the_kept_folders_are_new_and_no_other_volume() {
        let project = Project::new(
            "renew",
            "exec sleep 600",
            r#"volumes = ["/data"]

[repos.web]
url = "remotes/web.git"

[services.web]
repo = "web"
dockerfile = "Dockerfile"
mount = "/app"
keep = ["/app/node_modules"]
volumes = ["/scratch", "named:/named"]
command = ["sleep", "600"]
"#,
        );
        let context = &project.context;
        context.remote("web");
        context.push("web", "package-lock.json", "one\n");
        // The folder is what the lock file says, as after `npm ci`.
        let dockerfile = "FROM busybox:1.37\nCOPY package-lock.json /app/node_modules/installed\n\
                          RUN mkdir /scratch\n";
        context.push("web", "Dockerfile", dockerfile);
        let manifest = context.read("ws/workspace.toml");
        context
            .manifest(&manifest.replace("remotes/", &context.path("remotes/").to_string_lossy()));
        let up = |arguments: &[&str]| {
            let ran = project.fitout(&[&["up"], arguments].concat());
            assert_eq!(ran.code, Some(0), "{}", ran.shown());
            ran
        };
        let compose = |arguments: &[&str]| {
            let mut command = context.command("docker");
            let output = with_docker(command.arg("compose").args(arguments))
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{arguments:?}: {words}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let sh =
            |service: &str, script: &str| compose(&["exec", "-T", service, "sh", "-c", script]);
        let containers = || {
            [
                compose(&["ps", "-q", "page"]),
                compose(&["ps", "-q", "web"]),
            ]
        };
        let mark = "for folder in /app/node_modules /scratch /named /data; do \
                    [ ! -d $folder ] || touch $folder/mark; done";
        let marked = "ls -d /app/node_modules/mark /scratch/mark /named/mark /data/mark 2>&1 | \
                      grep -v 'No such' | tr '\\n' ' '; cat /app/node_modules/installed 2>/dev/null; true";
        let docker = |arguments: &[&str]| {
            let mut command = context.command("docker");
            let output = with_docker(command.args(arguments)).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };

        up(&[]);
        sh("page", mark);
        sh("web", mark);
        let before = containers();
        let format =
            "{{range .Mounts}}{{if eq .Destination \"/app/node_modules\"}}{{.Name}}{{end}}{{end}}";
        let kept = docker(&["inspect", "--format", format, before[1].trim()]);
        let found =
            |volume: &str| docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]);
        assert_eq!(found(&kept), kept);

        // Nothing has changed: nothing is touched.
        up(&["--no-sync"]);
        assert_eq!(containers(), before);

        context.write("ws/web/package-lock.json", "two\n");
        let ran = up(&["--no-sync"]);
        let told = "web: its lock file has changed, renewing /app/node_modules";
        ran.assert_says(told);
        assert_eq!(sh("web", marked), "/named/mark /scratch/mark two\n");
        assert_eq!(sh("page", marked), "/data/mark ");
        let after = containers();
        assert_eq!(after[0], before[0], "another service is another container");
        assert_ne!(after[1], before[1]);
        assert_eq!(found(&kept), "", "the old folder was left behind");

        // And once only.
        let ran = up(&["--no-sync"]);
        assert!(!ran.stderr.contains("renewing"), "{}", ran.shown());
        assert_eq!(containers(), after);

        // An image that can't be built leaves what runs as it is.
        context.write("ws/web/package-lock.json", "three\n");
        context.write("ws/web/Dockerfile", "FROM busybox:1.37\nRUN false\n");
        let ran = project.fitout(&["up", "--no-sync"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert_eq!(containers(), after);

        // Docker removes an anonymous volume with the first container that had it, and no other.
        let all = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}} {{end}}{{end}}";
        let volumes = docker(&["inspect", "--format", all, after[1].trim()]);
        compose(&["down", "--volumes", "--timeout", "0"]);
        let left = volumes
            .split_whitespace()
            .filter(|volume| !found(volume).is_empty());
        for volume in left {
            docker(&["volume", "rm", volume]);
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_port_of_another_projects_container_is_traced_to_it() {
        let first = Project::new("first", "httpd -f -p 8080", "");
        let ran = first.fitout(&["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let second = Project::new("second", "httpd -f -p 8080", "");
        let manifest = second.context.read("ws/workspace.toml");
        let manifest = manifest.replace(&second.port.to_string(), &first.port.to_string());
        second.context.manifest(&manifest);
        let ran = second.fitout(&["up"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        let words = "is used by the container `fitout-test-first-page-1` of the project in";
        ran.assert_says(words);
    }
}
