//! `workspace.lock`.

use std::sync::LazyLock;

use fitout::manifest::lock::Lock;

use super::Kind;
use super::mutation::Numbers;
use super::toml_text::{self, Stock};

pub const KIND: Kind = Kind {
    name: "lock",
    seeds,
    mutate,
    hold,
};

static STOCK: LazyLock<Stock> = LazyLock::new(|| Stock::of(&seeds()));

fn seeds() -> Vec<String> {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let repos = [("web", commit), ("a b", commit), ("é", commit)];
    let repos = repos.map(|(name, commit)| (name.to_owned(), commit.to_owned()));
    vec![
        Lock::new(repos.into_iter().collect()).render().unwrap(),
        "version = 2\n[repos]\n".to_owned(),
        "<<<<<<< HEAD\nversion = 1\n=======\n".to_owned(),
    ]
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    toml_text::mutate(bytes, &STOCK, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    match Lock::parse(source) {
        Ok(lock) => {
            let text = lock.render().unwrap();
            assert_eq!(Lock::parse(&text).unwrap(), lock, "{text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
