//! Whatever stands in a Dockerfile, it is read, linted, mended and shown without a panic, and every
//! place that is named is in the file.

#![no_main]

use fitout::dockerfile::fix::{self, Fix};
use fitout::dockerfile::lint::{Build, Context, File, Purpose, lint};
use fitout::dockerfile::parse::parse;
use fitout::dockerfile::report::{Linted, Look, Report};
use fitout::dockerfile::sarif;
use fitout::dockerfile::variables::Variables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let parsed = parse(source);
    for instruction in &parsed.instructions {
        let _ = &source[instruction.span.clone()];
        for word in instruction.words() {
            let _ = &source[word.span];
        }
    }
    let build = |purpose, target: Option<&str>| Build {
        purpose,
        target: target.map(str::to_owned),
        build_args: Variables::new(),
        has_healthcheck: false,
    };
    let file = File {
        path: "Dockerfile".to_owned(),
        source: source.to_owned(),
        builds: vec![
            build(Purpose::Production, None),
            build(Purpose::Development, Some("0")),
        ],
        context: Context {
            folder: String::new(),
            ignore_path: ".dockerignore".to_owned(),
            // The same bytes are patterns, too.
            ignore_text: source.get(..source.len().min(64)).map(str::to_owned),
            manifests: ["package.json", "requirements.txt", "Gemfile", "go.mod"]
                .map(|name| (name.to_owned(), String::new()))
                .into(),
        },
    };
    let findings = lint(&file);
    for finding in &findings {
        let _ = &source[finding.span.clone()];
        if let Some(Fix::Dockerfile(edits)) = &finding.fix {
            let _ = parse(&fix::apply(source, [edits.as_slice()]));
        }
    }
    let report = Report {
        files: vec![Linted { file, findings }],
        ..Report::default()
    };
    let _ = report.text(Look::Plain);
    let _ = report.json();
    let _ = sarif::log(&report, "0.0.0");
});
