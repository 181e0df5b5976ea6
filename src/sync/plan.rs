//! Decides what to do with a repo: [`first_step`] before anything is fetched, [`after_fetch`] after.
//!
//! The rows are those of DESIGN.md section 8. Where two could apply, the more careful one wins.

use super::state::{Blocked, CloneState, Head, Link, Place, RepoState, Seen, Target, short};
use crate::plural::count;
use crate::shell;
use crate::workspace::{Repo, syntax};

/// What the user allows beyond updating what is checked out. Nothing may ever be lost by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Leave another branch, or a detached HEAD, for what the manifest wants.
    pub switch: bool,
    /// Give a clone of another URL the manifest's.
    pub set_url: bool,
}

/// What to do before anything is known of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not wanted on this machine.
    Skip,
    /// Nothing is there: clone it.
    Clone,
    /// Ask the remote what is new, then decide with [`after_fetch`].
    Fetch,
    /// Give that remote the manifest's URL, or add `origin` where there is none; then fetch.
    SetUrl(Option<String>),
    /// Touch nothing; say why.
    Refuse(Note),
}

/// What to do with a clone whose remote-tracking refs are up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is where the manifest wants it. May still have something to tell.
    Keep(Option<String>),
    /// Move the branch and the work tree forward by that many commits.
    FastForward(usize),
    /// Check out the manifest's branch, then decide again.
    Switch,
    /// Check out the pinned commit with a detached HEAD.
    Detach,
    /// It is the user's to decide; nothing is wrong.
    Leave(Note),
    /// It is behind, and updating could lose or mix up work.
    HoldBack(Note),
    /// The manifest asks for what the remote does not have.
    Fail(Note),
}

impl Action {
    /// What it checks out, if it moves the clone.
    pub fn goal(&self) -> Option<Goal> {
        match self {
            Action::FastForward(_) => Some(Goal::Upstream),
            Action::Switch => Some(Goal::Branch),
            Action::Detach => Some(Goal::Pin),
            Action::Keep(_) | Action::Leave(_) | Action::HoldBack(_) | Action::Fail(_) => None,
        }
    }
}

/// Why, and the git command that settles it: its arguments after `git -C PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Lower case, no full stop.
    pub why: String,
    /// For the user to run.
    pub command: Option<String>,
    /// To run before it, so that it loses nothing.
    pub(super) before: Option<String>,
    /// Put what is staged aside for it, and back again.
    pub(super) stashes: bool,
    /// What the command checks out, if it does.
    pub(super) goal: Option<Goal>,
}

/// What is to be checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The remote's branch, as the last fetch saw it.
    Upstream,
    /// The branch of the same name, which follows it.
    Branch,
    /// The tag or commit of the manifest.
    Pin,
}

impl Note {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Note {
            why: why.into(),
            ..Note::default()
        }
    }

    pub(super) fn with_command(why: impl Into<String>, command: impl Into<String>) -> Self {
        Note {
            command: Some(command.into()),
            ..Note::new(why)
        }
    }

    /// The command checks something out.
    fn to(self, goal: Goal) -> Self {
        Note {
            goal: Some(goal),
            ..self
        }
    }

    /// With what keeps the commit that its command would leave, where nothing else holds that.
    fn keeping(self, clone: &CloneState) -> Self {
        match &clone.head {
            Head::Detached(commit) if !clone.kept && self.goal.is_some() => Note {
                before: Some(rescue(commit)),
                ..self
            },
            _ => self,
        }
    }

    /// What is staged may be nowhere else, and git drops it for what the work tree has.
    fn stashing(self, clone: &CloneState) -> Self {
        Note {
            stashes: clone.changes.staged > 0,
            ..self
        }
    }

    /// git overwrites ignored files without a word, so no command is offered that would.
    fn unless(self, obstacle: Option<&str>) -> Self {
        match obstacle.filter(|_| self.goal.is_some()) {
            Some(obstacle) => self.blocked_by(obstacle),
            None => self,
        }
    }

    /// With what its command would overwrite, and without the command.
    #[must_use]
    pub fn blocked_by(self, obstacle: &str) -> Self {
        Note::new(format!("{}; {obstacle}", self.why))
    }

    /// What to type, for the clone at `shown_path`, a word of a command.
    pub fn typed(&self, shown_path: &str) -> Option<String> {
        let command = self.command.as_ref()?;
        let around = self.stashes.then_some(("stash", "stash pop --index"));
        let (stash, pop) = around.unzip();
        let commands = self.before.as_deref().into_iter().chain(stash);
        let typed: Vec<String> = commands
            .chain([command.as_str()])
            .chain(pop)
            .map(|command| format!("git -C {shown_path} {command}"))
            .collect();
        Some(typed.join(" && "))
    }
}

