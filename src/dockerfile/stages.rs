//! How the stages of a Dockerfile build on each other.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::parse::{Dockerfile, Instruction, Keyword, Word};
use super::variables::{self, Variables};

/// The stages of a file, with the values of its variables.
#[derive(Clone, Debug)]
pub struct Stages<'f> {
    /// In the order of the file.
    pub all: Vec<Stage<'f>>,
    /// The last one of each name.
    by_name: HashMap<String, usize>,
}

/// Bytes of names and values that the stages of a file may hold together. A stage takes over those of the one
/// that it starts from, so a long chain would hold them all again and again; beyond that, none is known.
const MOST_HELD: usize = 16 << 20;

/// From one FROM to the next.
#[derive(Clone, Debug)]
pub struct Stage<'f> {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Behind `AS`, in lower case.
    pub name: Option<String>,
    /// What it starts from.
    pub base: Base,
    /// The image as it is written.
    pub image: Word,
    /// The FROM.
    pub from: &'f Instruction,
    /// What follows it.
    pub body: &'f [Instruction],
    /// ARG and ENV as they are at its end, with those of the stage that it starts from.
    pub variables: Variables,
    /// Of these, the ones that ENV has set: they are handed on.
    environment: HashSet<String>,
}

/// What a stage starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// An earlier stage.
    Stage(usize),
    /// Nothing.
    Scratch,
    /// An image, its variables resolved.
    Image(String),
    /// It depends on a variable without a known value.
    Unknown,
}

impl<'f> Stages<'f> {
    /// The stages of a file; `build_args` are values that the build is given.
    pub fn of(file: &'f Dockerfile, build_args: &Variables) -> Self {
        let froms: Vec<usize> = file
            .instructions
            .iter()
            .enumerate()
            .filter(|(_, instruction)| instruction.keyword == Keyword::From)
            .map(|(index, _)| index)
            .collect();
        let globals = globals(file, froms.first().copied().unwrap_or_default(), build_args);
        let mut stages = Stages {
            all: Vec::new(),
            by_name: HashMap::new(),
        };
        let mut room = MOST_HELD;
        for (index, start) in froms.iter().enumerate() {
            let end = froms.get(index + 1).copied();
            let range = start + 1..end.unwrap_or(file.instructions.len());
            let given = (&globals, build_args);
            let Some(stage) = stages.stage(file, index, *start, range, given, &mut room) else {
                continue;
            };
            if let Some(name) = &stage.name {
                stages.by_name.insert(name.clone(), stages.all.len());
            }
            stages.all.push(stage);
        }
        stages
    }

