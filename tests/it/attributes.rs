//! What attributes and settings of line ends make of files: tables of both, and two clones for each pair, one
//! that the user's git makes and moves and one that fitout does. Bytes and `git status` have to be the same.
//!
//! `FITOUT_ATTRIBUTES=all` tries every row under all settings. A new case is a new row.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::context::{TestContext, files_of};

/// Attributes that come, and then change.
struct Row {
    name: &'static str,
    /// Files of attributes by path, with `\n` at the end added.
    first: &'static [(&'static str, &'static str)],
    then: &'static [(&'static str, &'static str)],
    tried: Tried,
}

/// How often a row is tried without `FITOUT_ATTRIBUTES`.
#[derive(PartialEq)]
enum Tried {
    /// Under all settings.
    Always,
    /// Where nothing is set.
    Once,
    Never,
}

const ROOT: &str = ".gitattributes";

macro_rules! rows {
    ($($tried:ident $name:literal: $first:expr => $then:expr;)*) => {
        &[$(Row { name: $name, first: $first, then: $then, tried: rows!(@$tried) }),*]
    };
    (@each) => { Tried::Always };
    (@some) => { Tried::Once };
    (@more) => { Tried::Never };
}

const ROWS: &[Row] = rows! {
    each "nothing": &[] => &[];
    some "text": &[(ROOT, "* text")] => &[(ROOT, "* -text")];
    more "no text": &[(ROOT, "* -text")] => &[(ROOT, "* text")];
    each "text=auto": &[(ROOT, "* text=auto")] => &[(ROOT, "* text=auto eol=crlf")];
    more "eol=crlf of some": &[(ROOT, "*.txt eol=crlf\n*.svelte eol=crlf")] => &[(ROOT, "*.txt eol=lf")];
    each "eol=crlf of all": &[(ROOT, "* text=auto eol=crlf")] => &[(ROOT, "* text=auto eol=lf")];
    some "eol=lf": &[(ROOT, "* eol=lf")] => &[(ROOT, "* eol=crlf\n*.dat -text")];
    more "text=input": &[(ROOT, "* crlf=input")] => &[(ROOT, "*.txt crlf\n*.c -crlf")];
    some "ident": &[(ROOT, "*.c ident")] => &[];
    more "ident comes": &[] => &[(ROOT, "*.c ident")];
    some "ident goes": &[(ROOT, "*.c ident")] => &[(ROOT, "*.c -ident")];
    each "ident and line ends": &[(ROOT, "*.c ident eol=crlf")] => &[(ROOT, "*.c ident eol=lf")];
    some "ident of a macro": &[(ROOT, "[attr]mine ident eol=crlf\n*.c mine")] => &[(ROOT, "[attr]mine ident\n*.c -mine")];
    more "a macro of a folder": &[("dir/.gitattributes", "[attr]mine ident\n*.c mine")] => &[("dir/.gitattributes", "*.c ident")];
    some "ident is a word": &[(ROOT, "*.c ident=yes")] => &[(ROOT, "*.c -ident\n*.txt ident=")];
    some "UTF-16": &[(ROOT, "u.txt working-tree-encoding=UTF-16")] => &[(ROOT, "u.txt text working-tree-encoding=UTF-16LE-BOM")];
    more "UTF-16LE-BOM": &[(ROOT, "u.txt text working-tree-encoding=UTF-16LE-BOM")] => &[];
    some "UTF-16LE with line ends": &[(ROOT, "u.txt text eol=crlf working-tree-encoding=UTF-16LE")] => &[(ROOT, "u.txt working-tree-encoding=UTF-16BE")];
    more "ISO-8859-1": &[(ROOT, "u.txt working-tree-encoding=ISO-8859-1")] => &[(ROOT, "u.txt -working-tree-encoding")];
    more "UTF-8": &[(ROOT, "u.txt working-tree-encoding=UTF-8")] => &[(ROOT, "u.txt working-tree-encoding=utf8")];
    more "an encoding of a folder": &[("dir/.gitattributes", "*.txt working-tree-encoding=UTF-16")] => &[("dir/.gitattributes", "# *.txt working-tree-encoding=UTF-16")];
    some "an unknown encoding": &[(ROOT, "u.txt working-tree-encoding=x-none")] => &[(ROOT, "u.txt !working-tree-encoding")];
    some "an encoding without value": &[(ROOT, "u.txt -working-tree-encoding")] => &[(ROOT, "*.c -working-tree-encoding eol=crlf")];
    some "a filter": &[(ROOT, "b.c filter=turn")] => &[(ROOT, "b.c -filter")];
    more "a filter that is required": &[(ROOT, "b.c filter=must eol=crlf")] => &[(ROOT, "a.txt filter=must")];
    some "a filter and ident": &[(ROOT, "b.c filter=turn ident")] => &[(ROOT, "b.c filter=must ident eol=crlf")];
    some "a filter that is not there": &[(ROOT, "b.c filter=none")] => &[(ROOT, "b.c filter=none eol=crlf")];
    some "binary": &[(ROOT, "* text=auto\n*.txt binary")] => &[(ROOT, "* text=auto\n*.txt !binary")];
    more "binary goes": &[(ROOT, "* eol=crlf\n*.txt binary\na.txt -binary text")] => &[(ROOT, "* eol=crlf\n*.dat binary")];
    some "a quoted pattern": &[(ROOT, "\"a b.txt\" eol=crlf")] => &[(ROOT, "\"a b.txt\" eol=lf")];
    some "an escaped pattern": &[(ROOT, "\"a\\040b.txt\" eol=crlf\n\"\\143\" eol=crlf")] => &[(ROOT, "\"a\\tb.txt\" eol=crlf\n\"+page\\056svelte\" eol=crlf")];
    some "a quote that does not end": &[(ROOT, "\"a eol=crlf\nb.txt\" eol=crlf")] => &[(ROOT, "\"a.txt\"eol=crlf")];
    some "no text is said again": &[(ROOT, "* text eol=crlf\na.txt !text !eol\nb.c -text")] => &[(ROOT, "* text eol=crlf\n*.c !eol")];
    some "attributes of a folder": &[(ROOT, "*.txt eol=crlf"), ("dir/.gitattributes", "*.txt -text"), ("dir/deep/.gitattributes", "* eol=crlf")] => &[(ROOT, "*.txt eol=crlf"), ("dir/.gitattributes", "*.txt eol=crlf"), ("dir/deep/.gitattributes", "*.c -text")];
    some "patterns with folders": &[(ROOT, "dir/** eol=crlf\n/a.txt eol=crlf\n**/n.c -text")] => &[(ROOT, "dir/ eol=crlf\n/dir/*.txt eol=crlf\ndeep/n.c eol=crlf")];
    some "a negative pattern": &[(ROOT, "*.txt eol=crlf\n!a.txt -text")] => &[(ROOT, "\\!a.txt eol=crlf\n#a.txt eol=crlf")];
    some "lines that end with CRLF": &[(ROOT, "*.txt eol=crlf\r\n*.c ident\r")] => &[(ROOT, "*.txt eol=crlf\r\n*.c eol=crlf\r")];
    some "a byte order mark": &[(ROOT, "\u{feff}*.txt eol=crlf")] => &[(ROOT, "\u{feff}\n*.c eol=crlf")];
    some "tabs and odd names": &[(ROOT, "\t*.txt\teol=crlf  text\n*.c eol=crlf _a -\u{e9}")] => &[(ROOT, " *.c  eol=crlf -=x")];
    more "odd values": &[(ROOT, "*.txt text eol=CRLF\n*.c text eol=cr")] => &[(ROOT, "*.txt text=yes eol\n*.c text= -eol")];
    some "classes of characters": &[(ROOT, "[a-c].txt eol=crlf\nb.? eol=crlf\n\"[+]page.*\" eol=crlf")] => &[(ROOT, "[!a].txt eol=crlf\n[[:alpha:]].c eol=crlf")];
    more "another spelling": &[(ROOT, "*.TXT eol=crlf\nB.C eol=crlf")] => &[(ROOT, "A.txt eol=crlf")];
    more "export-subst": &[(ROOT, "*.c export-subst diff=x merge=union")] => &[(ROOT, "*.c export-ignore")];
    some "CRLF is stored": &[(ROOT, "stored.crlf text=auto\n*.txt eol=crlf")] => &[];
};

