//! The user who runs fitout.

use std::fs;

use rustix::process::{getegid, geteuid, getgroups};

/// The user and group that a container should write files as, for bind mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The effective user id.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
}

/// The ids of this process.
pub fn ids() -> Ids {
    Ids {
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
    }
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The user's membership in a system group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// Not a member, or there is no such group.
    #[default]
    None,
    /// A member according to `/etc/group`, but the session started before that.
    NextLogin,
    /// A member.
    Active,
}

/// Returns the user's membership in the group with that name.
pub fn membership(group: &str) -> Membership {
    let Ok(groups) = fs::read_to_string("/etc/group") else {
        return Membership::None;
    };
    let Some((id, members)) = group_entry(&groups, group) else {
        return Membership::None;
    };
    let active = getegid().as_raw() == id
        || getgroups().is_ok_and(|groups| groups.iter().any(|group| group.as_raw() == id));
    if active {
        return Membership::Active;
    }
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    if name.is_ok_and(|name| members.contains(&name.as_str())) {
        Membership::NextLogin
    } else {
        Membership::None
    }
}

/// Returns the id and the members of a group from the text of `/etc/group`.
fn group_entry<'a>(text: &'a str, group: &str) -> Option<(u32, Vec<&'a str>)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != group {
            return None;
        }
        let id = fields.nth(1)?.parse().ok()?;
        let members = fields.next().unwrap_or_default().split(',').collect();
        Some((id, members))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_group_of_the_system() {
        let text = "root:x:0:\ndocker:x:998:ann,ben\n";
        assert_eq!(group_entry(text, "docker"), Some((998, vec!["ann", "ben"])));
        assert_eq!(group_entry(text, "wheel"), None);
    }
}
