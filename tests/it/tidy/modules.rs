//! How the modules of `src` hang together.
//!
//! A module is a file. It names another one where a path in it leads there: a path of a `use`, or one that is
//! written out from `crate`, `super` or a module that is imported. A path that leads to a re-export leads to where
//! that comes from. Tests at the end of a file are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, sources};

/// The parts of its path below the crate: `["ops", "sync"]`; none for the crate itself.
type Module = Vec<String>;

/// Which module names which, and with what path.
struct Modules {
    named: BTreeMap<Module, BTreeMap<Module, String>>,
}

impl Modules {
    fn of_src() -> Self {
        let files = sources().into_iter().filter(|file| file.path != "main.rs");
        Modules::of(files.map(|file| (file.path, file.code)))
    }

    fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: BTreeMap<Module, File> = files
            .into_iter()
            .map(|(path, code)| (module(&path), File::read(&code)))
            .collect();
        let mut re_exports: BTreeMap<(&Module, &str), Module> = BTreeMap::new();
        for (at, file) in &files {
            for import in file.imports.iter().filter(|import| import.is_re_export) {
                if let Some((to, [name])) = leads(&files, at, &import.path) {
                    re_exports.insert((at, name), to);
                }
            }
        }
        let mut named: BTreeMap<Module, BTreeMap<Module, String>> = BTreeMap::new();
        for (at, file) in &files {
            let imported = |first: &str| {
                let mut imports = file.imports.iter();
                imports
                    .find(|import| import.path.last().is_some_and(|last| last == first))
                    .map(|import| import.path.clone())
            };
            let written = file.written.iter().filter_map(|path| {
                if ["crate", "super", "self"].contains(&path[0].as_str()) {
                    return Some(path.clone());
                }
                Some([imported(&path[0])?, path[1..].to_vec()].concat())
            });
            let imports = file.imports.iter().map(|import| import.path.clone());
            for path in imports.chain(written) {
                let Some((mut to, mut rest)) = leads(&files, at, &path) else {
                    continue;
                };
                while let Some(from) = rest.first().and_then(|name| re_exports.get(&(&to, name))) {
                    (to, rest) = (from.clone(), &[]);
                }
                let said = named.entry(at.clone()).or_default();
                said.entry(to).or_insert_with(|| path.join("::"));
            }
        }
        Modules { named }
    }

    /// All that a module names, but what is above it, below it or itself.
    fn beside(&self, at: &Module) -> impl Iterator<Item = (&Module, &String)> {
        let named = self.named.get(at).into_iter().flatten();
        let at = at.clone();
        named.filter(move |(to, _)| !to.starts_with(&at) && !at.starts_with(to))
    }

    fn reached_from(&self, at: &Module) -> BTreeSet<&Module> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Module> = self.beside(at).map(|(to, _)| to).collect();
        while let Some(module) = next.pop() {
            if reached.insert(module) {
                next.extend(self.beside(module).map(|(to, _)| to));
            }
        }
        reached
    }

    /// Where modules name one that leads back to them.
    fn circles(&self) -> Vec<Circle> {
        let all = self.named.keys();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> = all
            .map(|module| (module, self.reached_from(module)))
            .collect();
        let returns =
            |from: &Module, to: &Module| reached.get(from).is_some_and(|it| it.contains(to));
        let mut circles = Vec::new();
        for at in self.named.keys() {
            for (to, path) in self.beside(at).filter(|(to, _)| returns(to, at)) {
                circles.push(Circle {
                    at: at.clone(),
                    to: to.clone(),
                    path: path.clone(),
                });
            }
        }
        circles
    }
}

/// A module that names one which leads back to it.
struct Circle {
    at: Module,
    to: Module,
    path: String,
}

impl Circle {
    fn complaint(&self) -> String {
        let (at, to) = (self.at.join("::"), self.to.join("::"));
        let path = &self.path;
        format!("`{at}` names `{path}`, and `{to}` leads back to it")
    }
}

/// What a file says of others.
struct File {
    imports: Vec<Import>,
    /// Paths with two or more parts.
    written: Vec<Vec<String>>,
}

struct Import {
    is_re_export: bool,
    path: Vec<String>,
}

impl File {
    fn read(code: &str) -> Self {
        let (mut imports, mut rest) = (Vec::new(), String::new());
        let mut lines = code.lines();
        while let Some(line) = lines.next() {
            let statement = line.trim_start();
            let (visibility, used) = match statement.split_once("use ") {
                Some((before, used)) if before.is_empty() || before.starts_with("pub") => {
                    (before, used)
                }
                _ => {
                    rest.push_str(line);
                    rest.push('\n');
                    continue;
                }
            };
            let mut used = used.to_owned();
            while !used.contains(';') {
                used.push_str(lines.next().unwrap_or(";"));
            }
            let tree = used.split(';').next().unwrap_or_default();
            for path in expanded(tree) {
                imports.push(Import {
                    is_re_export: !visibility.is_empty(),
                    path: parts(&path),
                });
            }
        }
        let is_path = |character: char| character.is_alphanumeric() || "_:".contains(character);
        let words = rest.split(|character| !is_path(character)).map(parts);
        File {
            imports,
            written: words.filter(|path| path.len() > 1).collect(),
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    let path = path.split(" as ").next().unwrap_or_default();
    let parts = path.split("::").map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `a::{b, c::{d, self}}` as `a::b`, `a::c::d` and `a::c`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.to_owned()];
    };
    let inner = inner.rsplit_once('}').unwrap_or((inner, "")).0;
    let (mut depth, mut branches) = (0, vec![String::new()]);
    for character in inner.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(String::new());
                continue;
            }
            _ => {}
        }
        branches.last_mut().unwrap().push(character);
    }
    let branches = branches.iter().map(|branch| branch.trim());
    let branches = branches.filter(|branch| !branch.is_empty());
    branches
        .flat_map(|branch| match branch.strip_prefix("self") {
            Some("") => vec![before.trim_end_matches("::").to_owned()],
            _ => expanded(&format!("{before}{branch}")),
        })
        .collect()
}

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = path.split('/').filter(|part| *part != "lib");
    parts.map(str::to_owned).collect()
}