    fn stage(
        &self,
        file: &'f Dockerfile,
        index: usize,
        start: usize,
        body: Range<usize>,
        (globals, build_args): (&Variables, &Variables),
        room: &mut usize,
    ) -> Option<Stage<'f>> {
        let from = &file.instructions[start];
        let words = from.words();
        let image = words.first()?.clone();
        let base = match variables::expand(&image.text, globals) {
            None => Base::Unknown,
            Some(name) if name.is_empty() => Base::Unknown,
            Some(name) if name.eq_ignore_ascii_case("scratch") => Base::Scratch,
            Some(name) => match self.named(&name) {
                Some(stage) => Base::Stage(stage.index),
                None => Base::Image(name),
            },
        };
        let (mut variables, mut environment) = match base {
            Base::Stage(parent) => self.all.get(parent).map(|parent| parent.handed_on(room)),
            _ => None,
        }
        .unwrap_or_default();
        let body = &file.instructions[body];
        for instruction in body.iter().filter(|instruction| !instruction.onbuild) {
            if instruction.keyword == Keyword::Env {
                let pairs = instruction.pairs().into_iter();
                environment.extend(pairs.map(|pair| pair.name.text));
            }
            assign(instruction, &mut variables, globals, build_args, room);
        }
        Some(Stage {
            index,
            name: words.get(2).map(|name| name.text.to_ascii_lowercase()),
            base,
            image,
            from,
            body,
            variables,
            environment,
        })
    }

    /// The stage of that name; the last one where two have it.
    pub fn named(&self, name: &str) -> Option<&Stage<'f>> {
        let name = name.to_ascii_lowercase();
        self.all.get(*self.by_name.get(&name)?)
    }

    /// The stage that `--from` or `--target` names, by name or number.
    pub fn find(&self, name: &str) -> Option<&Stage<'f>> {
        self.named(name)
            .or_else(|| self.all.get(name.parse::<usize>().ok()?))
    }

    /// The stage that a build makes: the target, or the last one.
    pub fn built(&self, target: Option<&str>) -> Option<&Stage<'f>> {
        match target {
            Some(target) => self.find(target),
            None => self.all.last(),
        }
    }

    /// A stage and what it starts from, the oldest first.
    pub fn lineage(&self, stage: &Stage<'f>) -> Vec<&Stage<'f>> {
        let mut lineage = Vec::new();
        let mut index = Some(stage.index);
        while let Some(stage) = index.and_then(|index| self.all.get(index)) {
            lineage.push(stage);
            index = match stage.base {
                Base::Stage(parent) => Some(parent),
                _ => None,
            };
        }
        lineage.reverse();
        lineage
    }

    /// All instructions that made a stage, the oldest first.
    pub fn history(&self, stage: &Stage<'f>) -> Vec<&'f Instruction> {
        self.lineage(stage)
            .into_iter()
            .flat_map(|stage| stage.body)
            .filter(|instruction| !instruction.onbuild)
            .collect()
    }

    /// The stages that a build of this one needs: what it starts from and what it copies from.
    pub fn needed(&self, stage: &Stage<'f>) -> Vec<usize> {
        let mut needed: HashSet<usize> = HashSet::new();
        let mut open = vec![stage.index];
        while let Some(index) = open.pop() {
            if !needed.insert(index) {
                continue;
            }
            let stage = &self.all[index];
            if let Base::Stage(parent) = stage.base {
                open.push(parent);
            }
            for instruction in stage.body {
                let froms = instruction
                    .flags
                    .iter()
                    .filter_map(|flag| match flag.name.as_str() {
                        "from" => Some(flag.value.as_str()),
                        "mount" => mount_option(&flag.value, &["from"]),
                        _ => None,
                    });
                open.extend(
                    froms
                        .filter_map(|from| self.find(from))
                        .map(|stage| stage.index)
                        // A stage copies only from earlier ones; anything else is the name of an image.
                        .filter(|from| *from < index),
                );
            }
        }
        let mut needed: Vec<usize> = needed.into_iter().collect();
        needed.sort_unstable();
        needed
    }
}

/// The value of an option of `RUN --mount=type=bind,source=.`, under any of its names.
pub fn mount_option<'m>(mount: &'m str, names: &[&str]) -> Option<&'m str> {
    mount.split(',').find_map(|option| {
        let (name, value) = option.split_once('=')?;
        names.contains(&name.trim()).then_some(value)
    })
}

/// The ARGs before the first FROM: they are known in FROM lines only.
fn globals(file: &Dockerfile, first_from: usize, build_args: &Variables) -> Variables {
    let mut globals = Variables::new();
    for instruction in &file.instructions[..first_from] {
        for pair in instruction.pairs() {
            let given = build_args.get(&pair.name.text).cloned();
            let default = pair
                .value
                .and_then(|value| variables::expand(&value.text, &globals));
            if let Some(value) = given.or(default) {
                globals.insert(pair.name.text, value);
            }
        }
    }
    globals
}

fn assign(
    instruction: &Instruction,
    variables: &mut Variables,
    globals: &Variables,
    build_args: &Variables,
    room: &mut usize,
) {
    let mut values = Vec::new();
    for pair in instruction.pairs() {
        let name = pair.name.text;
        let own = pair
            .value
            .and_then(|value| variables::expand(&value.text, variables));
        let value = match instruction.keyword {
            Keyword::Env => own,
            Keyword::Arg => {
                // `ARG NAME` in a stage takes over the value of the one before the first FROM.
                let given = build_args.get(&name).cloned();
                given.or(own).or_else(|| globals.get(&name).cloned())
            }
            _ => return,
        };
        values.push((name, value));
    }
    // All of one instruction see the values before it.
    for (name, value) in values {
        match value.filter(|value| takes(room, &name, value)) {
            Some(value) => variables.insert(name, value),
            None => variables.remove(&name),
        };
    }
}

