//! Addresses of repos.

use std::path::Path;

use fitout::git::url;
use fitout::{draft, shell};

use super::Kind;
use super::mutation::{self, Numbers};

pub const KIND: Kind = Kind {
    name: "url",
    seeds,
    mutate,
    hold,
};

fn seeds() -> Vec<String> {
    [
        "https://user:secret@git.example:8443/acme/web.git",
        "http://[::1]:3000/x",
        "ssh://git@git.example:2222/acme/web.git",
        "ssh://-Fx%20y@host/acme/web",
        "git+ssh://host/x",
        "git@github.com:acme/web.git",
        "[git@host:22]:acme/web",
        "git://host/x.git",
        "file:///srv/git/web.git",
        "file://../remotes/web",
        "../remotes/web.git",
        "/srv/git/web",
        "C:\\git\\web",
    ]
    .map(str::to_owned)
    .into()
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        "://",
        "ssh://",
        "https://",
        "file://",
        "@",
        ":secret@",
        "-",
        "-oProxyCommand=x",
        "%2d",
        "%20",
        "%00",
        "%",
        "[",
        "]",
        "?",
        "&",
        ";",
        "|",
        "$(x)",
        ".git",
        "/../",
        "//",
        ":22",
        "~",
    ];
    mutation::text(bytes, &pieces, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(url) = std::str::from_utf8(bytes) else {
        return;
    };
    let root = Path::new("/company/ws");
    let resolved = url::resolve(root, url);
    assert_eq!(url::resolve(root, &resolved), resolved, "{url:?}");
    assert_eq!(url::is_local(&resolved), url::is_local(url), "{url:?}");
    assert!(!(url::is_ssh(url) && url::is_local(url)), "{url:?}");
    assert!(url::same(url, url));
    if let Some(host) = url::host(url) {
        assert!(url.contains(host) && !host.contains('/'), "{url:?}");
    }
    for hide in [
        url::without_passwords,
        url::without_user,
        url::without_password,
    ] {
        let shown = hide(url);
        assert_eq!(hide(&shown), shown, "{url:?}");
    }
    let _ = (url::server(url), url::place(url), url::ssh_destination(url));
    assert_eq!(
        shlex::split(&shell::word(url)),
        Some(vec![url.to_owned()]),
        "{url:?}"
    );
    let _ = draft::portable_url(url, "/company/ws");
}