/// What the command would check out that is offered for this clone.
pub fn offered(clone: &CloneState) -> Option<Goal> {
    match after_fetch(clone, Allowed::default()) {
        Action::Leave(note) | Action::HoldBack(note) => note.goal,
        Action::Keep(_)
        | Action::FastForward(_)
        | Action::Switch
        | Action::Detach
        | Action::Fail(_) => None,
    }
}

/// What to do with a repo before anything is fetched.
pub fn first_step(repo: &Repo, state: &RepoState, allowed: Allowed) -> Step {
    if repo.skip {
        return Step::Skip;
    }
    if let Link::Blocked(what) = &state.link {
        return Step::Refuse(Note::new(format!(
            "`{}` is {what}, not a link to the clone",
            repo.path
        )));
    }
    let refuse = |command: Option<String>| {
        let why = state.place.obstacle().unwrap_or_default();
        Step::Refuse(Note {
            command,
            ..Note::new(why)
        })
    };
    let url = syntax::without_password(&repo.url);
    let url = shell::word(&url);
    match &state.place {
        Place::Missing => Step::Clone,
        Place::Occupied(what) => Step::Refuse(Note::new(format!("{what} is there: move it away"))),
        Place::Astray(why) => Step::Refuse(Note::new(format!(
            "{why}: remove the link, or keep the clone in another folder of the workspace: \
             `[repos.{}] path = \"…\"` in {}",
            repo.name,
            crate::manifest::PERSONAL_FILE
        ))),
        Place::OtherRemote(remote) if allowed.set_url => {
            Step::SetUrl(remote.as_ref().map(|remote| remote.name.clone()))
        }
        Place::OtherRemote(None) => refuse(Some(format!("remote add origin {url}"))),
        Place::OtherRemote(Some(remote)) => {
            refuse(Some(format!("remote set-url {} {url}", remote.name)))
        }
        Place::OtherOwner(path) => refuse(Some(shell::trusting(path))),
        Place::Unreadable(_) => refuse(None),
        Place::Clone(clone) => match clone.operation {
            Some(operation) => Step::Refuse(Note::with_command(
                format!("a {operation} is in progress"),
                "status",
            )),
            None => Step::Fetch,
        },
    }
}

/// What a clone is in which a run of fitout was killed.
pub const HALF_MOVED: &str = "a killed run left it half updated";

/// What to do with a clone once its remote-tracking refs are up to date.
pub fn after_fetch(clone: &CloneState, allowed: Allowed) -> Action {
    let obstacle = clone.obstacle.as_deref();
    let safe = |note: Note| note.keeping(clone).unless(obstacle);
    match decided(clone, allowed) {
        Action::Leave(note) => Action::Leave(safe(note)),
        Action::HoldBack(note) => Action::HoldBack(safe(note)),
        action => action,
    }
}

fn decided(clone: &CloneState, allowed: Allowed) -> Action {
    match &clone.target {
        Target::Empty => Action::Keep(Some("the remote has no commits yet".to_owned())),
        Target::Unknown(name) => Action::Fail(Note::with_command(
            format!("the remote has no `{}`", short(name)),
            format!("ls-remote {}", clone.remote),
        )),
        Target::Unfollowed => Action::Fail(unfollowed(&clone.remote)),
        Target::NoDefault => Action::Fail(Note::with_command(
            "the remote has no default branch",
            format!("ls-remote {}", clone.remote),
        )),
        Target::Pin { name, reached } => pinned(clone, name, *reached, allowed),
        Target::Branch {
            name,
            ahead,
            own,
            behind,
        } => match elsewhere(&clone.head, name) {
            Some(place) => on_another(clone, name, &place, allowed),
            None if clone.changes.conflicted > 0 => conflicted(clone.changes.conflicted, *behind),
            None if own < ahead => rewritten(clone, name, ahead - own, *own),
            None => on_branch(clone, name, *ahead, *behind),
        },
    }
}

