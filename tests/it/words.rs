//! Holds the wording that a test can hold: the phrases that docs/style.md lists under "Don't".

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use fitout::cli::Cli;

/// What a text is called in a complaint, and the text.
type Text = (String, String);

/// The phrases in docs/style.md, in lower case.
fn phrases() -> Vec<String> {
    let page = read("docs/style.md");
    let list = page.split("```text\n").nth(1).expect("a list of phrases");
    let lines = list.split("```").next().unwrap_or_default().lines();
    let phrases: Vec<String> = lines
        .map(|line| line.split("->").next().unwrap_or_default())
        .map(|phrase| phrase.trim().to_lowercase())
        .collect();
    assert!(phrases.len() > 20, "{phrases:?}");
    phrases
}

fn read(relative: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(relative);
    fs::read_to_string(path).unwrap()
}

/// The pages for users and contributors. Of docs/style.md, what stands before its own bad examples.
fn pages() -> Vec<Text> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut names: Vec<String> = fs::read_dir(docs)
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    names.sort();
    for name in ["README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY"] {
        names.push(format!("{name}.md"));
    }
    assert!(names.len() > 8, "{names:?}");
    let text = |name: &String| match read(name).split_once("\n## Do\n") {
        Some((before, _)) => before.to_owned(),
        None => read(name),
    };
    names
        .iter()
        .map(|name| (name.clone(), text(name)))
        .collect()
}

/// What `--help` prints for a command and all of its subcommands.
fn helps(command: &mut clap::Command) -> Vec<Text> {
    let name = format!("fitout {} --help", command.get_name());
    let mut helps = vec![(name, command.render_long_help().to_string())];
    for subcommand in command.get_subcommands_mut() {
        helps.extend(self::helps(subcommand));
    }
    helps
}

/// The comments of all source files, a text for each run of comment lines.
fn comments() -> Vec<Text> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut comments = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                comments.push((path.display().to_string(), comments_of(&text)));
            }
        }
    }
    assert!(comments.len() > 100, "{}", comments.len());
    comments
}

/// The comment lines of a source file, each run of them ended by a full stop.
fn comments_of(source: &str) -> String {
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        let is_comment = line.starts_with("//");
        if is_comment {
            line.trim_start_matches(['/', '!'])
        } else {
            "."
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of `text`, in lower case and without the marks around them. A word keeps its apostrophe, and
/// a sentence its end: words on both sides of it are not beside each other.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let is_mark = |character: char| !character.is_alphanumeric();
        words.push(word.trim_matches(is_mark).to_lowercase());
        if word
            .trim_end_matches(['`', '*', '"', ')'])
            .ends_with(['.', ':', ';', ',', '?', '|'])
        {
            words.push(String::new());
        }
    }
    words
}

/// Each place of `text` that has one of `phrases`, or "X is no Y", with the words around it.
fn found(text: &str, phrases: &[String]) -> Vec<String> {
    let words = words(text);
    let around = |at: usize, length: usize| {
        words[at.saturating_sub(4)..words.len().min(at + length + 4)].join(" ")
    };
    let mut found = Vec::new();
    for phrase in phrases {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        let places = words.windows(wanted.len()).enumerate();
        let places = places.filter(|(_, window)| *window == wanted);
        found.extend(places.map(|(at, _)| format!("`{phrase}`: {}", around(at, wanted.len()))));
    }
    for (at, window) in words.windows(4).enumerate() {
        let [subject, verb, no, noun] = window else {
            continue;
        };
        let is_so = ["is", "are", "was"].contains(&verb.as_str()) && no == "no";
        if is_so && subject != "there" && !["", "longer", "more"].contains(&noun.as_str()) {
            found.push(format!("`is no`: {}", around(at, 4)));
        }
    }
    found
}

#[track_caller]
fn assert_plain(texts: &[Text]) {
    let phrases = phrases();
    let complaints: Vec<String> = texts
        .iter()
        .flat_map(|(name, text)| {
            let found = found(text, &phrases);
            found
                .into_iter()
                .map(move |found| format!("{name}: {found}"))
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_docs_are_plain() {
    assert_plain(&pages());
}

#[test]
fn the_help_of_every_command_is_plain() {
    let helps = helps(&mut Cli::command());
    assert!(helps.len() > 30, "{}", helps.len());
    assert_plain(&helps);
}

#[test]
fn every_command_is_in_the_readme() {
    let page = read("README.md");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let is_there = [format!("`fitout {name}"), format!("`{name}`")]
            .iter()
            .any(|words| page.contains(words));
        assert!(
            is_there || command.is_hide_set(),
            "the README's tables have no `fitout {name}`"
        );
    }
}

#[test]
fn every_file_of_tests_is_compiled() {
    let root = read("tests/it/main.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".rs").filter(|name| *name != "main") {
            assert!(
                root.contains(&format!("\nmod {name};")),
                "tests/it/main.rs has no `mod {name};`"
            );
        }
    }
}

#[test]
fn comments_in_the_source_are_plain() {
    assert_plain(&comments());
    let source = "/// It is told\n/// of it.\nfn told() {}\n// Told\nlet of = 1;\n";
    let found = found(&comments_of(source), &["told of".to_owned()]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_phrase_is_found_as_words_across_lines_and_not_across_sentences() {
    let phrases = ["told of".to_owned()];
    assert_eq!(
        found("It is Told\n  of a file.", &phrases),
        ["`told of`: it is told of a file "]
    );
    assert_eq!(found("It is told. Of course.", &phrases), [""; 0]);
    assert_eq!(found("untold offers", &phrases), [""; 0]);
    assert_eq!(
        found("That is no repository.", &[]),
        ["`is no`: that is no repository "]
    );
    for good in [
        "There is no repository.",
        "It is no longer there.",
        "`pass`, `no`",
    ] {
        assert_eq!(found(good, &[]), [""; 0], "{good}");
    }
}
