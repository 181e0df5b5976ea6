//! Verdicts on the workspace: clones, files, variables, the compose file and ports.

use super::{Setting, one_line};
use crate::compose::overrides::AddedPort;
use crate::compose::yaml::Excess;
use crate::doctor::check::{Aspect, EnvKeysProbe, Fix, Outcome, PortProbe, Remedy, RunningProbe};
use crate::doctor::finding::{
    ConfigSeen, DriftSeen, EnvKeysSeen, FileSeen, Holder, Origin, PortSeen, RunningSeen,
};
use crate::running::Condition;
use crate::shell;
use crate::sync::{
    Action, Allowed, CloneState, HALF_MOVED, Link, Note, Place, RepoState, Step, after_fetch,
    first_step,
};
use crate::workspace::{Repo, syntax};

pub(super) fn repo(repo: &Repo, state: &RepoState, aspect: Aspect, setting: &Setting) -> Outcome {
    let sync = || Remedy::run("fitout sync");
    let path = repo.local_path.as_ref().unwrap_or(&repo.path);
    let git = |note: &Note| match note.typed(&setting.typed(path)) {
        Some(command) => Remedy::run(command),
        None => Remedy::default(),
    };
    match aspect {
        Aspect::Cloned => match (&state.place, &state.link) {
            (Place::Missing, _) => {
                Outcome::fail("not cloned yet", sync()).fixed_by(Fix::Clone(repo.name.clone()))
            }
            (Place::Occupied(what), _) => {
                Outcome::fail(format!("{what} is at `{path}`"), moved_away(path, setting))
            }
            (Place::Astray(why), _) => Outcome::fail(why.clone(), Remedy::default()),
            (Place::OtherOwner(folder), _) => Outcome::fail(
                format!("`{path}` belongs to another user of this machine"),
                Remedy::run(format!("git {}", shell::trusting(folder))),
            ),
            (Place::Unreadable(why), _) => Outcome::fail(
                format!("git can't read `{path}`: {why}"),
                Remedy::run(format!("git -C {} status", setting.typed(path))),
            ),
            (_, Link::Missing) => {
                Outcome::fail(format!("no link from `{}` to the clone", repo.path), sync())
            }
            (_, Link::Blocked(what)) => Outcome::fail(
                format!(
                    "`{}` is {what}, not a link to the clone at `{path}`",
                    repo.path
                ),
                moved_away(&repo.path, setting),
            ),
            (Place::OtherRemote(_) | Place::Clone(_), Link::NotWanted | Link::Right) => {
                Outcome::pass(format!("at `{path}`"))
            }
        },
        Aspect::Remote => match (&state.place, first_step(repo, state, Allowed::default())) {
            (Place::OtherRemote(_), Step::Refuse(note)) => {
                Outcome::fail(note.why.as_str(), git(&note))
            }
            _ => Outcome::pass(syntax::without_password(&repo.url)),
        },
        Aspect::Branch => match (&state.place, first_step(repo, state, Allowed::default())) {
            (Place::Clone(clone), _) if clone.half_moved => {
                let command = format!("fitout sync {}", shell::word(&repo.name));
                Outcome::warn(HALF_MOVED, Remedy::run(command))
            }
            (_, Step::Refuse(note)) => Outcome::warn(note.why.as_str(), git(&note)),
            (Place::Clone(clone), _) => branch(clone, git),
            _ => Outcome::unknown("no clone to look at"),
        },
    }
}

/// Out of the way, but kept.
fn moved_away(path: &str, setting: &Setting) -> Remedy {
    let kept = setting.typed(&format!("{path}.old"));
    Remedy::run(format!("mv {} {kept}", setting.typed(path))).and_run("fitout sync")
}

/// Being on a topic branch or ahead is daily work, and no problem.
fn branch(clone: &CloneState, git: impl Fn(&Note) -> Remedy) -> Outcome {
    let with_remedy = |outcome: Outcome, remedy| Outcome { remedy, ..outcome };
    match after_fetch(clone, Allowed::default()) {
        Action::Keep(told) => Outcome::pass(told.unwrap_or_else(|| "up to date".to_owned())),
        Action::FastForward(behind) => with_remedy(
            Outcome::info(format!("behind by {behind}, as of the last fetch")),
            Remedy::run("fitout sync"),
        ),
        Action::Switch | Action::Detach => Outcome::warn(
            "not where the manifest wants it",
            Remedy::run("fitout sync"),
        ),
        Action::Leave(note) => with_remedy(Outcome::info(note.why.as_str()), git(&note)),
        Action::HoldBack(note) => Outcome::warn(note.why.as_str(), git(&note)),
        Action::Fail(note) => Outcome::fail(note.why.as_str(), git(&note)),
    }
}