/// Whether there is room for one more variable; then it has taken it.
fn takes(room: &mut usize, name: &str, value: &str) -> bool {
    // What a map needs beside the text.
    const ENTRY: usize = 128;
    let left = room.checked_sub(name.len() + value.len() + ENTRY);
    *room = left.unwrap_or(0);
    left.is_some()
}

impl Stage<'_> {
    /// What a stage hands on to one that starts from it: ENV, not ARG.
    fn handed_on(&self, room: &mut usize) -> (Variables, HashSet<String>) {
        let mut variables = Variables::new();
        for name in &self.environment {
            let Some(value) = self.variables.get(name) else {
                continue;
            };
            if !takes(room, name, value) {
                return <_>::default();
            }
            variables.insert(name.clone(), value.clone());
        }
        let environment = variables.keys().cloned().collect();
        (variables, environment)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::dockerfile::parse::parse;

    fn bases(source: &str) -> Vec<Base> {
        let file = parse(source);
        let stages = Stages::of(&file, &Variables::new());
        stages.all.into_iter().map(|stage| stage.base).collect()
    }

    #[test]
    fn bases_are_resolved() {
        let source = "ARG V=20\nARG IMAGE=node:${V}\nFROM $IMAGE AS Build\nFROM build\nFROM scratch\nFROM $NOT_SET\nFROM later\nFROM busybox AS later\n";
        assert_eq!(
            bases(source),
            [
                Base::Image("node:20".to_owned()),
                Base::Stage(0),
                Base::Scratch,
                Base::Unknown,
                Base::Image("later".to_owned()),
                Base::Image("busybox".to_owned()),
            ]
        );
    }

    #[test]
    fn env_is_handed_on_and_arg_is_not() {
        let file = parse(
            "ARG G=g\nFROM a AS one\nARG G\nARG X=x\nENV E=$X$G\nFROM one\nENV F=$E$X\nFROM one AS three\nENV H=$E\n",
        );
        let stages = Stages::of(&file, &Variables::new());
        assert_eq!(stages.all[0].variables["E"], "xg");
        assert_eq!(stages.all[1].variables.get("F"), None);
        assert_eq!(stages.all[2].variables["H"], "xg");
    }

    #[test]
    fn values_and_stages_without_end_are_given_up() {
        let mut source = "FROM a AS s0\nENV A0=xxxxxxxxxx\n".to_owned();
        for level in 1..=12 {
            let uses = format!("$A{}", level - 1).repeat(10);
            writeln!(source, "ENV A{level}={uses}").unwrap();
        }
        for stage in 1..3000 {
            writeln!(source, "FROM s{} AS s{stage}\nENV V{stage}=1", stage - 1).unwrap();
        }
        let file = parse(&source);
        let stages = Stages::of(&file, &Variables::new());
        assert_eq!(stages.all.len(), 3000);
        assert_eq!(stages.all[0].variables["A2"].len(), 1000);
        assert_eq!(stages.all[0].variables.get("A10"), None);
        let held = stages.all.iter().flat_map(|stage| &stage.variables);
        assert!(
            held.map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
                < MOST_HELD
        );
        assert_eq!(stages.needed(stages.built(None).unwrap()).len(), 3000);
    }

    #[test]
    fn a_build_needs_what_it_starts_from_and_copies_from() {
        let file = parse(
            "FROM a AS one\nFROM b AS two\nFROM c AS three\nFROM one\nCOPY --from=2 / /\nRUN --mount=type=bind,from=nginx,target=/x true\n",
        );
        let stages = Stages::of(&file, &Variables::new());
        assert_eq!(stages.needed(stages.built(None).unwrap()), [0, 2, 3]);
        assert_eq!(stages.needed(stages.built(Some("TWO")).unwrap()), [1]);
    }
}
