//! The layer rule against the real builders: each example is built, one source file changes, and it
//! is built again. An install is cached exactly when the rule is silent about it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};
use std::{env, fs};

use fitout::dockerfile::finding::Rule;
use fitout::dockerfile::install::{self, Kind};
use fitout::dockerfile::lint::lint;
use fitout::dockerfile::parse::{Keyword, parse};
use fitout::dockerfile::shell;
use fitout::dockerfile::stages::{Base, Stages};
use fitout::dockerfile::variables::Variables;

use super::fixture::{self, Fixture, Needs};
use crate::context::TestContext;

/// Which builder `docker build` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Builder {
    /// The Engine's first one.
    Legacy,
    BuildKit,
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_legacy_builder_caches_an_install_exactly_when_the_rule_is_silent() {
    prove(Builder::Legacy);
}

#[test]
#[ignore = "needs a Docker engine"]
fn buildkit_caches_an_install_exactly_when_the_rule_is_silent() {
    prove(Builder::BuildKit);
}

fn prove(builder: Builder) {
    let site = Site::new(builder);
    let mut proved = [0, 0];
    for fixture in fixture::of(Rule::CopyBeforeInstall) {
        if !site.can_build(fixture.needs) {
            continue;
        }
        let expected = Expected::of(&fixture);
        let (first, second) = site.build_twice(&fixture);
        let name = &fixture.name;
        for command in expected.again.iter().chain(&expected.cached) {
            assert!(
                first.contains(command),
                "{name}: `{command}` did not run at all: {first:?}"
            );
        }
        for command in &expected.again {
            assert!(
                second.contains(command),
                "{name}: the rule speaks, and `{command}` was cached"
            );
        }
        for command in &expected.cached {
            assert!(
                !second.contains(command),
                "{name}: the rule is silent, and `{command}` ran again"
            );
        }
        proved[0] += expected.again.len();
        proved[1] += expected.cached.len();
    }
    assert!(proved.iter().all(|count| *count >= 12), "{proved:?}");
}

/// The installs of a fixture, as the stand-ins print them.
struct Expected {
    /// The rule says that they run again.
    again: BTreeSet<String>,
    /// The rule is silent.
    cached: BTreeSet<String>,
}

impl Expected {
    fn of(fixture: &Fixture) -> Self {
        let findings = lint(&fixture.file);
        let mut expected = Expected {
            again: BTreeSet::new(),
            cached: BTreeSet::new(),
        };
        let file = parse(&fixture.file.source);
        let runs = file
            .instructions
            .iter()
            .filter(|instruction| instruction.keyword == Keyword::Run);
        for run in runs {
            let speaks = findings.iter().any(|finding| {
                finding.rule == Rule::CopyBeforeInstall.id()
                    && run.span.contains(&finding.span.start)
            });
            for command in shell::commands(run) {
                let shown = command.words.join(" ");
                match install::step(&command) {
                    Some(_) if speaks => expected.again.insert(shown),
                    // What needs the source has to run again.
                    Some((_, Kind::Dependencies | Kind::Named)) => expected.cached.insert(shown),
                    _ => continue,
                };
            }
        }
        assert!(
            fixture.is_bad != expected.again.is_empty(),
            "{}: the rule says something else than the fixture's name",
            fixture.name
        );
        expected
    }
}

/// A base image with stand-ins for the package managers, and a folder to build in. Both go when the
/// test ends.
struct Site {
    context: TestContext,
    builder: Builder,
    tag: String,
    /// The Engine's major version.
    engine: u32,
    /// The ids of the images that were built.
    images: RefCell<Vec<String>>,
}

/// Programs that say that they ran, and do nothing else.
const PROGRAMS: &str =
    "npm yarn pnpm pip uv poetry bundle go cargo dotnet mvn gradle composer apt-get";

