//! The Dockerfiles of `fitout dockerfile`, built and run: programs without packages of their own, on
//! a base made of Debian's packages, since no image can be pulled where tests run.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, fmt, fs};

use crate::context::{TestContext, eventually};

/// Made by `scripts/docker-engine images`: bash, Node.js, npm, Python, entr, and an `apt-get` that
/// does nothing.
const BASE: &str = "fitout-test-programs:1";

/// What to say at first, and after an edit.
const BEFORE: &str = "as it was";
const AFTER: &str = "as it is now";

const NODE: [(&str, &str); 3] = [
    (
        "package.json",
        r#"{"name": "app", "version": "1.0.0", "scripts": {"start": "node server.js"}, "dependencies": {}}"#,
    ),
    (
        "package-lock.json",
        r#"{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "app", "version": "1.0.0"}}}"#,
    ),
    (
        "server.js",
        "require('http').createServer((_, answer) => answer.end('as it was')).listen(process.env.PORT)\n",
    ),
];

const PYTHON: [(&str, &str); 2] = [
    ("requirements.txt", ""),
    (
        "main.py",
        r#"import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"as it was")


if __name__ == "__main__":
    http.server.HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"#,
    ),
];

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_written_for_node_starts_serves_reloads_and_is_not_root() {
    prove("node", &NODE, "server.js", 3000);
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_written_for_python_starts_serves_reloads_and_is_not_root() {
    prove("python", &PYTHON, "main.py", 8000);
}

fn prove(stack: &str, files: &[(&str, &str)], main: &str, port: u16) {
    let site = Site::new(stack, files);

    let production = site.build("Dockerfile", &[]);
    let running = site.run(&production, port, &[]);
    running.answers(BEFORE);
    running.is_healthy();
    assert_ne!(running.exec(&["id", "-u"]), "0", "production runs as root");
    let source = site.context.path("ws/app").join(main);
    let in_image = running.exec(&[
        "sh",
        "-c",
        &format!("test -w {main} && echo writable || true"),
    ]);
    if stack == "python" {
        assert_eq!(in_image, "", "the program can change itself");
    }

    let uid = site.give_to_a_developer();
    let arguments = [format!("UID={uid}"), format!("GID={uid}")];
    let development = site.build(
        "Dockerfile.dev",
        &["--build-arg", &arguments[0], "--build-arg", &arguments[1]],
    );
    let mount = format!("{}:/app", site.context.path("ws/app").display());
    let running = site.run(
        &development,
        port,
        &[
            "--init",
            "--volume",
            &mount,
            "--volume",
            "/app/node_modules",
        ],
    );
    running.answers(BEFORE);
    running.is_healthy();
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace(BEFORE, AFTER)).unwrap();
    running.answers(AFTER);
    running.exec(&["touch", "/app/made-in-the-container"]);
    let made = fs::metadata(site.context.path("ws/app/made-in-the-container")).unwrap();
    assert_eq!(made.uid(), uid, "what is written in the mount is another's");
}

/// A repo with the files that `fitout dockerfile --write` wrote, and what Docker makes of them. All
/// of it goes when the test ends.
struct Site {
    context: TestContext,
    name: String,
}

impl Site {
    fn new(stack: &str, files: &[(&str, &str)]) -> Self {
        let context = TestContext::new();
        for (path, text) in files {
            context.write(&format!("ws/app/{path}"), text);
        }
        let ran = context.fitout(&["dockerfile", "./app", "--write"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        if let Some(buildx) = env::var_os("FITOUT_TEST_BUILDX") {
            let plugins = context.path("home/.docker/cli-plugins");
            fs::create_dir_all(&plugins).unwrap();
            std::os::unix::fs::symlink(buildx, plugins.join("docker-buildx")).unwrap();
        }
        let name = format!("fitout-test-dockerfile-{stack}-{}", std::process::id());
        Site { context, name }
    }

    /// Builds one of the files on the base that is there, and gives the image's name.
    fn build(&self, file: &str, options: &[&str]) -> String {
        let source = self.context.read(&format!("ws/app/{file}"));
        // The first line asks for a frontend from a registry.
        let source = source.split_once('\n').unwrap().1;
        let lines = source.lines().map(|line| {
            let Some(rest) = line.strip_prefix("FROM ") else {
                return line.to_owned();
            };
            let image = rest.split(' ').next().unwrap();
            if image.contains(':') {
                line.replace(image, BASE)
            } else {
                line.to_owned()
            }
        });
        let lines: Vec<String> = lines.collect();
        let built = format!("ws/{file}");
        self.context.write(&built, &lines.join("\n"));
        let image = format!("{}:{}", self.name, file.to_lowercase());
        let path = self.context.path(&built);
        let mut command = self.docker();
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(["build", "--progress=plain", "--tag", &image, "--file"])
            .arg(path)
            .args(options)
            .arg(self.context.path("ws/app"));
        done(&mut command);
        image
    }

    fn run(&self, image: &str, port: u16, options: &[&str]) -> Running<'_> {
        let published = format!("127.0.0.1::{port}");
        let mut command = self.docker();
        command
            .args(["run", "--detach", "--publish", &published])
            .args(options)
            .arg(image);
        let id = done(&mut command);
        let mut running = Running {
            site: self,
            id,
            port: 0,
        };
        let shown = running.docker(&["port", &running.id, &port.to_string()]);
        running.port = shown.rsplit_once(':').unwrap().1.parse().unwrap();
        running
    }

    /// Makes the repo that of an account without rights, and gives its number.
    fn give_to_a_developer(&self) -> u32 {
        let app = self.context.path("ws/app");
        let owner = fs::metadata(&app).unwrap().uid();
        if owner != 0 {
            return owner;
        }
        let mut chown = self.context.command("chown");
        done(chown.args(["-R", "1234:1234"]).arg(&app));
        1234
    }

    fn docker(&self) -> Command {
        self.context.bare_docker()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for file in ["dockerfile", "dockerfile.dev"] {
            let image = format!("{}:{file}", self.name);
            let _ = self
                .docker()
                .args(["image", "rm", "--force", &image])
                .output();
        }
    }
}

struct Running<'s> {
    site: &'s Site,
    id: String,
    /// On the host.
    port: u16,
}

impl Running<'_> {
    fn docker(&self, arguments: &[&str]) -> String {
        done(self.site.docker().args(arguments))
    }

    fn exec(&self, command: &[&str]) -> String {
        self.docker(&[&["exec", &self.id], command].concat())
    }

    fn answers(&self, expected: &str) {
        eventually(format_args!("`{expected}`; {self}"), || {
            get(self.port).filter(|answer| answer.contains(expected))
        });
    }

    fn is_healthy(&self) {
        let status = ["inspect", "--format", "{{.State.Health.Status}}", &self.id];
        eventually(format_args!("healthy; {self}"), || {
            (self.docker(&status) == "healthy").then_some(())
        });
    }
}

/// What it answers and has printed by now, for those who ask why.
impl fmt::Display for Running<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = get(self.port).unwrap_or_default();
        let logs = self.site.docker().args(["logs", &self.id]).output();
        let logs = logs.as_ref().map(words).unwrap_or_default();
        write!(formatter, "it answers `{answer}`: {logs}")
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let remove = ["rm", "--force", "--volumes", &self.id];
        let _ = self.site.docker().args(remove).output();
    }
}

fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let limit = Some(Duration::from_secs(5));
    stream.set_read_timeout(limit).ok()?;
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// What a program printed that has to succeed.
fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn words(output: &Output) -> String {
    let bytes = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}
