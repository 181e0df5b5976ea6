//! A Dockerfile: it is read, linted, fixed and shown, and every place that is named is in it.

use fitout::dockerfile::file::{Build, Context, File, Purpose};
use fitout::dockerfile::finding::Rule;
use fitout::dockerfile::fix::{self, Fix};
use fitout::dockerfile::lint::lint;
use fitout::dockerfile::parse::parse;
use fitout::dockerfile::report::{Linted, Look, Report};
use fitout::dockerfile::sarif;
use fitout::dockerfile::variables::Variables;

use super::manifest::obeyed_by_no_terminal;
use super::mutation::{self, Numbers};
use super::{Kind, texts};

pub const KIND: Kind = Kind {
    name: "dockerfile",
    seeds,
    mutate,
    hold,
};

fn seeds() -> Vec<String> {
    let fixtures = Rule::ALL.into_iter();
    let fixtures =
        fixtures.flat_map(|rule| texts(&format!("tests/fixtures/lint/{}", rule.id()), ".txt"));
    // A fixture holds several files; the Dockerfile is the first.
    let first = |text: String| {
        let text = text.split_once('\n').map_or("", |(_, text)| text);
        text.split("\n=== ").next().unwrap_or_default().to_owned()
    };
    fixtures.map(first).collect()
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        "\\\n",
        "# ",
        "<<EOF",
        "<<-'E'\n",
        "EOF\n",
        "[\"",
        "--from=",
        "--mount=",
        ":-",
        "FROM ",
        "COPY . .\n",
        "RUN npm ci\n",
        "ONBUILD ",
        "# escape=`\n",
        "# fitout: ignore=",
        "ENV A=$A$A\n",
        "ARG A=${A:-${A}}\n",
        "FROM a AS b\n",
        "&& ",
        "USER ",
    ];
    mutation::text(bytes, &pieces, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = parse(source);
    for instruction in &parsed.instructions {
        assert!(source.get(instruction.span.clone()).is_some(), "{source:?}");
        assert!(source.get(instruction.head.clone()).is_some(), "{source:?}");
        for word in instruction.words() {
            assert!(source.get(word.span).is_some(), "{source:?}");
        }
    }
    let build = |purpose, target: Option<&str>| Build {
        purpose,
        target: target.map(str::to_owned),
        build_args: Variables::new(),
        has_healthcheck: false,
    };
    let context = Context {
        folder: String::new(),
        ignore_path: ".dockerignore".to_owned(),
        // The same bytes are patterns, too.
        ignore_text: source.get(..source.len().min(64)).map(str::to_owned),
        manifests: ["package.json", "requirements.txt", "Gemfile", "go.mod"]
            .map(|name| (name.to_owned(), String::new()))
            .into(),
    };
    let file = File {
        path: "Dockerfile".to_owned(),
        source: source.to_owned(),
        builds: vec![
            build(Purpose::Production, None),
            build(Purpose::Development, Some("0")),
        ],
        context,
    };
    let findings = lint(&file);
    for finding in &findings {
        let place = source.get(finding.span.clone());
        assert!(place.is_some(), "{finding:?} of {source:?}");
        if let Some(Fix::Dockerfile(edits)) = &finding.fix {
            lint(&File {
                source: fix::apply(source, [edits.as_slice()]),
                ..file.clone()
            });
        }
    }
    let report = Report {
        files: vec![Linted { file, findings }],
        ..Report::default()
    };
    let text = report.text(Look::Plain);
    assert!(!text.is_empty());
    obeyed_by_no_terminal(&text);
    assert!(!report.json().to_string().is_empty());
    assert!(sarif::log(&report, "0.0.0").is_object());
}
