//! HTTP logins: one per server and run, however many repos it has.
//!
//! If a server requires a login, the user's credential helpers are asked, as in git; then
//! `~/.netrc`, which git reads through curl; then the token that a CI system provides to its jobs,
//! for that system's own server only; then, before the workers start and on a terminal only, the
//! user. An accepted login is used for all repos of the server. A rejected login is sent only once:
//! two hundred attempts could lock an account. Logins that git can't find by itself are lent to it
//! ([`lent`]).

mod lent;

pub use lent::Loans;
pub(super) use lent::variables;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use gix::bstr::ByteSlice;
use gix::credentials::helper::{Action, Cascade, NextAction};
use gix::credentials::protocol::{Context, Outcome};
use gix::error::message;
use gix::sec::identity::Account;
use url::Url;

use super::super::error::Cause;
use super::http::{RemoteFailure, Session};

/// A prompt for a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// `https://git.example`, with a path if a login is valid for a single repository.
    pub server: String,
    /// Known from the URL or from git's configuration.
    pub user: Option<String>,
    /// What is wrong with the previous login, if any.
    pub refused: Option<String>,
}

/// The user's answer.
#[derive(Clone)]
pub struct Answer {
    /// The user's name.
    pub user: String,
    /// Their password or token.
    pub password: String,
}

/// Prompts the user; returns none if they cancel.
pub type Ask<'a> = &'a mut dyn FnMut(&Question) -> Option<Answer>;

/// Keyed by server, and by path with `credential.useHttpPath`.
static LOGINS: LazyLock<Mutex<HashMap<String, Arc<Entry>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Entry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Default)]
enum State {
    #[default]
    Unknown,
    /// A worker is asking the helpers, or waiting for the server to accept their login.
    Trying,
    Accepted(Account),
    /// Why, as a message.
    Refused(String),
}

/// Where a login came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Helper,
    Netrc,
    Variable(&'static str),
    User,
}

/// Answers gix's requests for the login of a connection.
pub(super) struct Keeper {
    repository: gix::Repository,
    session: Session,
    trial: Option<(Trial, Login, Cascade)>,
}

struct Login {
    account: Account,
    source: Source,
    context: Context,
}

impl Keeper {
    pub(super) fn new(repository: gix::Repository, session: Session) -> Self {
        Keeper {
            repository,
            session,
            trial: None,
        }
    }

    /// Answers a request from gix. `ask` is set if the user can be prompted.
    pub(super) fn answer(
        &mut self,
        action: Action,
        ask: Option<Ask<'_>>,
    ) -> gix::Result<Option<Outcome>> {
        match action {
            Action::Get(context) => self.get(context, ask),
            Action::Store(_) => {
                self.settle(true);
                Ok(None)
            }
            Action::Erase(_) => {
                self.settle(false);
                Ok(None)
            }
        }
    }

    fn get(&mut self, context: Context, ask: Option<Ask<'_>>) -> gix::Result<Option<Outcome>> {
        let url = context.url.clone().or_else(|| context.to_url());
        let url = gix::url::parse(url.unwrap_or_default().as_bstr())?;
        let (mut cascade, action, _) = self.repository.config_snapshot().credential_helpers(url)?;
        let Action::Get(mut asked) = action else {
            return Ok(None);
        };
        asked.www_authenticate = context.www_authenticate;
        let mut shown = asked.clone();
        shown.destructure_url_in_place(cascade.use_http_path)?;
        let key = key(&shown);
        let trial = match begin(&key, ask.is_some()) {
            Begun::Accepted(account) => return Ok(Some(outcome(account, shown))),
            Begun::Refused(why) => return Err(self.fail(&why)),
            Begun::Trial(trial) => trial,
        };
        let refused = trial.refused.clone();
        let login = match refused {
            // A rejected login is not returned again by the same source.
            Some(_) => None,
            None => from_helpers(&mut cascade, asked)
                .or_else(|| from_netrc(&shown))
                .or_else(|| from_environment(&shown)),
        };
        let login = match (login, ask) {
            (None, Some(ask)) => from_user(&shown, refused, ask),
            (login, _) => login,
        };
        let Some(login) = login else {
            trial.end(State::Unknown);
            let failure = RemoteFailure::new(Cause::Login, "requires a login");
            self.session.fail(failure);
            return Err(gix::Error::from_error(message!(
                "credentials: no helper has a login for {key}"
            )));
        };
        let outcome = outcome(login.account.clone(), login.context.clone());
        self.trial = Some((trial, login, cascade));
        Ok(Some(outcome))
    }

