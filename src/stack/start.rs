//! How a repo is started in production, from what its files say. What they do not say is not guessed:
//! a wrong command looks right until it runs.

use super::files::{Files, name_of, names};
use super::{Framework, Scripts};
use crate::dockerfile::rules;

/// What is known of a folder when its start command is looked for.
pub(super) struct Known<'a> {
    pub stack: &'a str,
    pub files: &'a Files,
    /// The texts of the stack's own files.
    pub texts: &'a [&'a str],
    pub framework: Option<&'a Framework>,
    pub scripts: Option<&'a Scripts>,
    /// The file that the program begins with.
    pub main: Option<&'a str>,
    /// The same as a module of Python.
    pub module: Option<&'a str>,
    pub port: u16,
}

/// The command that starts it in the image that `fitout dockerfile` writes for production.
pub(super) fn find(known: &Known<'_>) -> Option<String> {
    match known.stack {
        "node" => node(known),
        "python" => python(known),
        "ruby" => ruby(known),
        // The image has the program under this name.
        "go" => known.main.map(|_| "service".to_owned()),
        "rust" => binary(known.files).map(|_| "service".to_owned()),
        "dotnet" => {
            let project = project(known.files)?;
            let name = name_of(project).rsplit_once('.')?.0;
            Some(format!("dotnet {name}.dll"))
        }
        "java" => match known.framework_name()? {
            "Spring Boot" => Some("java -jar app.jar".to_owned()),
            "Quarkus" => Some("java -jar quarkus-run.jar".to_owned()),
            _ => None,
        },
        "php" => known.main.map(|_| "apache2-foreground".to_owned()),
        _ => None,
    }
}

impl Known<'_> {
    fn framework_name(&self) -> Option<&str> {
        self.framework.map(|framework| framework.name.as_str())
    }

    fn depends_on(&self, word: &str) -> bool {
        self.texts.iter().any(|text| names(text, word))
    }
}

/// Programs whose `start` is for development, beside those that lint knows.
const DEVELOPMENT_STARTS: [&str; 6] =
    ["react-scripts", "nest", "ng", "ts-node", "gatsby", "parcel"];

/// The script's own line where that is a plain command: npm in front of it would keep signals from
/// the program.
fn node(known: &Known<'_>) -> Option<String> {
    let scripts = known.scripts?;
    let script = script(known.files.text(&scripts.file)?, &scripts.start);
    let is_site = known.framework.is_some_and(|it| it.site.is_some());
    if let Some((name, line)) = script {
        let words: Vec<&str> = line.split_whitespace().collect();
        let program = words.first().copied().unwrap_or_default();
        let is_for_development =
            DEVELOPMENT_STARTS.contains(&program) || rules::is_development_server(&words);
        // A site is served by a web server, unless the repo has a server of its own.
        if is_for_development || (is_site && program != "node") {
            return None;
        }
        return Some(if is_plain(&line) {
            line
        } else {
            format!("npm run {name}")
        });
    }
    let by_framework = match known.framework_name() {
        Some("Next.js") => Some("next start"),
        Some("Nuxt") => Some("node .output/server/index.mjs"),
        Some("Astro on Node.js") => Some("node dist/server/entry.mjs"),
        _ => None,
    };
    // npm's own default for a package without a start script.
    let by_npm = (known.files.has("server.js") && !is_site).then_some("node server.js");
    by_framework.or(by_npm).map(str::to_owned)
}

/// Whether a line is words alone, with nothing that a shell has to do.
pub(super) fn is_plain(line: &str) -> bool {
    let is_assignment = line
        .split_whitespace()
        .next()
        .is_some_and(|word| word.contains('='));
    !is_assignment
        && !line.contains([
            '&', '|', ';', '<', '>', '$', '`', '"', '\'', '(', '{', '*', '~', '\\', '#',
        ])
}

fn python(known: &Known<'_>) -> Option<String> {
    let port = known.port;
    let gunicorn = |application: &str| {
        known
            .depends_on("gunicorn")
            .then(|| format!("gunicorn --bind 0.0.0.0:{port} {application}"))
    };
    let uvicorn = |application: &str| {
        let is_there = known.depends_on("uvicorn") || known.depends_on("fastapi[standard]");
        is_there.then(|| format!("uvicorn --host 0.0.0.0 --port {port} {application}"))
    };
    let text = known.files.text(known.main.unwrap_or_default());
    let module = known.module.unwrap_or_default();
    match known.framework_name() {
        Some("Django") => {
            let package = |file: &str| {
                let path = known.files.find(&format!("*/{file}.py"))?;
                Some(format!("{}.{file}:application", path.split_once('/')?.0))
            };
            package("wsgi")
                .and_then(|application| gunicorn(&application))
                .or_else(|| package("asgi").and_then(|application| uvicorn(&application)))
        }
        Some("Flask") => match application(text?, "Flask")? {
            Application::Object(name) => gunicorn(&format!("{module}:{name}")),
            Application::Factory(name) => gunicorn(&format!("{module}:{name}()")),
        },
        Some("FastAPI") => match application(text?, "FastAPI")? {
            Application::Object(name) => uvicorn(&format!("{module}:{name}")),
            Application::Factory(name) => uvicorn(&format!("--factory {module}:{name}")),
        },
        Some("Streamlit") => Some(format!(
            "streamlit run {} --server.address 0.0.0.0 --server.port {port} --server.headless true",
            known.main?
        )),
        _ => {
            let is_program = text?.contains("if __name__ ==");
            is_program.then(|| format!("python {}", known.main.unwrap_or_default()))
        }
    }
}