impl Site {
    fn new(builder: Builder) -> Self {
        let context = TestContext::new();
        if let Some(buildx) = env::var_os("FITOUT_TEST_BUILDX") {
            let plugins = context.path("home/.docker/cli-plugins");
            fs::create_dir_all(&plugins).unwrap();
            symlink(buildx, plugins.join("docker-buildx")).unwrap();
        }
        let tag = format!("fitout-lint-{}-{builder:?}:1", std::process::id()).to_lowercase();
        let mut site = Site {
            context,
            builder,
            tag,
            engine: 0,
            images: RefCell::default(),
        };
        let arguments = ["version", "--format", "{{.Server.Version}}"];
        let version = site.docker().args(arguments).output().unwrap().stdout;
        let version = String::from_utf8(version).unwrap();
        site.engine = version.split('.').next().unwrap().parse().unwrap();
        site.context.write(
            "base/Dockerfile",
            &format!(
                "FROM busybox:1.37\n\
                 RUN mkdir -p /usr/local/bin && cd /usr/local/bin \\\n\
                  && printf '#!/bin/sh\\necho \"RAN[$(basename $0) $*]\"\\n' >stand-in && chmod +x stand-in \\\n\
                  && for program in {PROGRAMS}; do ln stand-in $program; done \\\n\
                  && echo node:x:1000:1000::/:/bin/sh >>/etc/passwd && echo node:x:1000: >>/etc/group\n\
                 ENV PATH=/usr/local/bin:/bin\n"
            ),
        );
        site.build("base", &["--tag", &site.tag]);
        site
    }

    fn can_build(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::BuildKit => self.builder == Builder::BuildKit,
            Needs::Heredocs => self.builder == Builder::BuildKit && self.engine >= 23,
        }
    }

    /// The installs that ran in the first build and in the second one.
    fn build_twice(&self, fixture: &Fixture) -> (BTreeSet<String>, BTreeSet<String>) {
        let folder = format!("fixtures/{}", fixture.name);
        self.context
            .write(&format!("{folder}/Dockerfile"), &self.on_stand_ins(fixture));
        for (path, text) in &fixture.others {
            self.context.write(&format!("{folder}/{path}"), text);
        }
        let source = format!("{folder}/{}", fixture.touched);
        // The builder remembers earlier runs of this test: what is built must be new in each.
        let run = self.context.path("").display().to_string();
        self.context.write(&source, &format!("before {run}\n"));
        let ran = |options: &[&str]| installs(&self.build(&folder, options));
        let first = ran(&["--no-cache"]);
        self.context.write(&source, &format!("after {run}\n"));
        (first, ran(&[]))
    }

    /// The fixture's Dockerfile with every image replaced by the one with the stand-ins.
    fn on_stand_ins(&self, fixture: &Fixture) -> String {
        let mut source = fixture.file.source.clone();
        let file = parse(&fixture.file.source);
        let stages = Stages::of(&file, &Variables::new());
        for stage in stages.all.iter().rev() {
            if matches!(stage.base, Base::Image(_)) {
                source.replace_range(stage.image.span.clone(), &self.tag);
            }
        }
        source
    }

    fn build(&self, folder: &str, options: &[&str]) -> Output {
        let id_file = self.context.path("id");
        let mut command = self.docker();
        command
            .arg("build")
            .arg("--iidfile")
            .arg(&id_file)
            .current_dir(self.context.path(folder))
            .args(["--file", "Dockerfile"])
            .args(options);
        match self.builder {
            Builder::Legacy => command.env("DOCKER_BUILDKIT", "0"),
            Builder::BuildKit => command.env("DOCKER_BUILDKIT", "1").arg("--progress=plain"),
        };
        let output = command.arg(".").output().unwrap();
        assert!(
            output.status.success(),
            "{folder}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let image = fs::read_to_string(&id_file).unwrap();
        self.images.borrow_mut().push(image);
        output
    }

    fn docker(&self) -> Command {
        self.context.bare_docker()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that has failed says why; what can't be removed is no second reason.
        let images = self.images.borrow();
        let arguments = ["image", "rm", "--force", &self.tag];
        let _ = self
            .docker()
            .args(arguments)
            .args(images.iter().rev())
            .output();
    }
}

/// What the stand-ins have printed. The builder's own lines repeat the Dockerfile's words, not these.
fn installs(output: &Output) -> BTreeSet<String> {
    [&output.stdout, &output.stderr]
        .into_iter()
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.split("RAN[")
                .skip(1)
                .filter_map(|rest| rest.split_once(']'))
                .map(|(command, _)| command.to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}