    /// The server has accepted or rejected the login.
    fn settle(&mut self, accepted: bool) {
        let Some((trial, login, mut cascade)) = self.trial.take() else {
            // Another repo's login: valid for the server, but not for this repository.
            if !accepted {
                self.session
                    .fail(RemoteFailure::new(Cause::Forbidden, "refused"));
            }
            return;
        };
        if accepted && matches!(login.source, Source::Variable(_) | Source::User) {
            let _ = lent::lend(&login.context);
        }
        let next = NextAction::from(login.context);
        let (told, state) = if accepted {
            (next.store(), State::Accepted(login.account))
        } else {
            let why = match login.source {
                Source::Helper => "rejects the login from your credential helper".to_owned(),
                Source::Netrc => "rejects the login in ~/.netrc".to_owned(),
                Source::Variable(name) => format!("rejects the token in {name}"),
                Source::User => "rejects this login".to_owned(),
            };
            self.session
                .fail(RemoteFailure::new(Cause::LoginRefused, &why));
            (next.erase(), State::Refused(why))
        };
        // `git credential approve` and `reject`. If a helper can't store a login, that is not an
        // error; the login itself works.
        if matches!(login.source, Source::Helper | Source::User) {
            let _ = cascade.invoke(told, nobody());
        }
        trial.end(state);
    }

    fn fail(&self, why: &str) -> gix::Error {
        self.session
            .fail(RemoteFailure::new(Cause::LoginRefused, why));
        gix::Error::from_error(message!("credentials: the server {why}"))
    }
}

/// A login that is being tried: no other one is tried for the same server in the meantime.
struct Trial {
    entry: Arc<Entry>,
    /// Why the previous login was rejected, if the user is prompted again.
    refused: Option<String>,
    ended: bool,
}

impl Trial {
    fn end(mut self, state: State) {
        self.ended = true;
        *lock(&self.entry.state) = state;
        self.entry.changed.notify_all();
    }
}

impl Drop for Trial {
    /// The connection broke before the server answered.
    fn drop(&mut self) {
        if !self.ended {
            *lock(&self.entry.state) = State::Unknown;
            self.entry.changed.notify_all();
        }
    }
}

enum Begun {
    Trial(Trial),
    Accepted(Account),
    Refused(String),
}

