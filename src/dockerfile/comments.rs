//! Comments that ignore a rule for an instruction or a file.
//!
//! fitout's own (`# fitout: ignore=RULE reason`) require a reason and a finding to ignore.
//! hadolint's and Docker's are honored for the rules that they share with fitout.

use std::cell::Cell;
use std::ops::Range;

use super::finding::{Finding, Rule};
use super::fix::{Edit, Fix, whole_lines};
use super::parse::{Comment, Dockerfile};

/// All ignore comments of a file.
#[derive(Debug)]
pub struct Silences<'s> {
    source: &'s str,
    /// The span of each instruction.
    instructions: Vec<Range<usize>>,
    all: Vec<Silence>,
    complaints: Vec<Finding>,
}

/// A rule that a comment ignores.
#[derive(Debug)]
struct Silence {
    rule: Rule,
    comment: Range<usize>,
    scope: Scope,
    /// Only fitout's own comments must have an effect.
    is_ours: bool,
    used: Cell<bool>,
}

#[derive(Clone, Debug)]
enum Scope {
    File,
    Instruction(Range<usize>),
}

impl<'s> Silences<'s> {
    /// Reads the comments of a file.
    pub fn of(file: &Dockerfile, source: &'s str) -> Self {
        let instructions: Vec<Range<usize>> = file
            .instructions
            .iter()
            .map(|instruction| instruction.span.clone())
            .collect();
        let mut silences = Silences {
            source,
            instructions,
            all: Vec::new(),
            complaints: Vec::new(),
        };
        for comment in &file.comments {
            silences.read(comment);
        }
        if let Some(check) = file.directive("check") {
            silences.read_check(&check.value, &check.span);
        }
        silences
    }

    /// Whether a comment ignores this finding. The comment is then marked as used.
    pub fn silence(&self, finding: &Finding) -> bool {
        let mut silenced = false;
        for silence in &self.all {
            if silence.matches(finding, &self.instructions) {
                silence.used.set(true);
                silenced = true;
            }
        }
        silenced
    }

    /// Returns problems with the comments themselves, after all findings were checked.
    pub fn complaints(&self) -> Vec<Finding> {
        let unused = self
            .all
            .iter()
            .filter(|silence| silence.is_ours && !silence.used.get())
            .map(|silence| self.unused(silence));
        self.complaints.iter().cloned().chain(unused).collect()
    }

    fn unused(&self, silence: &Silence) -> Finding {
        let is_alone = self
            .all
            .iter()
            .filter(|other| other.comment == silence.comment)
            .all(|other| !other.used.get());
        let message = format!("nothing to ignore for `{}` here", silence.rule.id());
        Finding::new(Rule::IgnoreComment, silence.comment.clone(), message)
            .help("delete the comment")
            .fix(is_alone.then(|| {
                Fix::Dockerfile(vec![Edit {
                    span: whole_lines(self.source, &silence.comment),
                    text: String::new(),
                }])
            }))
    }

    fn read(&mut self, comment: &Comment) {
        let text = comment.text.as_str();
        let scope = self.next_instruction(comment);
        if let Some(rest) = text.strip_prefix("fitout:") {
            self.read_own(rest.trim(), comment, scope);
        } else if let Some(rest) = text.strip_prefix("hadolint") {
            let (rules, scope) = match rest.trim().strip_prefix("global") {
                Some(rules) => (rules, Some(Scope::File)),
                None => (rest, scope),
            };
            if let Some(rules) = rules.trim().strip_prefix("ignore")
                && let Some(rules) = rules.trim_start().strip_prefix('=')
                && let Some(scope) = scope
            {
                self.add("hadolint", rules.split(','), comment.span.clone(), &scope);
            }
        }
    }

    /// `skip=A,B;error=true`, a directive of Docker's build checks.
    fn read_check(&mut self, value: &str, span: &Range<usize>) {
        for option in value.split(';') {
            let Some(rules) = option.trim().strip_prefix("skip=") else {
                continue;
            };
            if rules.trim() == "all" {
                let theirs = Rule::ALL.into_iter().flat_map(Rule::elsewhere);
                let all: Vec<&str> = theirs
                    .filter(|(tool, _)| *tool == "buildkit")
                    .map(|(_, id)| *id)
                    .collect();
                self.add("buildkit", all.into_iter(), span.clone(), &Scope::File);
            } else {
                self.add("buildkit", rules.split(','), span.clone(), &Scope::File);
            }
        }
    }

    fn add<'r>(
        &mut self,
        tool: &str,
        rules: impl Iterator<Item = &'r str>,
        comment: Range<usize>,
        scope: &Scope,
    ) {
        for rule in rules.filter_map(|rule| Rule::same_as(tool, rule.trim())) {
            self.all.push(Silence {
                rule,
                comment: comment.clone(),
                scope: scope.clone(),
                is_ours: false,
                used: Cell::new(false),
            });
        }
    }

    fn read_own(&mut self, text: &str, comment: &Comment, scope: Option<Scope>) {
        let complain = |message: String| {
            Finding::new(Rule::IgnoreComment, comment.span.clone(), message)
                .help("write `# fitout: ignore=RULE reason` above the instruction")
        };
        let Some(rest) = text.strip_prefix("ignore=") else {
            let complaint = complain(format!("`fitout: {text}` is not a valid fitout comment"));
            self.complaints.push(complaint);
            return;
        };
        let (rules, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if reason.trim().is_empty() {
            let complaint = complain("an ignore comment without a reason has no effect".to_owned());
            self.complaints.push(complaint);
            return;
        }
        let Some(scope) = scope else {
            let complaint = complain("no instruction follows this ignore comment".to_owned());
            self.complaints.push(complaint);
            return;
        };
        for id in rules.split(',') {
            if let Some(rule) = Rule::named(id.trim()) {
                self.all.push(Silence {
                    rule,
                    comment: comment.span.clone(),
                    scope: scope.clone(),
                    is_ours: true,
                    used: Cell::new(false),
                });
            } else {
                let near = crate::manifest::report::closest(id, Rule::ALL.map(Rule::id));
                let suggestion =
                    near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let complaint = complain(format!("there is no rule `{id}`{suggestion}"));
                self.complaints.push(complaint);
            }
        }
    }

    /// A comment belongs to the instruction that contains it, or to the next one.
    fn next_instruction(&self, comment: &Comment) -> Option<Scope> {
        let next = self
            .instructions
            .iter()
            .find(|span| comment.span.start < span.end)?;
        Some(Scope::Instruction(next.clone()))
    }
}

impl Silence {
    fn matches(&self, finding: &Finding, instructions: &[Range<usize>]) -> bool {
        let is_same = finding.rule == self.rule.id()
            || Rule::same_as(finding.tool, &finding.rule) == Some(self.rule);
        let is_here = match &self.scope {
            Scope::File => true,
            Scope::Instruction(span) => {
                // The comment can also be at the related place of a finding.
                let related = finding.related.as_ref().map(|(span, _)| span.start);
                [Some(finding.span.start), related]
                    .into_iter()
                    .flatten()
                    .any(|place| {
                        let instruction = instructions.iter().find(|span| span.contains(&place));
                        instruction == Some(span)
                    })
            }
        };
        is_same && is_here
    }
}