/// That a clone keeps no branch of its remote.
pub fn unfollowed(remote: &str) -> Note {
    let spec = format!("+refs/heads/*:refs/remotes/{remote}/*");
    Note::with_command(
        format!("the clone follows no branch of `{remote}`"),
        format!("config --add remote.{remote}.fetch {}", shell::word(&spec)),
    )
}

/// What to say of what a fetch saw: the tag of the manifest was moved, or a ref could not come.
pub fn seen(clone: &CloneState, seen: &Seen) -> Option<Note> {
    if let (Some(moved), Target::Pin { name, .. }) = (&seen.moved_tag, &clone.target) {
        let tag = format!("refs/tags/{name}");
        let note = Note::with_command(
            format!(
                "tag `{name}` was moved: {} here, {} on the remote",
                short(&moved.here),
                short(&moved.there)
            ),
            format!(
                "fetch {} {}",
                clone.remote,
                shell::word(&format!("+{tag}:{tag}"))
            ),
        );
        // The commit may be the user's, and nothing but this tag may lead to it.
        return Some(Note {
            before: Some(rescue(short(&moved.here))),
            ..note
        });
    }
    let Blocked { name, by } = seen.blocked.first()?;
    let front = format!("refs/remotes/{}/", clone.remote);
    let plain = |name: &'_ str| {
        let name = name
            .strip_prefix(&front)
            .or_else(|| name.strip_prefix("refs/tags/"));
        name.map(str::to_owned)
    };
    let shown = |name: &str| plain(name).unwrap_or_else(|| name.to_owned());
    let why = format!(
        "`{}` not fetched: `{}` is in its way",
        shown(name),
        shown(by)
    );
    Some(if by.starts_with(&front) {
        Note::with_command(why, format!("remote prune {}", clone.remote))
    } else {
        Note::new(why)
    })
}

/// Where HEAD is, when that is not the branch that is wanted.
fn elsewhere(head: &Head, wanted: &str) -> Option<String> {
    match head {
        Head::Detached(commit) => Some(format!("detached at {commit}, not on `{wanted}`")),
        Head::Branch(name) | Head::Unborn(name) if name != wanted => {
            Some(format!("on `{name}`, not on `{wanted}`"))
        }
        Head::Branch(_) | Head::Unborn(_) => None,
    }
}

/// A branch keeps its commits when it is left; local changes and a commit that no ref holds don't.
fn on_another(clone: &CloneState, wanted: &str, place: &str, allowed: Allowed) -> Action {
    let switch = format!("switch {}", shell::word(wanted));
    if !allowed.switch {
        return Action::Leave(Note::with_command(place, switch).to(Goal::Branch));
    }
    if clone.changes.own() > 0 {
        let changes = count(clone.changes.own(), "local change");
        let note = Note::with_command(format!("{place}: {changes}"), switch);
        return Action::HoldBack(note.to(Goal::Branch));
    }
    match &clone.head {
        Head::Detached(commit) if !clone.kept => Action::HoldBack(Note::with_command(
            format!("{place}: no branch holds {commit}"),
            rescue(commit),
        )),
        Head::Detached(_) | Head::Branch(_) | Head::Unborn(_) => Action::Switch,
    }
}

/// The remote has taken commits back: to push them, or a rebase of them, would publish them again.
fn rewritten(clone: &CloneState, wanted: &str, taken_back: usize, own: usize) -> Action {
    let upstream = format!("{}/{wanted}", clone.remote);
    let why = format!(
        "`{upstream}` was rewritten: {} here {} no longer there",
        count(taken_back, "commit"),
        if taken_back == 1 { "is" } else { "are" },
    );
    let upstream = shell::word(&upstream);
    let note = match own {
        0 => Note::with_command(why, format!("reset --keep {upstream}")).stashing(clone),
        own => Note::with_command(
            format!("{why}, and {} not pushed", count(own, "commit")),
            format!("rebase --fork-point {upstream}"),
        ),
    };
    // Commits that were taken back may be nowhere but here, and the user's.
    let commit = short(clone.basis.commit.as_deref().unwrap_or("HEAD"));
    Action::HoldBack(Note {
        before: Some(rescue(commit)),
        ..note.to(Goal::Upstream)
    })
}