fn begin(key: &str, can_ask: bool) -> Begun {
    let entry = Arc::clone(lock(&LOGINS).entry(key.to_owned()).or_default());
    let mut state = lock(&entry.state);
    let refused = loop {
        match &*state {
            State::Accepted(account) => return Begun::Accepted(account.clone()),
            State::Refused(why) if can_ask => break Some(why.clone()),
            State::Refused(why) => return Begun::Refused(why.clone()),
            State::Unknown => break None,
            State::Trying => {
                state = entry
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    };
    *state = State::Trying;
    drop(state);
    Begun::Trial(Trial {
        entry,
        refused,
        ended: false,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `https://me@git.example:8443/path`.
fn key(context: &Context) -> String {
    let user = context.username.as_ref();
    let path = context.path.as_ref();
    format!(
        "{}://{}{}{}",
        context.protocol.as_deref().unwrap_or_default(),
        user.map(|user| format!("{user}@")).unwrap_or_default(),
        context.host.as_deref().unwrap_or_default(),
        path.map(|path| format!("/{path}")).unwrap_or_default()
    )
}

fn outcome(account: Account, context: Context) -> Outcome {
    Outcome {
        identity: account,
        next: context.into(),
    }
}

/// Returns a proxy's URL with the password from the user's helpers, if it only has a user, as in
/// git. They are asked once.
pub(super) fn proxy_with_password(repository: &gix::Repository, proxy: &str) -> String {
    static PROXIES: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
    let complete = || completed(repository, proxy).unwrap_or_else(|| proxy.to_owned());
    let mut proxies = lock(&PROXIES);
    proxies
        .entry(proxy.to_owned())
        .or_insert_with(complete)
        .clone()
}

fn completed(repository: &gix::Repository, proxy: &str) -> Option<String> {
    let mut url = Url::parse(proxy).ok()?;
    if url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let config = repository.config_snapshot();
    let (mut cascade, action, _) = config
        .credential_helpers(gix::url::parse(proxy.as_bytes().as_bstr()).ok()?)
        .ok()?;
    let Action::Get(context) = action else {
        return None;
    };
    let login = from_helpers(&mut cascade, context)?;
    url.set_password(Some(&login.account.password)).ok()?;
    Some(url.into())
}

/// No prompts.
fn nobody() -> gix::prompt::Options {
    gix::prompt::Options {
        askpass: None,
        mode: gix::prompt::Mode::Disable,
    }
}

fn from_helpers(cascade: &mut Cascade, context: Context) -> Option<Login> {
    // gix returns an error if no helper has a login.
    let outcome = cascade.invoke(Action::Get(context), nobody()).ok()??;
    let context = Context::try_from(&outcome.next).ok()?;
    Some(Login {
        account: outcome.identity,
        source: Source::Helper,
        context,
    })
}

fn from_netrc(context: &Context) -> Option<Login> {
    let text = std::fs::read_to_string(dirs::home_dir()?.join(".netrc")).ok()?;
    let host = context.host.as_deref()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let (user, password) = netrc(&text, name, context.username.as_deref())?;
    Some(login(context, &user, &password, Source::Netrc))
}

/// Parses `machine HOST login USER password PASSWORD`, or `default` instead of a machine.
fn netrc(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    let mut words = text.split_whitespace();
    let (mut is_ours, mut login, mut found) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" => (is_ours, login) = (words.next() == Some(host), None),
            "default" => (is_ours, login) = (true, None),
            "login" => login = words.next(),
            "password" => {
                let password = words.next()?;
                let is_user = user.is_none_or(|user| login == Some(user));
                if is_ours && is_user && found.is_none() {
                    found = Some((login?.to_owned(), password.to_owned()));
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the token that a CI system provides to its jobs, for that system's own server, over
/// https only.
///
/// GitHub (and Forgejo, Gitea): `GITHUB_TOKEN`, or `GH_TOKEN` as for its command line tool, for
/// `GITHUB_SERVER_URL` or else github.com. GitLab: `CI_JOB_TOKEN` for `CI_SERVER_URL`.
fn from_environment(context: &Context) -> Option<Login> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (name, user, password) = ci_token(context, variable)?;
    Some(login(context, user, &password, Source::Variable(name)))
}

fn login(context: &Context, user: &str, password: &str, source: Source) -> Login {
    let mut context = context.clone();
    context.username = Some(user.to_owned());
    context.password = Some(password.to_owned());
    Login {
        account: Account {
            username: user.to_owned(),
            password: password.to_owned(),
            oauth_refresh_token: None,
        },
        source,
        context,
    }
}

fn ci_token(
    context: &Context,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, &'static str, String)> {
    let is_server = |url: &str| {
        Url::parse(url).is_ok_and(|url| {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let host = format!("{}{port}", url.host_str().unwrap_or_default());
            url.scheme() == "https" && context.host.as_deref() == Some(host.as_str())
        })
    };
    if context.protocol.as_deref() != Some("https") {
        return None;
    }
    let github = variable("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    let gitlab = variable("CI_SERVER_URL");
    if gitlab.is_some_and(|url| is_server(&url))
        && let Some(token) = variable("CI_JOB_TOKEN")
    {
        return Some(("CI_JOB_TOKEN", "gitlab-ci-token", token));
    }
    ["GITHUB_TOKEN", "GH_TOKEN"].into_iter().find_map(|name| {
        let token = variable(name).filter(|_| is_server(&github))?;
        Some((name, "x-access-token", token))
    })
}

fn from_user(context: &Context, refused: Option<String>, ask: Ask<'_>) -> Option<Login> {
    let mut shown = context.clone();
    let user = shown.username.take();
    let answer = ask(&Question {
        server: key(&shown),
        user,
        refused,
    })?;
    Some(login(context, &answer.user, &answer.password, Source::User))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc_names_a_login_by_host_and_user() {
        let text = "machine a.example login me password one\n\
                    machine b.example\n\tlogin you\n\tpassword two\n\
                    default login any password three\n";
        let cases = [
            ("a.example", None, Some(("me", "one"))),
            ("b.example", None, Some(("you", "two"))),
            ("b.example", Some("me"), None),
            ("c.example", None, Some(("any", "three"))),
        ];
        for (host, user, expected) in cases {
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(netrc(text, host, user), expected, "{host} {user:?}");
        }
    }

    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a str>);

    #[test]
    fn a_token_of_ci_goes_to_its_own_server_only() {
        let token = |protocol: &str, host: &str, variables: &[(&str, &str)]| {
            let context = Context {
                protocol: Some(protocol.to_owned()),
                host: Some(host.to_owned()),
                ..Context::default()
            };
            ci_token(&context, |name| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            })
            .map(|(_, user, token)| format!("{user}:{token}"))
        };
        let github = [("GITHUB_TOKEN", "t")];
        let enterprise = [
            ("GH_TOKEN", "t"),
            ("GITHUB_SERVER_URL", "https://code.example:8443"),
        ];
        let gitlab = [
            ("CI_JOB_TOKEN", "j"),
            ("CI_SERVER_URL", "https://gitlab.example"),
        ];
        let cases: [Case; 9] = [
            ("https", "github.com", &github, Some("x-access-token:t")),
            ("http", "github.com", &github, None),
            ("https", "github.com.evil.example", &github, None),
            ("https", "gitlab.example", &github, None),
            (
                "https",
                "code.example:8443",
                &enterprise,
                Some("x-access-token:t"),
            ),
            ("https", "github.com", &enterprise, None),
            (
                "https",
                "gitlab.example",
                &gitlab,
                Some("gitlab-ci-token:j"),
            ),
            ("https", "github.com", &gitlab, None),
            ("https", "gitlab.example", &[("CI_JOB_TOKEN", "j")], None),
        ];
        for (protocol, host, variables, expected) in cases {
            assert_eq!(
                token(protocol, host, variables).as_deref(),
                expected,
                "{protocol}://{host}"
            );
        }
    }
}