/// The module that a path leads to from another one, and what it names in there; none where it leads out of
/// the crate.
fn leads<'p>(
    files: &BTreeMap<Module, File>,
    at: &Module,
    path: &'p [String],
) -> Option<(Module, &'p [String])> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let (mut module, mut rest) = match path.first()?.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "self" => (at.clone(), &path[1..]),
        "super" => (at[..at.len().checked_sub(ups)?].to_vec(), &path[ups..]),
        first => {
            let below = [at.as_slice(), &[first.to_owned()]].concat();
            files.contains_key(&below).then_some((at.clone(), path))?
        }
    };
    while let Some(next) = rest.first() {
        let below = [module.as_slice(), std::slice::from_ref(next)].concat();
        if !files.contains_key(&below) {
            break;
        }
        (module, rest) = (below, &rest[1..]);
    }
    Some((module, rest))
}

/// Arguments that several commands take.
const SHARED: &[&str] = &["filter"];

#[test]
fn no_command_names_another() {
    let modules = Modules::of_src();
    let mut complaints = Vec::new();
    for at in modules
        .named
        .keys()
        .filter(|at| at.len() > 1 && at[0] == "commands")
    {
        for (to, path) in modules.beside(at) {
            if to[0] == "commands" && to[1] != at[1] && !SHARED.contains(&to[1].as_str()) {
                complaints.push(format!("`{}` names `{path}`", at.join("::")));
            }
        }
    }
    assert_none(&complaints);
}

/// From the command line down. Each names what is on its own floor or below.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["commands"],
    &["ops"],
    &["doctor"],
    &["docker", "git"],
    &["host"],
];

#[test]
fn no_module_names_what_stands_on_it() {
    let floor = |module: &Module| {
        let top = module.first().map(String::as_str).unwrap_or_default();
        let found = FLOORS.iter().position(|floor| floor.contains(&top));
        found.unwrap_or(FLOORS.len())
    };
    let modules = Modules::of_src();
    let mut complaints = Vec::new();
    for at in modules.named.keys() {
        for (to, path) in modules.beside(at) {
            if floor(to) < floor(at) {
                complaints.push(format!("`{}` names `{path}`", at.join("::")));
            }
        }
    }
    assert_none(&complaints);
}

/// Whose files still lead back to themselves. None is added, and one without circles is taken out.
const TANGLED: &[&str] = &["git"];

#[test]
fn modules_form_no_circles() {
    let (tangled, others): (Vec<Circle>, Vec<Circle>) = Modules::of_src()
        .circles()
        .into_iter()
        .partition(|circle| TANGLED.contains(&circle.at[0].as_str()));
    let complaints: Vec<String> = others.iter().map(Circle::complaint).collect();
    assert_none(&complaints);
    for top in TANGLED {
        let is_tangled = tangled.iter().any(|circle| circle.at[0] == *top);
        assert!(
            is_tangled,
            "`{top}` has no circles: take it out of the list"
        );
    }
}

#[test]
fn circles_are_seen_and_no_others() {
    let circles = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(path, code)| ((*path).to_owned(), (*code).to_owned()));
        Modules::of(files).circles().len()
    };
    let cases: [(&[(&str, &str)], usize); 7] = [
        (
            &[("a.rs", "use crate::b::X;"), ("b.rs", "use super::a::Y;")],
            2,
        ),
        (
            &[("a.rs", "use crate::b::{\n    self, X,\n};"), ("b.rs", "")],
            0,
        ),
        // Written out, and by an imported module.
        (
            &[
                ("a.rs", "fn f() { crate::b::f() }"),
                ("b.rs", "use crate::a;\nfn f() { a::f() }"),
            ],
            2,
        ),
        // A module and what is below it.
        (
            &[("a.rs", "mod b;\nuse b::X;"), ("a/b.rs", "use super::Y;")],
            0,
        ),
        // Siblings of one folder, one by a re-export of their parent.
        (
            &[
                ("a.rs", "mod b;\nmod c;\npub use b::X;"),
                ("a/b.rs", "use super::c::Y;"),
                ("a/c.rs", "use super::X;"),
            ],
            2,
        ),
        // Three in a row.
        (
            &[
                ("a.rs", "use crate::b::X;"),
                ("b.rs", "use crate::c::X;"),
                ("c.rs", "use crate::a::{b::X, Y};"),
            ],
            3,
        ),
        (&[("a.rs", "use std::b;"), ("b.rs", "use crate::a;")], 0),
    ];
    for (files, expected) in cases {
        assert_eq!(circles(files), expected, "{files:?}");
    }
}