/// Keeps a commit on a branch of its own; the same branch however often it is typed.
pub fn rescue(commit: &str) -> String {
    format!("branch --force rescue-{commit} {commit}")
}

/// As a stash leaves them that could not be applied.
fn conflicted(files: usize, behind: usize) -> Action {
    let files = format!("{} in conflict", count(files, "file"));
    if behind == 0 {
        Action::Leave(Note::with_command(files, "status"))
    } else {
        let why = format!("behind {behind}, not updated: {files}");
        Action::HoldBack(Note::with_command(why, "status"))
    }
}

fn on_branch(clone: &CloneState, wanted: &str, ahead: usize, behind: usize) -> Action {
    let upstream = format!("{}/{wanted}", clone.remote);
    match (ahead, behind) {
        (0, 0) => Action::Keep(match clone.changes.own() {
            0 => None,
            changes => Some(count(changes, "local change")),
        }),
        (ahead, 0) => Action::Leave(Note::with_command(
            format!("{} not pushed", count(ahead, "commit")),
            format!("push {} {}", clone.remote, shell::word(wanted)),
        )),
        (0, behind) => match clone.changes.own() {
            0 => Action::FastForward(behind),
            changes => {
                let why = format!(
                    "behind {behind}, not updated: {}",
                    count(changes, "local change")
                );
                let merge = match clone.changes.staged {
                    0 => "merge --ff-only --autostash",
                    _ => "merge --ff-only",
                };
                let merge = format!("{merge} {}", shell::word(&upstream));
                let note = Note::with_command(why, merge).stashing(clone);
                Action::HoldBack(note.to(Goal::Upstream))
            }
        },
        (ahead, behind) => {
            let why = format!("diverged: {ahead} ahead and {behind} behind {upstream}");
            let rebase = format!("rebase {}", shell::word(&upstream));
            Action::HoldBack(Note::with_command(why, rebase).to(Goal::Upstream))
        }
    }
}

