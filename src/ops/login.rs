//! Prompts before the work, so that workers never prompt: unknown host keys, passphrases of keys,
//! and logins. One prompt per host, and only on a terminal.

use std::sync::{Mutex, PoisonError};

use super::Context;
use crate::git::network::{self, Answer, Holder, Known, Question, SshHost};
use crate::git::url;
use crate::host::interrupt;
use crate::ui::progress::{self, Progress, TaskLine};
use crate::workspace::{Backend, Repo};

/// Prompts for everything needed to clone or fetch these repos, or again after they failed. The
/// network half uses the answers. Returns the servers that can't be accessed; the workers report
/// why, for each repo.
pub(crate) fn ask(
    context: &Context,
    backend: Backend,
    known: Known,
    repos: &[Repo],
) -> Vec<String> {
    let (mut servers, mut closed) = (Vec::new(), Vec::new());
    if !context.ui.can_prompt() {
        return closed;
    }
    for repo in repos {
        let server = url::server(&repo.url);
        let is_done = repo.skip || url::is_local(&repo.url) || servers.contains(&server);
        if is_done || interrupt::requested() {
            continue;
        }
        servers.push(server.clone());
        // Each skips the other's URLs: `insteadOf` determines the protocol.
        let opens = |host: SshHost| {
            let name = url::host(&repo.url).unwrap_or(&repo.url);
            meet(context, name, &host) && unlock_key(context, name, &host)
        };
        let is_open = network::ssh_host(&repo.url).is_none_or(opens)
            && (backend == Backend::Cli || log_in(context, repos.len(), &repo.url, known));
        if !is_open {
            closed.push(server);
        }
    }
    closed
}

fn meet(context: &Context, name: &str, host: &SshHost) -> bool {
    if host.is_known() {
        return true;
    }
    context
        .ui
        .say(format_args!("the ssh host key of {name} is not known yet"));
    host.introduce()
}

fn unlock_key(context: &Context, name: &str, host: &SshHost) -> bool {
    host.unlock(&|key, holder| {
        let holder = match holder {
            Holder::UsersAgent => "your ssh-agent will hold it",
            Holder::ThisRun => "fitout will hold it until it exits",
        };
        let key = key.display();
        context.ui.say(format_args!(
            "{name} requires an ssh key, and {key} has a passphrase; {holder}"
        ));
    })
}

fn log_in(context: &Context, repos: usize, url: &str, known: Known) -> bool {
    let drawn = || Progress::new(context.ui, repos);
    let shown = Mutex::new(drawn());
    let lock = || shown.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = TaskLine {
        name: url::host(url).unwrap_or(url).to_owned(),
        phase: "connecting",
        fraction: None,
        bytes: 0,
    };
    // Shows what is being waited for, and lets Ctrl-C end the wait for a silent server.
    let tick = || {
        if interrupt::requested() {
            network::hang_up();
        }
        lock().draw(std::slice::from_ref(&waiting), 0, 0);
    };
    let mut ask = |question: &Question| {
        lock().clear();
        let answer = answer(context, question);
        *lock() = drawn();
        answer
    };
    let found = progress::meanwhile(tick, || {
        network::log_in(url, known, interrupt::flag(), &mut ask)
    });
    lock().clear();
    !found.is_err_and(|error| error.cause.is_worth_a_question())
}

fn answer(context: &Context, question: &Question) -> Option<Answer> {
    let ui = context.ui;
    match &question.refused {
        None => ui.say(format_args!("{} requires a login", question.server)),
        Some(why) => ui.warn(format_args!("{} {why}", question.server)),
    }
    if question.server.starts_with("http://") {
        ui.warn("this is plain http: others on the network can read what you type");
    }
    let user = match &question.user {
        Some(user) => {
            ui.say(format_args!("user: {user}"));
            user.clone()
        }
        None => ui.ask("user")?,
    };
    Some(Answer {
        user,
        password: ui.ask_secretly("password or token")?,
    })
}