pub(super) fn file(file: FileSeen, path: &str, setting: &Setting) -> Outcome {
    let is_compose_file = path == "docker-compose.yml";
    match file {
        FileSeen::Present => Outcome::pass(format!("`{path}`")),
        FileSeen::Missing if is_compose_file => Outcome::fail(
            format!("`{path}` is missing"),
            Remedy::run("fitout generate"),
        )
        .fixed_by(Fix::Generate),
        FileSeen::Missing => Outcome::fail(
            format!("`{path}` is missing"),
            Remedy::note("add it to the repo, or set `dockerfile` or `context` in workspace.toml"),
        ),
        FileSeen::NotAFile => Outcome::fail(
            format!("`{path}` is no file"),
            Remedy::run(format!("ls -ld {}", setting.typed(path))),
        ),
    }
}

/// Somebody's own clone beside the others is no problem.
pub(super) fn extra(clones: &[(String, Option<String>)]) -> Outcome {
    if clones.is_empty() {
        return Outcome::pass("every clone is in the manifest");
    }
    let named: Vec<String> = clones
        .iter()
        .map(|(path, url)| match url {
            Some(url) => format!("`{path}` ({url})"),
            None => format!("`{path}`"),
        })
        .collect();
    let verb = if named.len() == 1 { "is" } else { "are" };
    Outcome {
        remedy: Remedy::note("`fitout add` takes it in; fitout never removes a clone"),
        ..Outcome::info(format!(
            "{} {verb} not in the manifest",
            one_line(&named.join(", "))
        ))
    }
}

pub(super) fn env_keys(seen: EnvKeysSeen, probe: &EnvKeysProbe, setting: &Setting) -> Outcome {
    let EnvKeysProbe { file, example, .. } = probe;
    match seen {
        EnvKeysSeen::NoExample => Outcome::pass(format!("there is no `{example}`")),
        EnvKeysSeen::Missing => Outcome::warn(
            format!("`{file}` is missing, and `{example}` is there"),
            Remedy::run(format!(
                "cp -n {} {}",
                setting.typed(example),
                setting.typed(file)
            )),
        )
        .fixed_by(Fix::Create {
            file: file.clone(),
            from: example.clone(),
        }),
        EnvKeysSeen::Lacks(keys) if keys.is_empty() => {
            Outcome::pass(format!("`{file}` has the keys of its example"))
        }
        EnvKeysSeen::Lacks(keys) => {
            let names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let pattern = keys.join("|");
            Outcome::warn(
                format!(
                    "`{file}` lacks {} of `{example}`",
                    one_line(&names.join(", "))
                ),
                Remedy::run(format!(
                    "{{ echo; grep -E '^ *(export )?({pattern})=' {}; }} >> {}",
                    setting.typed(example),
                    setting.typed(file)
                ))
                .and_note("then put in your values"),
            )
        }
    }
}

pub(super) fn running(seen: &RunningSeen, probe: &RunningProbe) -> Outcome {
    let RunningSeen { state, health, .. } = seen;
    match seen.condition {
        Condition::Ready | Condition::Done => Outcome::pass(state.clone()),
        Condition::Starting | Condition::Stopped | Condition::OnHost => {
            Outcome::info(state.clone())
        }
        Condition::Broken => {
            let said = match health {
                Some(words) => format!(": {}", one_line(words)),
                None => String::new(),
            };
            let service = &probe.service;
            Outcome::fail(
                format!("`{service}` is {state}{said}"),
                Remedy::run(format!("docker compose logs --tail 50 {service}"))
                    .and_run(format!("docker compose up -d --force-recreate {service}")),
            )
        }
    }
}

pub(super) fn tracked(is_tracked: bool, path: &str, setting: &Setting) -> Outcome {
    // A clone in the workspace has a repository of its own.
    let command = match path.rsplit_once('/') {
        Some((folder, name)) => format!(
            "git -C {} rm --cached {}",
            setting.typed(folder),
            shell::path(name)
        ),
        None => format!("git rm --cached {}", setting.typed(path)),
    };
    if is_tracked {
        Outcome::warn(
            format!("`{path}` is committed, with this machine's values and secrets"),
            Remedy::run(command).and_note("what was pushed is known: change those secrets"),
        )
    } else {
        Outcome::pass(format!("`{path}` is not committed"))
    }
}

pub(super) fn variable(origin: Option<Origin>, name: &str, setting: &Setting) -> Outcome {
    match origin {
        Some(Origin::Shell) => Outcome::pass("set in the shell"),
        Some(Origin::EnvFile) => Outcome::pass("set in `.env`"),
        None => Outcome::fail(
            format!("`{name}` is not set"),
            Remedy::note(format!(
                "add the line `{name}=…` to `{}`, with your value",
                setting.shown(".env")
            )),
        ),
    }
}

