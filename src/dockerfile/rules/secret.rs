//! `secret-in-build`: ENV or ARG with the name or the value of a secret.

use super::super::finding::{Finding, Rule};
use super::super::parse::{Keyword, Pair};
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Vec<Finding> {
    unit.stages
        .all
        .iter()
        .flat_map(|stage| stage.body)
        .filter(|instruction| matches!(instruction.keyword, Keyword::Env | Keyword::Arg))
        .flat_map(|instruction| {
            let keyword = instruction.keyword;
            let pairs = instruction.pairs().into_iter();
            pairs.filter_map(move |pair| finding(keyword, pair))
        })
        .collect()
}

fn finding(keyword: Keyword, pair: Pair) -> Option<Finding> {
    let value = pair.value.as_ref().map_or("", |value| value.text.as_str());
    let kind = kind_of(value);
    let has_name = is_secret_name(&pair.name.text) && !is_harmless(keyword, &pair);
    let message = match kind {
        Some(kind) => format!("`{}` contains {kind}", pair.name.text),
        None if has_name => format!(
            "`{} {}` has the name of a secret",
            keyword.name(),
            pair.name.text
        ),
        None => return None,
    };
    let help = match keyword {
        Keyword::Arg => "use `RUN --mount=type=secret,id=NAME` and `docker build --secret`",
        _ => "pass it to the container at run time: `required_env` in workspace.toml",
    };
    let mut finding = Finding::new(Rule::SecretInBuild, pair.name.span, message).help(help);
    finding.secret = pair.value.map(|value| value.span);
    Some(finding)
}

/// The words of Docker's own check `SecretsUsedInArgOrEnv` (buildkit, frontend/dockerfile/dockerfile2llb).
const WORDS: [&str; 10] = [
    "APIKEY",
    "AUTH",
    "CREDENTIAL",
    "CREDENTIALS",
    "KEY",
    "PASSWORD",
    "PWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
];

/// Words that make a name harmless: where a secret is, what it is called, or a stand-in for it.
/// `PUBLIC` is Docker's own exemption.
const HARMLESS_WORDS: [&str; 11] = [
    "PUBLIC", "FILE", "PATH", "DIR", "URL", "NAME", "ID", "DUMMY", "ENABLED", "METHOD", "TTL",
];

fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let mut words = upper.split('_');
    let has = |list: &[&str], word: &str| list.contains(&word);
    words.clone().any(|word| has(&WORDS, word)) && !words.any(|word| has(&HARMLESS_WORDS, word))
}

/// A value that is not a secret: empty in ENV, a boolean, a number.
fn is_harmless(keyword: Keyword, pair: &Pair) -> bool {
    let Some(value) = &pair.value else {
        return false;
    };
    let value = value.text.as_str();
    let is_switch = ["true", "false", "yes", "no", "on", "off", "none"]
        .contains(&value.to_ascii_lowercase().as_str());
    let is_number =
        !value.is_empty() && value.len() < 4 && value.bytes().all(|byte| byte.is_ascii_digit());
    (keyword == Keyword::Env && value.is_empty()) || is_switch || is_number
}

/// What a value is by its form: the token formats that GitHub's secret scanning documents, private
/// keys, and a URL with a password.
fn kind_of(value: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, usize, &str); 15] = [
        ("AKIA", 20, "an AWS access key"),
        ("ASIA", 20, "an AWS access key"),
        ("ghp_", 40, "a GitHub token"),
        ("gho_", 40, "a GitHub token"),
        ("ghs_", 40, "a GitHub token"),
        ("ghu_", 40, "a GitHub token"),
        ("github_pat_", 40, "a GitHub token"),
        ("glpat-", 26, "a GitLab token"),
        ("npm_", 40, "an npm token"),
        ("sk_live_", 24, "a Stripe key"),
        ("rk_live_", 24, "a Stripe key"),
        ("AIza", 39, "a Google API key"),
        ("xoxb-", 24, "a Slack token"),
        ("xoxp-", 24, "a Slack token"),
        ("pypi-", 40, "a PyPI token"),
    ];
    let is_token = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    let mut tokens = value.split(|character| !is_token(character));
    let token = tokens.find_map(|token| {
        let known = PREFIXES
            .iter()
            .find(|(prefix, length, _)| token.starts_with(prefix) && token.len() >= *length)?;
        Some(known.2)
    });
    if token.is_some() {
        return token;
    }
    if value.contains("-----BEGIN") && value.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    has_password(value).then_some("a URL with a password")
}

fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((account, _)) = authority.rsplit_once('@') else {
        return false;
    };
    let password = account.split_once(':').map_or("", |(_, password)| password);
    !password.is_empty() && !password.starts_with('$')
}