/// Settings of the user, under which each row is tried.
const SETTINGS: &[(&str, &str)] = &[
    ("nothing is set", ""),
    ("autocrlf", "[core]\nautocrlf = true"),
    ("autocrlf=input", "[core]\nautocrlf = input"),
    ("eol=crlf", "[core]\neol = crlf"),
    (
        "eol=crlf, autocrlf=input",
        "[core]\neol = crlf\nautocrlf = input",
    ),
    ("safecrlf", "[core]\nautocrlf = true\nsafecrlf = true"),
    (
        "safecrlf and eol=crlf",
        "[core]\neol = crlf\nsafecrlf = true",
    ),
    ("ignorecase", "[core]\nignoreCase = true"),
    (
        "a file of the user's",
        "[core]\nattributesFile = ~/attributes",
    ),
];

/// For `core.attributesFile`.
const OF_USER: &str = "*.c ident\n*.txt eol=crlf\n";

const FILTERS: &str = "
[filter \"turn\"]
    clean = tr a-zA-Z n-za-mN-ZA-M
    smudge = tr a-zA-Z n-za-mN-ZA-M
[filter \"must\"]
    clean = tr a-zA-Z n-za-mN-ZA-M
    smudge = tr a-zA-Z n-za-mN-ZA-M
    required = true
";

/// A commit's files beside those of attributes, `version` in those that change.
fn files(version: u32, with_crlf: bool) -> Vec<(&'static str, Vec<u8>)> {
    let text = |begin: &str| format!("{begin}\nof version {version}\n").into_bytes();
    let mut files = vec![
        // Before `.gitattributes` and after it.
        ("+page.svelte", text("page")),
        ("a b.txt", text("a b")),
        ("a.txt", text("a")),
        ("b.c", text("/* $Id$ */")),
        ("bin.dat", [text("\0\u{1}"), text("")].concat()),
        ("dir/deep/n.c", text("/* $Id$ */")),
        ("dir/kept.txt", b"kept\nfor ever\n".to_vec()),
        ("dir/n.txt", text("n")),
        ("kept.c", b"/* $Id$ */\nkept\n".to_vec()),
        ("kept.txt", b"kept\nfor ever\n".to_vec()),
        ("u.txt", text("gr\u{fc}\u{df}e")),
    ];
    if with_crlf {
        files.push(("stored.crlf", format!("{version}\r\nx\r\n").into_bytes()));
        files.push(("stored.mixed", format!("{version}\r\nx\n").into_bytes()));
    }
    files
}

#[test]
fn under_any_attributes_files_are_those_that_git_writes() {
    assert_no_differences(&SETTINGS[..1], |row| row.tried != Tried::Never);
}

/// Files of the user's own that are laid into clones which are there, and what comes with the next update.
const MINE: &[(&[(&str, &str)], Row)] = &[
    (&[(ROOT, "*.txt eol=crlf\n")], MORE_COMES),
    (&[(ROOT, "*.c ident\n")], MORE_COMES),
    (
        &[(ROOT, "come.txt working-tree-encoding=UTF-16\n")],
        MORE_COMES,
    ),
    (&[(ROOT, "come.* filter=turn\n")], MORE_COMES),
    (&[(ROOT, "\"come.txt\" eol=crlf\n")], MORE_COMES),
    (
        &[("dir/.gitattributes", "n.txt eol=crlf\n*.c ident\n")],
        MORE_COMES,
    ),
    (&[("newly/.gitattributes", "* filter=turn\n")], MORE_COMES),
    (
        &[
            (ROOT, "*.txt eol=crlf\n*.c ident\n"),
            (".git/info/exclude", ".gitattributes\n"),
        ],
        MORE_COMES,
    ),
    (
        &[("dir/.gitattributes", "*.txt eol=crlf\n")],
        ATTRIBUTES_COME,
    ),
];

const MORE_COMES: Row = Row {
    name: "nothing",
    first: &[],
    then: &[
        ("come.c", "$Id$"),
        ("come.txt", "gr\u{fc}n"),
        ("newly/a.txt", "a"),
    ],
    tried: Tried::Always,
};

const ATTRIBUTES_COME: Row = Row {
    name: "attributes",
    first: &[],
    then: &[(ROOT, "*.txt -text\n*.c eol=crlf")],
    tried: Tried::Always,
};

#[test]
fn under_attributes_that_are_not_tracked_files_are_those_that_git_writes() {
    let mut differences = String::new();
    for (mine, row) in MINE {
        let company = Company {
            mine,
            ..Company::new("", vec![row])
        };
        for difference in company.differences() {
            writeln!(differences, "{mine:?}: {difference}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn under_any_settings_of_line_ends_files_are_those_that_git_writes() {
    assert_no_differences(&SETTINGS[1..], |row| row.tried == Tried::Always);
}

#[track_caller]
fn assert_no_differences(settings: &[(&str, &str)], is_tried: impl Fn(&Row) -> bool) {
    let all = std::env::var("FITOUT_ATTRIBUTES").is_ok_and(|value| value == "all");
    let mut differences = String::new();
    for (name, settings) in settings {
        let rows = ROWS.iter().filter(|row| all || is_tried(row)).collect();
        for difference in Company::new(settings, rows).differences() {
            writeln!(differences, "{name}: {difference}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// A repo for each row, all of one remote; beside each clone one that git makes.
struct Company<'a> {
    context: TestContext,
    rows: Vec<&'a Row>,
    /// Laid into clones when they are there.
    mine: &'a [(&'a str, &'a str)],
}

impl<'a> Company<'a> {
    fn new(settings: &str, rows: Vec<&'a Row>) -> Self {
        let context = TestContext::new();
        context.write("home/.gitconfig", &format!("{settings}\n{FILTERS}"));
        context.write("home/attributes", OF_USER);
        let company = Company {
            context,
            rows,
            mine: &[],
        };
        let remote = company.context.path("remotes/all.git");
        fs::create_dir(&remote).unwrap();
        company
            .context
            .git("remotes/all.git", &["init", "--quiet", "--bare"]);
        company.fed(&["fast-import", "--quiet"], &company.history());
        company
    }

    /// git in the remote, with something to read.
    fn fed(&self, arguments: &[&str], input: &[u8]) {
        let mut command = self.context.command("git");
        command
            .args(arguments)
            .current_dir(self.context.path("remotes/all.git"));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// For each row its branches: without attributes, with the first, with the next, and one beside them.
    fn history(&self) -> Vec<u8> {
        let mut stream = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let with_crlf = row.name.contains("CRLF is stored");
            let commits = [
                ("before", None, 1, &[][..]),
                ("first", Some("before"), 2, row.first),
                ("then", Some("first"), 3, row.then),
                ("side", Some("first"), 4, &[][..]),
            ];
            for (branch, from, version, attributes) in commits {
                let head = format!(
                    "commit refs/keep/{branch}{number}\ncommitter C <c@example.com> 1700000000 +0000\n\
                     data 1\nx\n"
                );
                stream.extend(head.into_bytes());
                if let Some(from) = from {
                    stream.extend(format!("from refs/keep/{from}{number}\n").into_bytes());
                }
                stream.extend(b"deleteall\n");
                let attributes = attributes
                    .iter()
                    .map(|(path, text)| (*path, format!("{text}\n").into_bytes()));
                for (path, bytes) in attributes.chain(files(version, with_crlf)) {
                    stream.extend(
                        format!("M 100644 inline {path}\ndata {}\n", bytes.len()).into_bytes(),
                    );
                    stream.extend(bytes);
                    stream.push(b'\n');
                }
            }
        }
        stream
    }

    /// Sets branches of the remote: those of `clone`, to the commits.
    fn set(&self, branch: &str, commit: &str) {
        let lines = (0..self.rows.len()).map(|number| {
            format!("update refs/heads/{branch}{number} refs/keep/{commit}{number}\n")
        });
        self.fed(
            &["update-ref", "--stdin"],
            lines.collect::<String>().as_bytes(),
        );
    }

    /// Writes the manifest: two repos for each row, one that begins with its attributes and one without.
    fn manifest(&self, branch: &str) {
        let url = self.context.path("remotes/all.git").display().to_string();
        let mut text = "[workspace]\nname = \"all\"\n".to_owned();
        for number in 0..self.rows.len() {
            for (name, branch) in [("new", branch), ("old", "old")] {
                writeln!(text, "[repos.{name}{number}]\nurl = \"file://{url}\"").unwrap();
                writeln!(text, "branch = \"{branch}{number}\"").unwrap();
            }
        }
        self.context.manifest(&text);
    }

    fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.set("new", "first");
        self.set("side", "side");
        self.set("old", "before");
        self.manifest("new");
        self.ran("clone", &["sync"], &mut found);
        let url = self.context.path("remotes/all.git").display().to_string();
        self.each(&["new", "old"], |name, number| {
            let branch = format!("{name}{number}");
            let to = format!("twin/{branch}");
            // The commits that come later are there already.
            let clone = [
                "clone", "--quiet", "--shared", "--branch", &branch, &url, &to,
            ];
            self.git(".", &clone);
        });
        self.compare("clone", "ws", "new", &mut found);
        self.ran("copy", &["copy", "../copied"], &mut found);
        self.compare("copy", "copied", "new", &mut found);
        // A second is as fine as the time of an index is to git.
        self.age("old", true);
        self.age("new", false);
        self.lay();
        self.compare("files of mine", "ws", "new", &mut found);
        self.set("old", "first");
        self.set("new", "then");
        self.ran("update", &["sync"], &mut found);
        self.each(&["new", "old"], |name, number| {
            let to = if name == "new" { "then" } else { "first" };
            let commit = self.git(
                "remotes/all.git",
                &["rev-parse", &format!("refs/keep/{to}{number}")],
            );
            let merge = ["merge", "--quiet", "--ff-only", commit.trim_end()];
            self.git(&format!("twin/{name}{number}"), &merge);
        });
        self.compare("update that brings", "ws", "old", &mut found);
        self.compare("update that changes", "ws", "new", &mut found);
        self.manifest("side");
        self.ran("switch", &["sync", "--switch"], &mut found);
        self.each(&["new"], |name, number| {
            let branch = format!("side{number}");
            let switch = ["switch", "--quiet", &branch];
            self.git(&format!("twin/{name}{number}"), &switch);
        });
        self.compare("switch", "ws", "new", &mut found);
        found
    }

    /// Puts the user's files into clones.
    fn lay(&self) {
        for place in ["ws", "twin"] {
            self.each(&["new", "old"], |name, number| {
                for (path, text) in self.mine {
                    let path = format!("{place}/{name}{number}/{path}");
                    self.context.write(&path, text);
                }
            });
        }
    }

    fn ran(&self, what: &str, arguments: &[&str], found: &mut Vec<String>) {
        let ran = self.context.fitout(arguments);
        if ran.code != Some(0) {
            found.push(format!("{what}: {}", ran.shown()));
        }
    }

    fn each(&self, names: &[&str], mut act: impl FnMut(&str, usize)) {
        for number in 0..self.rows.len() {
            for name in names {
                act(name, number);
            }
        }
    }

    /// What git says to an unknown encoding is an error; what it writes counts.
    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        if !self.context.path(folder).exists() {
            return String::new();
        }
        let mut command = self.context.command("git");
        command
            .args(arguments)
            .current_dir(self.context.path(folder));
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Gives files another time than the index has; with `known`, git looks at them and writes it down.
    fn age(&self, name: &str, known: bool) {
        let then = SystemTime::now() - Duration::from_secs(60);
        for place in ["ws", "twin"] {
            self.each(&[name], |name, number| {
                let folder = self.context.path(&format!("{place}/{name}{number}"));
                for path in work_files(&folder).keys() {
                    File::open(folder.join(path))
                        .unwrap()
                        .set_modified(then)
                        .unwrap();
                }
                if known {
                    self.git(&format!("{place}/{name}{number}"), &["status"]);
                }
            });
        }
    }

    /// What is in `place` with what git has made, and with what fitout says of it.
    fn compare(&self, what: &str, place: &str, name: &str, found: &mut Vec<String>) {
        let mut status = self.context.fitout_command(&["status", "--format", "json"]);
        let shown = status
            .current_dir(self.context.path(place))
            .output()
            .unwrap();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let repos = shown["repos"].as_array().unwrap().iter();
        let seen: BTreeMap<&str, &Value> = repos
            .map(|repo| (repo["name"].as_str().unwrap(), &repo["changes"]))
            .collect();
        self.each(&[name], |name, number| {
            let mut differs = |difference: String| {
                found.push(format!("{}: {what}: {difference}", self.rows[number].name));
            };
            let places = [place, "twin"].map(|place| format!("{place}/{name}{number}"));
            let files = places
                .each_ref()
                .map(|place| work_files(&self.context.path(place)));
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            for (path, gits) in &files[1] {
                let ours = files[0].get(path);
                if ours != Some(gits) {
                    differs(format!(
                        "{path}: {:?} and not {:?}",
                        ours.map(text),
                        text(gits)
                    ));
                }
            }
            let status = ["--no-optional-locks", "status", "--porcelain"];
            let [ours, gits] = places.map(|place| self.git(&place, &status));
            if ours != gits {
                differs(format!("status: {ours:?} and not {gits:?}"));
            }
            let seen = seen[format!("{name}{number}").as_str()];
            if *seen != ours.lines().count() {
                differs(format!("fitout sees {seen} changes: {ours:?}"));
            }
        });
    }
}

/// None where there is no clone.
fn work_files(clone: &Path) -> BTreeMap<String, Vec<u8>> {
    if !clone.exists() {
        return BTreeMap::new();
    }
    files_of(clone, |folder| !folder.ends_with(".git"))
}
