//! Which stacks a folder is of, and what its files say about each.

use super::files::{Files, folder_of, names};
use super::start::{self, Known, script};
use super::version::{self, at};
use super::{CATALOG, Definition, Framework, PackageManager};

/// What a folder's files say of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The name of its folder in `templates/stacks`: `node`.
    pub name: &'static str,
    /// The version that the repo asks for, as the tag of an image: `20`, `3.12`.
    pub version: Option<String>,
    /// `pnpm`.
    pub package_manager: &'static str,
    /// `Next.js`.
    pub framework: Option<&'static str>,
    /// The port that the service listens on: the repo's own, or else the usual one.
    pub port: u16,
    /// Runs it while it is developed.
    pub dev: Option<String>,
    /// Runs it in the image for production; where that is not known, nothing.
    pub start: Option<String>,
    /// Folders beside the source that tools fill: `node_modules`.
    pub keep: Vec<String>,
    /// Whether something says that it is a service, and not a library or a tool.
    pub serves: bool,
}

impl Stack {
    /// Its definition.
    pub fn definition(&self) -> &'static Definition {
        &CATALOG[self.name]
    }

    pub(super) fn framework_definition(&self) -> Option<&'static Framework> {
        let frameworks = &self.definition().frameworks;
        let named = |framework: &&Framework| Some(framework.name.as_str()) == self.framework;
        frameworks.iter().find(named)
    }

    /// For people: `Node.js 20, pnpm, Next.js`.
    pub fn describe(&self) -> String {
        let title = &self.definition().title;
        let mut parts = vec![match &self.version {
            Some(version) => format!("{title} {version}"),
            None => title.clone(),
        }];
        // Where there is only one, its name says nothing.
        if self.definition().package_managers.len() > 1 {
            parts.push(self.package_manager.to_owned());
        }
        parts.extend(self.framework.map(str::to_owned));
        parts.join(", ")
    }
}

/// The stacks of a folder, the one that makes its service first.
pub fn detect(files: &Files) -> Vec<Stack> {
    detect_on(files, None)
}

/// Like the above, with the known port of the service.
pub fn detect_on(files: &Files, port: Option<u16>) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = CATALOG
        .iter()
        .filter(|(_, stack)| stack.files.iter().any(|file| files.find(file).is_some()))
        .map(|(name, definition)| stack(name, definition, files, port))
        .collect();
    stacks.sort_by_key(|stack| (stack.definition().auxiliary, !stack.serves));
    stacks
}

fn stack(
    name: &'static str,
    definition: &'static Definition,
    files: &Files,
    port: Option<u16>,
) -> Stack {
    let texts: Vec<&str> = definition
        .files
        .iter()
        .filter_map(|file| files.text(files.find(file)?))
        .collect();
    let manager = package_manager(definition, files, &texts);
    let framework = definition
        .frameworks
        .iter()
        .find(|framework| uses(framework, files, &texts));
    let script = |names: fn(&super::Scripts) -> &[String]| {
        let scripts = definition.scripts.as_ref()?;
        script(files.text(&scripts.file)?, names(scripts))
    };
    let dev_script = script(|scripts| &scripts.dev);
    let port = port
        .or_else(|| files.port_of_env_example())
        .or_else(|| port_in(&dev_script.as_ref()?.1))
        .or(framework.map(|framework| framework.port))
        .unwrap_or(definition.port);

    let filler = Filler {
        port,
        run: manager.run.as_deref().unwrap_or_default(),
        main: main(definition, files),
    };
    let by_script = |script: &Option<(String, String)>| {
        let (name, _) = script.as_ref()?;
        Some(format!("{} {name}", filler.run))
    };
    let dev_template = framework
        .and_then(|it| it.dev_with.get(&manager.name).or(it.dev.as_ref()))
        .or(definition.dev.as_ref());
    let dev = by_script(&dev_script).or_else(|| filler.fill(dev_template?));
    let module = filler.main.map(module);
    let start = start::find(&Known {
        stack: name,
        files,
        texts: &texts,
        framework,
        scripts: definition.scripts.as_ref(),
        main: filler.main,
        module: module.as_deref(),
        port,
    });
    let mut keep = definition.keep.clone();
    keep.extend(manager.keep.iter().cloned());
    keep.extend(framework.iter().flat_map(|it| it.keep.iter().cloned()));
    Stack {
        name,
        version: version::find(definition, files),
        package_manager: &manager.name,
        framework: framework.map(|framework| framework.name.as_str()),
        port,
        serves: framework.is_some() || dev_script.is_some(),
        dev,
        start,
        keep,
    }
}

fn package_manager(
    definition: &'static Definition,
    files: &Files,
    texts: &[&str],
) -> &'static PackageManager {
    let managers = &definition.package_managers;
    let has_file = |manager: &&PackageManager| manager.files.iter().any(|file| files.has(file));
    let has_table = |manager: &&PackageManager| {
        manager.table.as_ref().is_some_and(|path| {
            texts.iter().any(|text| {
                toml::from_str(text).is_ok_and(|table: toml::Table| at(&table, path).is_some())
            })
        })
    };
    managers
        .iter()
        .find(has_file)
        .or_else(|| managers.iter().find(has_table))
        .unwrap_or(&managers[managers.len() - 1])
}

fn uses(framework: &Framework, files: &Files, texts: &[&str]) -> bool {
    let named = framework
        .word
        .as_ref()
        .is_some_and(|word| texts.iter().any(|text| names(text, word)));
    named || framework.files.iter().any(|file| files.has(file))
}

/// The port that a command line asks for: `--port 4000`, `--port=4000`, `-p 4000`, `PORT=4000`.
fn port_in(line: &str) -> Option<u16> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.iter().enumerate().find_map(|(index, word)| {
        let value = match *word {
            "--port" | "-p" => *words.get(index + 1)?,
            word => word
                .strip_prefix("--port=")
                .or_else(|| word.strip_prefix("PORT="))?,
        };
        value.parse().ok().filter(|port| *port > 0)
    })
}

/// The file that a program begins with.
pub(super) fn main<'f>(definition: &Definition, files: &'f Files) -> Option<&'f str> {
    definition.main.iter().find_map(|main| files.find(main))
}

/// A file as a module of Python: `app.main`.
fn module(main: &str) -> String {
    let module = main.strip_suffix(".py").unwrap_or(main);
    let module = module.strip_prefix("src/").unwrap_or(module);
    module.replace('/', ".")
}

/// What stands in for the `{…}` of a command.
struct Filler<'a> {
    port: u16,
    run: &'a str,
    main: Option<&'a str>,
}

impl Filler<'_> {
    /// `None` where the command needs a main file and there is none.
    fn fill(&self, template: &str) -> Option<String> {
        let mut text = template
            .replace("{port}", &self.port.to_string())
            .replace("{run}", self.run);
        if ["{main}", "{module}", "{folder}"]
            .iter()
            .any(|name| text.contains(name))
        {
            let main = self.main?;
            let folder = match folder_of(main) {
                "" => ".".to_owned(),
                folder => format!("./{folder}"),
            };
            text = text
                .replace("{main}", main)
                .replace("{module}", &module(main))
                .replace("{folder}", &folder);
        }
        Some(text.trim().to_owned())
    }
}