pub(super) fn drift(drift: &DriftSeen) -> Outcome {
    match drift {
        DriftSeen::Same => Outcome::pass("as the manifest says"),
        DriftSeen::Missing => {
            Outcome::fail("`docker-compose.yml` is missing", Remedy::run("fitout generate"))
                .fixed_by(Fix::Generate)
        }
        DriftSeen::Outdated(parts) => {
            let names: Vec<String> = parts.iter().map(|name| format!("`{name}`")).collect();
            let what = match names.len() {
                0 => String::new(),
                1 => format!(": {} differs", names.join("")),
                _ => format!(": {} differ", one_line(&names.join(", "))),
            };
            Outcome::fail(
                format!("what `fitout generate` wrote is not what the manifest says now{what}"),
                Remedy::run("fitout generate --diff").and_run("fitout generate"),
            )
            .fixed_by(Fix::Generate)
        }
        DriftSeen::EditedByHand => Outcome::fail(
            "`docker-compose.yml` was edited by hand",
            Remedy::run("fitout generate --diff").and_note(
                "move the edit into workspace.toml (`compose = {…}`) or docker-compose.override.yml, then `fitout generate --force`",
            ),
        ),
        DriftSeen::Foreign => Outcome::fail(
            "`docker-compose.yml` was not written by fitout",
            Remedy::run("fitout generate --diff")
                .and_note("`fitout generate --force` replaces it"),
        ),
    }
}

pub(super) fn added_ports(added: Result<Vec<AddedPort>, Excess>) -> Outcome {
    let added = match added {
        Ok(added) => added,
        Err(excess) => {
            return Outcome::fail(
                format!("docker-compose.override.yml: {excess}"),
                Remedy::note(excess.hint()),
            );
        }
    };
    if added.is_empty() {
        return Outcome::pass("no port is published twice");
    }
    let told: Vec<String> = added
        .iter()
        .map(|port| {
            format!(
                "port {} of `{}` (line {})",
                port.target, port.service, port.line
            )
        })
        .collect();
    Outcome::warn(
        format!(
            "docker-compose.override.yml adds to {} and does not replace it",
            told.join(", ")
        ),
        Remedy::note("to replace the ports, write `ports: !override` there"),
    )
}

pub(super) fn compose_config(config: &ConfigSeen) -> Outcome {
    let words = config.messages.join("; ");
    if !config.is_valid {
        Outcome::fail(
            format!("Docker Compose does not accept it: {words}"),
            Remedy::run("docker compose config -q"),
        )
    } else if config.messages.is_empty() {
        Outcome::pass("accepted by Docker Compose")
    } else {
        Outcome::warn(words, Remedy::run("docker compose config -q"))
    }
}

pub(super) fn port(seen: PortSeen, port: &PortProbe, setting: &Setting) -> Outcome {
    let at = format!("{}:{}", bracketed(&port.address), port.published);
    match seen {
        PortSeen::Free => Outcome::pass(format!("{at} is free")),
        PortSeen::Own(container) => Outcome::pass(format!("{at} is held by our own `{container}`")),
        PortSeen::Elsewhere(endpoint) => {
            Outcome::info(format!("published on the engine's machine, {endpoint}"))
        }
        PortSeen::NoSuchAddress => Outcome::fail(
            format!("this machine has no address {}", port.address),
            Remedy::note(format!(
                "change the address in `services.{}.ports` of workspace.toml",
                port.service
            )),
        ),
        PortSeen::Taken { holder, next_free } => {
            let (who, stop) = match &holder {
                None => ("another process".to_owned(), None),
                Some(Holder::Process {
                    pid,
                    program,
                    command,
                }) => {
                    let command = one_line(command);
                    let shown = if command.is_empty() {
                        program
                    } else {
                        &command
                    };
                    (
                        format!("`{shown}` (pid {pid})"),
                        Some(format!("stop that process: kill {pid}")),
                    )
                }
                Some(Holder::Container { name, folder }) => {
                    let of = folder
                        .as_ref()
                        .map(|folder| format!(" of the project in {folder}"))
                        .unwrap_or_default();
                    (
                        format!("the container `{name}`{of}"),
                        Some(format!("stop that container: docker stop {name}")),
                    )
                }
                Some(Holder::Workspace {
                    folder,
                    is_copy,
                    container,
                }) => {
                    let what = if *is_copy { "copy" } else { "workspace" };
                    (
                        format!("the {what} at {folder} (`{container}`)"),
                        Some(format!("stop that {what}: fitout -C {folder} stop")),
                    )
                }
            };
            let mut remedy = match next_free {
                Some(free) if port.set_in_shell => {
                    Remedy::run(format!("export {}={free}", port.variable))
                }
                Some(free) => Remedy::run(setting.set_variable(&port.variable, &free.to_string())),
                None => Remedy::default(),
            };
            let is_second_best = !remedy.run.is_empty();
            remedy.note = stop.map(|stop| {
                if is_second_best {
                    format!("or {stop}")
                } else {
                    stop
                }
            });
            Outcome::fail(format!("{at} is held by {who}"), remedy)
        }
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}