/// How a server gets at a Python application.
enum Application {
    /// A variable of the module.
    Object(String),
    /// A function without arguments.
    Factory(String),
}

/// `app = Flask(__name__)` at the top of a module, or else `def create_app():`.
fn application(text: &str, class: &str) -> Option<Application> {
    let object = text.lines().find_map(|line| {
        let (left, right) = line.split_once('=')?;
        let called = right.trim().split_once('(')?.0;
        let name = left.split(':').next()?.trim_end();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let is_class = called.rsplit('.').next() == Some(class);
        (is_name && is_class).then(|| Application::Object(name.to_owned()))
    });
    let factory = || {
        ["create_app", "make_app"]
            .into_iter()
            .find(|name| {
                text.lines()
                    .any(|line| line.starts_with(&format!("def {name}()")))
            })
            .map(|name| Application::Factory(name.to_owned()))
    };
    object.or_else(factory)
}

fn ruby(known: &Known<'_>) -> Option<String> {
    let port = known.port;
    if known.framework_name() == Some("Rails") {
        return Some(format!("bundle exec rails server -b 0.0.0.0 -p {port}"));
    }
    // Without it, nobody but the repo's people knows how it is started.
    if !known.files.has("config.ru") {
        return None;
    }
    if known.depends_on("puma") {
        Some(format!("bundle exec puma --bind tcp://0.0.0.0:{port}"))
    } else if known.depends_on("rackup") {
        Some(format!("bundle exec rackup -o 0.0.0.0 -p {port}"))
    } else {
        None
    }
}

/// The name of the one program that a crate makes.
pub(super) fn binary(files: &Files) -> Option<String> {
    let table: toml::Table = toml::from_str(files.text("Cargo.toml")?).ok()?;
    let named = |table: &toml::Value| Some(table.get("name")?.as_str()?.to_owned());
    match table
        .get("bin")
        .and_then(toml::Value::as_array)
        .map(Vec::as_slice)
    {
        Some([only]) => named(only),
        None if files.has("src/main.rs") => named(table.get("package")?),
        _ => None,
    }
}

/// The .NET project that is the service: the only one, or the only one for the web.
pub(super) fn project(files: &Files) -> Option<&str> {
    let projects = || {
        files
            .paths()
            .filter(|path| path.ends_with(".csproj") || path.ends_with(".fsproj"))
    };
    let is_web = |path: &&str| {
        files
            .text(path)
            .is_some_and(|text| text.contains("Microsoft.NET.Sdk.Web"))
    };
    only(projects().filter(is_web)).or_else(|| only(projects()))
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Returns the name and the line of the first script that exists.
pub(super) fn script(text: &str, wanted: &[String]) -> Option<(String, String)> {
    let package: serde_json::Value = serde_json::from_str(text).ok()?;
    let scripts = package.get("scripts")?;
    wanted.iter().find_map(|name| {
        let line = scripts.get(name)?.as_str()?;
        Some((name.clone(), line.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_what_the_module_says_it_is() {
        let shown = |text: &str| {
            application(text, "Flask").map(|application| match application {
                Application::Object(name) => name,
                Application::Factory(name) => format!("{name}()"),
            })
        };
        for (text, expected) in [
            ("app = Flask(__name__)\n", Some("app")),
            ("server: Flask = flask.Flask(__name__)\n", Some("server")),
            (
                "def create_app():\n    app = Flask(__name__)\n",
                Some("create_app()"),
            ),
            ("def create_app(config):\n    pass\n", None),
            ("from flask import Flask\n", None),
            ("if name == Flask(1):\n", None),
            ("api = NotFlask()\n", None),
        ] {
            assert_eq!(shown(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_words_need_no_shell() {
        for (line, expected) in [
            ("node dist/main.js --max-old-space-size=512", true),
            ("NODE_ENV=production node .", false),
            ("node a && node b", false),
            ("node \"a b\"", false),
        ] {
            assert_eq!(is_plain(line), expected, "{line}");
        }
    }
}