fn pinned(clone: &CloneState, name: &str, reached: bool, allowed: Allowed) -> Action {
    let switch = format!("switch --detach {}", shell::word(name));
    let name = short(name);
    if reached {
        return Action::Keep(match &clone.head {
            Head::Branch(branch) | Head::Unborn(branch) => {
                Some(format!("on `{branch}`, at {name}"))
            }
            Head::Detached(_) => None,
        });
    }
    if clone.changes.own() > 0 {
        let changes = count(clone.changes.own(), "local change");
        let note = Note::with_command(format!("not at {name}: {changes}"), switch);
        return Action::HoldBack(note.to(Goal::Pin));
    }
    match &clone.head {
        Head::Detached(commit) if !clone.kept => Action::HoldBack(Note::with_command(
            format!("not at {name}: no branch holds {commit}"),
            rescue(commit),
        )),
        Head::Branch(branch) if !clone.published && !allowed.switch => {
            let why = format!("on `{branch}`, which has commits of its own, not at {name}");
            Action::Leave(Note::with_command(why, switch).to(Goal::Pin))
        }
        Head::Detached(_) | Head::Branch(_) | Head::Unborn(_) => Action::Detach,
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{Basis, Changes, MovedTag, Remote};
    use super::*;
    use crate::workspace::Checkout;

    fn repo() -> Repo {
        Repo {
            name: "web".to_owned(),
            url: "https://git.example/web".to_owned(),
            path: "web".to_owned(),
            local_path: None,
            checkout: Checkout::Branch("main".to_owned()),
            depth: None,
            submodules: false,
            skip: false,
        }
    }

    fn clone_with(ahead: usize, behind: usize) -> CloneState {
        CloneState {
            remote: "origin".to_owned(),
            head: Head::Branch("main".to_owned()),
            operation: None,
            half_moved: false,
            changes: Changes::default(),
            has_filters: false,
            only_git: false,
            not_cloned: 0,
            stashes: 0,
            target: Target::Branch {
                name: "main".to_owned(),
                ahead,
                own: ahead,
                behind,
            },
            published: true,
            kept: true,
            obstacle: None,
            basis: Basis {
                commit: Some("1234567".to_owned()),
                ..Basis::default()
            },
        }
    }

    fn taken_back(ahead: usize, own: usize, behind: usize) -> CloneState {
        CloneState {
            target: Target::Branch {
                name: "main".to_owned(),
                ahead,
                own,
                behind,
            },
            ..clone_with(ahead, behind)
        }
    }

    fn pin(head: Head, reached: bool) -> CloneState {
        CloneState {
            head,
            target: Target::Pin {
                name: "v1".to_owned(),
                reached,
            },
            ..clone_with(0, 0)
        }
    }

    fn dirty(clone: CloneState) -> CloneState {
        CloneState {
            changes: Changes {
                staged: 1,
                unstaged: 2,
                untracked: 5,
                conflicted: 0,
                submodules: vec!["lib".to_owned()],
            },
            ..clone
        }
    }

    fn in_conflict(clone: CloneState) -> CloneState {
        CloneState {
            changes: Changes {
                conflicted: 1,
                ..Changes::default()
            },
            ..clone
        }
    }

    /// One line a case, so that the table reads as the rules do.
    fn told(action: &Action) -> String {
        let note = |word: &str, note: &Note| {
            let command = note.typed("web").unwrap_or_else(|| "-".to_owned());
            format!("{word}: {} | {command}", note.why)
        };
        match action {
            Action::Keep(told) => format!("keep: {}", told.as_deref().unwrap_or("-")),
            Action::FastForward(behind) => format!("fast-forward {behind}"),
            Action::Switch => "switch".to_owned(),
            Action::Detach => "detach".to_owned(),
            Action::Leave(why) => note("leave", why),
            Action::HoldBack(why) => note("hold back", why),
            Action::Fail(why) => note("fail", why),
        }
    }

    /// What a row says, and the command that it offers, are in the tables of docs/sync.md.
    fn assert_documented(why: &str, command: Option<&str>) {
        let page = include_str!("../../docs/sync.md");
        let code = |text: &str| {
            if text.contains('`') {
                format!("`` {text} ``")
            } else {
                format!("`{text}`")
            }
        };
        let command = command.map(code);
        let is_row = |line: &&str| {
            let says = line.starts_with('|') && line.contains(&format!("| {} |", code(why)));
            says && command
                .as_ref()
                .is_none_or(|command| line.contains(&format!("| {command} |")))
        };
        let rows = page.lines().filter(is_row).count();
        assert_eq!(rows, 1, "rows of docs/sync.md for `{why}`, {command:?}");
    }

    /// Of an action, after it was compared with what is expected.
    fn assert_action_documented(action: &Action) {
        match action {
            Action::Keep(Some(told)) => assert_documented(told, None),
            Action::Leave(note) | Action::HoldBack(note) | Action::Fail(note) => {
                assert_documented(&note.why, note.typed("web").as_deref());
            }
            Action::Keep(None) | Action::FastForward(_) | Action::Switch | Action::Detach => {}
        }
    }

    fn assert_told(cases: &[(&str, CloneState, &str)]) {
        for (case, clone, expected) in cases {
            let action = after_fetch(clone, Allowed::default());
            assert_eq!(told(&action), *expected, "{case}");
            assert_action_documented(&action);
        }
    }

    #[test]
    fn after_a_fetch_a_clone_is_updated_only_where_nothing_can_be_lost() {
        let branch = |name: &str| Head::Branch(name.to_owned());
        let detached = || Head::Detached("1234567".to_owned());
        let cases = [
            ("up to date", clone_with(0, 0), "keep: -"),
            ("behind", clone_with(0, 3), "fast-forward 3"),
            (
                "untracked files only",
                CloneState {
                    changes: Changes {
                        untracked: 4,
                        ..Changes::default()
                    },
                    ..clone_with(0, 3)
                },
                "fast-forward 3",
            ),
            (
                "ahead",
                clone_with(1, 0),
                "leave: 1 commit not pushed | git -C web push origin main",
            ),
            (
                "diverged",
                clone_with(1, 2),
                "hold back: diverged: 1 ahead and 2 behind origin/main | git -C web rebase origin/main",
            ),
            (
                "another branch",
                CloneState {
                    head: branch("topic"),
                    ..clone_with(1, 2)
                },
                "leave: on `topic`, not on `main` | git -C web switch main",
            ),
            (
                "detached",
                CloneState {
                    head: detached(),
                    ..clone_with(0, 2)
                },
                "leave: detached at 1234567, not on `main` | git -C web switch main",
            ),
            (
                "no commit here, some there",
                CloneState {
                    head: Head::Unborn("main".to_owned()),
                    ..clone_with(0, 2)
                },
                "fast-forward 2",
            ),
            (
                "branch gone from the remote",
                CloneState {
                    target: Target::Unknown("main".to_owned()),
                    ..clone_with(0, 0)
                },
                "fail: the remote has no `main` | git -C web ls-remote origin",
            ),
            (
                "no default branch at the remote",
                CloneState {
                    target: Target::NoDefault,
                    ..clone_with(0, 0)
                },
                "fail: the remote has no default branch | git -C web ls-remote origin",
            ),
            (
                "keeps no branch of the remote",
                CloneState {
                    target: Target::Unfollowed,
                    ..clone_with(0, 0)
                },
                "fail: the clone follows no branch of `origin` | git -C web config --add remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'",
            ),
            (
                "empty on both sides",
                CloneState {
                    target: Target::Empty,
                    ..clone_with(0, 0)
                },
                "keep: the remote has no commits yet",
            ),
        ];
        assert_told(&cases);
    }

    #[test]
    fn a_changed_clone_is_left_to_the_user() {
        let cases = [
            (
                "dirty, nothing new",
                dirty(clone_with(0, 0)),
                "keep: 3 local changes",
            ),
            (
                "dirty and behind",
                dirty(clone_with(0, 2)),
                "hold back: behind 2, not updated: 3 local changes | git -C web stash && git -C web merge --ff-only origin/main && git -C web stash pop --index",
            ),
            (
                "dirty and behind, nothing staged",
                CloneState {
                    changes: Changes {
                        unstaged: 3,
                        ..Changes::default()
                    },
                    ..clone_with(0, 2)
                },
                "hold back: behind 2, not updated: 3 local changes | git -C web merge --ff-only --autostash origin/main",
            ),
            (
                "in conflict",
                in_conflict(clone_with(0, 0)),
                "leave: 1 file in conflict | git -C web status",
            ),
            (
                "in conflict, and behind",
                in_conflict(clone_with(0, 2)),
                "hold back: behind 2, not updated: 1 file in conflict | git -C web status",
            ),
        ];
        assert_told(&cases);
    }

    #[test]
    fn what_the_remote_took_back_is_kept_on_a_branch() {
        let cases = [
            (
                "taken back",
                taken_back(1, 0, 2),
                "hold back: `origin/main` was rewritten: 1 commit here is no longer there | git -C web branch --force rescue-1234567 1234567 && git -C web reset --keep origin/main",
            ),
            (
                "taken back, and nothing new",
                taken_back(1, 0, 0),
                "hold back: `origin/main` was rewritten: 1 commit here is no longer there | git -C web branch --force rescue-1234567 1234567 && git -C web reset --keep origin/main",
            ),
            (
                "taken back, below own",
                taken_back(2, 1, 2),
                "hold back: `origin/main` was rewritten: 1 commit here is no longer there, and 1 commit not pushed | git -C web branch --force rescue-1234567 1234567 && git -C web rebase --fork-point origin/main",
            ),
        ];
        assert_told(&cases);
    }

    #[test]
    fn a_command_that_is_offered_leaves_no_commit_that_only_head_leads_to() {
        let adrift = |clone: CloneState| CloneState {
            head: Head::Detached("1234567".to_owned()),
            kept: false,
            ..clone
        };
        let cases = [
            (
                "detached at a commit of its own",
                adrift(clone_with(1, 2)),
                "leave: detached at 1234567, not on `main` | git -C web branch --force rescue-1234567 1234567 && git -C web switch main",
            ),
            (
                "dirty, and not at its tag",
                adrift(dirty(pin(Head::Branch("main".to_owned()), false))),
                "hold back: not at v1: 3 local changes | git -C web branch --force rescue-1234567 1234567 && git -C web switch --detach v1",
            ),
        ];
        assert_told(&cases);
        let allowed = Allowed {
            switch: true,
            ..Allowed::default()
        };
        let action = after_fetch(&adrift(dirty(clone_with(1, 2))), allowed);
        let expected = "hold back: detached at 1234567, not on `main`: 3 local changes | git -C web branch --force rescue-1234567 1234567 && git -C web switch main";
        assert_eq!(told(&action), expected);
    }

    #[test]
    fn a_clone_goes_to_its_tag_only_where_nothing_can_be_lost() {
        let branch = |name: &str| Head::Branch(name.to_owned());
        let detached = || Head::Detached("1234567".to_owned());
        let cases = [
            ("at its tag", pin(detached(), true), "keep: -"),
            (
                "at its tag, on a branch",
                pin(branch("main"), true),
                "keep: on `main`, at v1",
            ),
            ("not at its tag", pin(detached(), false), "detach"),
            (
                "on a published branch",
                pin(branch("main"), false),
                "detach",
            ),
            (
                "on a branch with own commits",
                CloneState {
                    published: false,
                    ..pin(branch("topic"), false)
                },
                "leave: on `topic`, which has commits of its own, not at v1 | git -C web switch --detach v1",
            ),
            (
                "detached at a commit of its own",
                CloneState {
                    kept: false,
                    ..pin(detached(), false)
                },
                "hold back: not at v1: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
            ),
            (
                "dirty, not at its tag",
                dirty(pin(detached(), false)),
                "hold back: not at v1: 3 local changes | git -C web switch --detach v1",
            ),
        ];
        assert_told(&cases);
    }

    #[test]
    fn the_first_step_touches_only_what_is_missing_or_a_clone_of_the_repo() {
        let state = |place: Place| RepoState {
            place,
            link: Link::NotWanted,
        };
        let clone = |operation| {
            Place::Clone(Box::new(CloneState {
                operation,
                ..clone_with(0, 0)
            }))
        };
        let cases = [
            (state(Place::Missing), "clone"),
            (state(clone(None)), "fetch"),
            (
                state(clone(Some("rebase"))),
                "refuse: a rebase is in progress | git -C web status",
            ),
            (
                state(Place::Occupied("a file".to_owned())),
                "refuse: a file is there: move it away | -",
            ),
            (
                state(Place::OtherRemote(Some(other_remote()))),
                "refuse: a clone of https://git.example/x is there | git -C web remote set-url origin https://git.example/web",
            ),
            (
                state(Place::OtherRemote(None)),
                "refuse: a git repository without a remote is there | git -C web remote add origin https://git.example/web",
            ),
            (
                RepoState {
                    link: Link::Blocked("a folder".to_owned()),
                    ..state(Place::Missing)
                },
                "refuse: `web` is a folder, not a link to the clone | -",
            ),
        ];
        for (state, expected) in cases {
            let told = match first_step(&repo(), &state, Allowed::default()) {
                Step::Skip => "skip".to_owned(),
                Step::Clone => "clone".to_owned(),
                Step::Fetch => "fetch".to_owned(),
                Step::SetUrl(remote) => format!("set url of {remote:?}"),
                Step::Refuse(note) => {
                    let command = note.typed("web");
                    assert_documented(&note.why, command.as_deref());
                    format!(
                        "refuse: {} | {}",
                        note.why,
                        command.as_deref().unwrap_or("-")
                    )
                }
            };
            assert_eq!(told, expected);
        }
        let skipped = Repo {
            skip: true,
            ..repo()
        };
        assert_eq!(
            first_step(&skipped, &state(Place::Missing), Allowed::default()),
            Step::Skip
        );
    }

    #[test]
    fn another_url_is_replaced_only_when_asked_for_and_a_password_is_never_shown() {
        let secret = Repo {
            url: "https://token:secret@git.example/web".to_owned(),
            ..repo()
        };
        let state = RepoState {
            place: Place::OtherRemote(Some(other_remote())),
            link: Link::NotWanted,
        };
        let allowed = Allowed {
            set_url: true,
            ..Allowed::default()
        };
        let Step::Refuse(note) = first_step(&secret, &state, Allowed::default()) else {
            panic!("it was not asked for");
        };
        assert_eq!(
            note.command.as_deref(),
            Some("remote set-url origin https://git.example/web")
        );
        assert_eq!(
            first_step(&secret, &state, allowed),
            Step::SetUrl(Some("origin".to_owned()))
        );
    }

    #[test]
    fn what_a_fetch_saw_is_said_with_the_command_that_settles_it() {
        let moved = Seen {
            moved_tag: Some(MovedTag {
                here: "1234567".to_owned(),
                there: "89abcde".to_owned(),
            }),
            ..Seen::default()
        };
        let blocked = |name: &str, by: &str| Seen {
            blocked: vec![Blocked {
                name: name.to_owned(),
                by: by.to_owned(),
            }],
            ..Seen::default()
        };
        let at_tag = pin(Head::Detached("1234567".to_owned()), true);
        let cases = [
            (
                seen(&at_tag, &moved),
                "tag `v1` was moved: 1234567 here, 89abcde on the remote",
                Some("fetch origin +refs/tags/v1:refs/tags/v1"),
            ),
            (
                seen(
                    &clone_with(0, 0),
                    &blocked(
                        "refs/remotes/origin/release/1.0",
                        "refs/remotes/origin/release",
                    ),
                ),
                "`release/1.0` not fetched: `release` is in its way",
                Some("remote prune origin"),
            ),
            (
                seen(
                    &clone_with(0, 0),
                    &blocked("refs/tags/v1/rc", "refs/tags/v1"),
                ),
                "`v1/rc` not fetched: `v1` is in its way",
                None,
            ),
        ];
        for (note, why, command) in cases {
            let note = note.unwrap();
            assert_eq!((note.why.as_str(), note.command.as_deref()), (why, command));
            let rescues = note.before.as_deref() == Some("branch --force rescue-1234567 1234567");
            assert_eq!(rescues, note.why.contains("was moved"), "{why}");
            if command.is_some() {
                assert_documented(why, note.typed("web").as_deref());
            }
        }
        assert_eq!(seen(&clone_with(0, 0), &Seen::default()), None);
    }

    #[test]
    fn a_branch_is_left_when_asked_for_unless_something_would_be_lost() {
        let allowed = Allowed {
            switch: true,
            ..Allowed::default()
        };
        let on = |head: Head| CloneState {
            head,
            ..clone_with(0, 2)
        };
        let topic = || Head::Branch("topic".to_owned());
        let detached = || Head::Detached("1234567".to_owned());
        let cases = [
            ("another branch", on(topic()), "switch"),
            ("detached at a commit of a branch", on(detached()), "switch"),
            (
                "no commit yet",
                on(Head::Unborn("topic".to_owned())),
                "switch",
            ),
            (
                "detached at a commit of its own",
                CloneState {
                    kept: false,
                    ..on(detached())
                },
                "hold back: detached at 1234567, not on `main`: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
            ),
            (
                "another branch, dirty",
                dirty(on(topic())),
                "hold back: on `topic`, not on `main`: 3 local changes | git -C web switch main",
            ),
            (
                "there, and behind",
                on(Head::Branch("main".to_owned())),
                "fast-forward 2",
            ),
            (
                "not at its tag, on a branch with commits of its own",
                CloneState {
                    published: false,
                    ..pin(topic(), false)
                },
                "detach",
            ),
            (
                "not at its tag, detached at a commit of its own",
                CloneState {
                    kept: false,
                    ..pin(detached(), false)
                },
                "hold back: not at v1: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
            ),
        ];
        for (case, clone, expected) in cases {
            let action = after_fetch(&clone, allowed);
            assert_eq!(told(&action), expected, "{case}");
            assert_action_documented(&action);
        }
    }

    fn other_remote() -> Remote {
        Remote {
            name: "origin".to_owned(),
            url: "https://git.example/x".to_owned(),
        }
    }
}
