//! Whatever a Dockerfile holds, it is read, linted, mended and shown. The same as the fuzz target in
//! `fuzz`, with changes that are the same in each run: cuts of every fixture, and thousands
//! of edits of them.

use fitout::dockerfile::finding::Rule;
use fitout::dockerfile::fix::{self, Fix};
use fitout::dockerfile::lint::{File, lint};
use fitout::dockerfile::parse::parse;
use fitout::dockerfile::report::{Linted, Look, Report};
use fitout::dockerfile::sarif;

use super::fixture;

/// Pieces that mean something in a Dockerfile.
const PIECES: [&str; 30] = [
    "\\",
    "\\\n",
    "`",
    "\"",
    "'",
    "#",
    "# ",
    "<<EOF",
    "<<-'E'\n",
    "EOF\n",
    "\n",
    "\r\n",
    "\u{feff}",
    "é",
    "\u{0}",
    "[",
    "[\"",
    "]",
    "=",
    "--from=",
    "--mount=",
    "$",
    "${",
    ":-",
    "FROM ",
    "COPY . .\n",
    "RUN npm ci\n",
    "ONBUILD ",
    "# escape=`\n",
    "# fitout: ignore=",
];

/// A small generator of numbers (Marsaglia, "Xorshift RNGs"): the same ones in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap()
}

fn hold(file: &File) {
    let source = &file.source;
    for instruction in parse(source).instructions {
        assert!(source.get(instruction.span).is_some(), "{source:?}");
        assert!(source.get(instruction.head).is_some(), "{source:?}");
    }
    let findings = lint(file);
    for finding in &findings {
        assert!(
            source.get(finding.span.clone()).is_some(),
            "{finding:?} of {source:?}"
        );
        if let Some(Fix::Dockerfile(edits)) = &finding.fix {
            lint(&File {
                source: fix::apply(source, [edits.as_slice()]),
                ..file.clone()
            });
        }
    }
    let report = Report {
        files: vec![Linted {
            file: file.clone(),
            findings,
        }],
        ..Report::default()
    };
    assert!(!report.text(Look::Plain).is_empty());
    assert!(sarif::log(&report, "0.0.0").is_object());
}

#[test]
fn nothing_makes_it_stop() {
    let files: Vec<File> = Rule::ALL
        .into_iter()
        .flat_map(fixture::of)
        .map(|fixture| fixture.file)
        .collect();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for file in &files {
        for end in (0..file.source.len()).step_by(7) {
            let source = file.source[..boundary(&file.source, end)].to_owned();
            hold(&File {
                source,
                ..file.clone()
            });
        }
        for _ in 0..25 {
            let mut file = file.clone();
            for _ in 0..=numbers.below(4) {
                let start = boundary(&file.source, numbers.below(file.source.len()));
                let end = boundary(
                    &file.source,
                    (start + numbers.below(8)).min(file.source.len()),
                );
                let piece = PIECES[numbers.below(PIECES.len())];
                file.source.replace_range(start..end.max(start), piece);
            }
            hold(&file);
        }
    }
}
