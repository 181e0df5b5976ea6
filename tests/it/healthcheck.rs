//! The health check `http` in real containers: with curl, with busybox's wget, and with bash alone,
//! as in the slim images of Debian.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use fitout::manifest;
use fitout::workspace::resolve;

use crate::context::TestContext;

/// What the generated check runs for this path and port, as the shell in the container gets it.
fn check(path: &str, port: u16) -> String {
    let source = format!(
        "[services.app]\nimage = \"app:1\"\nhealthcheck = {{ http = \"{path}\", port = {port} }}\n"
    );
    let (table, problems) = manifest::decode::manifest(&source);
    assert_eq!(problems, []);
    let (workspace, problems) = resolve::workspace(&table);
    assert_eq!(problems, []);
    let healthcheck = workspace.services[0].healthcheck.as_ref().unwrap();
    assert_eq!(healthcheck.test[0], "CMD-SHELL");
    // Compose's escape for a dollar sign.
    healthcheck.test[1].replace("$$", "$")
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("can't run {program}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An image with a web server, a shell and one program that can ask it. Gone with the test.
struct Image {
    name: String,
    _folder: TestContext,
}

impl Image {
    /// From programs of this machine, each with the libraries that it is linked with.
    fn with(tool: &str) -> Self {
        let context = TestContext::new();
        let root = context.path("root");
        for folder in ["bin", "www/folder", "tmp"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("www/page"), "page\n").unwrap();
        fs::write(root.join("www/folder/index.html"), "folder\n").unwrap();
        add(&root, "sh", "bin/sh");
        add(&root, tool, &format!("bin/{tool}"));
        // Busybox goes by the name that it is called with: here it is the server and nothing else.
        let busybox = run("docker", &["create", "busybox:1.37"]);
        let server = root.join("bin/httpd");
        let from = format!("{busybox}:/bin/busybox");
        run("docker", &["cp", &from, server.to_str().unwrap()]);
        run("docker", &["rm", &busybox]);

        let name = format!("fitout-test-healthcheck-{tool}:{}", std::process::id());
        let archive = context.path("root.tar");
        let archive = archive.to_str().unwrap();
        run("tar", &["-C", root.to_str().unwrap(), "-cf", archive, "."]);
        run("docker", &["import", archive, &name]);
        Image {
            name,
            _folder: context,
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["image", "rm", &self.name])
            .output();
    }
}

fn add(root: &Path, program: &str, to: &str) {
    let found = run("sh", &["-c", &format!("command -v {program}")]);
    let libraries = run("ldd", &[&found]);
    let libraries = libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for library in libraries {
        let target = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(library, target).unwrap();
    }
    fs::copy(found, root.join(to)).unwrap();
}

struct Server(String);

impl Server {
    fn start(image: &str, command: &[&str]) -> Self {
        let server = Server(run(
            "docker",
            &[&["run", "--detach", image], command].concat(),
        ));
        // `docker run` returns before the program listens.
        let answers = (0..50).any(|_| server.checked("/page", 8080).0);
        assert!(answers, "no answer from {image}");
        server
    }

    /// Whether the check passes, and what it says.
    fn checked(&self, path: &str, port: u16) -> (bool, String) {
        let output = Command::new("docker")
            .args(["exec", &self.0, "sh", "-c", &check(path, port)])
            .output()
            .unwrap();
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8_lossy(&words).into_owned();
        (output.status.success(), words)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["rm", "--force", &self.0])
            .output();
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_http_check_works_with_curl_with_wget_and_with_bash_alone() {
    let (curl, bash) = (Image::with("curl"), Image::with("bash"));
    let serve = ["httpd", "-f", "-p", "8080", "-h", "/www"];
    for (tool, server) in [
        ("curl", Server::start(&curl.name, &serve)),
        ("bash", Server::start(&bash.name, &serve)),
        (
            "wget",
            Server::start(
                "busybox:1.37",
                &[
                    "sh",
                    "-c",
                    "mkdir -p /www/folder; echo page > /www/page; echo folder > /www/folder/index.html; \
                     exec httpd -f -p 8080 -h /www",
                ],
            ),
        ),
    ] {
        // A redirection counts: `/folder` leads to `/folder/`.
        for (path, port, expected) in [
            ("/page", 8080, true),
            ("/page?deep=1&percent=%20", 8080, true),
            ("/folder", 8080, true),
            ("/missing", 8080, false),
            ("/page", 8081, false),
        ] {
            let (passed, words) = server.checked(path, port);
            assert_eq!(passed, expected, "{tool}, {path} at {port}: {words}");
            assert!(!words.contains("not found\n"), "{tool}: {words}");
        }
    }
    let server = Server::start(&bash.name, &serve);
    assert_eq!(server.checked("/missing", 8080).1, "HTTP status 404\n");
}
