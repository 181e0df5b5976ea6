//! The personal file of a copy, based on the original's: the user's settings are kept, and the
//! table `[copy]` contains the properties of the copy.

use toml_edit::{DocumentMut, Item, Table, TableLike, TomlError, value};

use crate::workspace::CopyOf;

const HEADING: &str = "# Your own settings for this machine, never committed.\n";
const ABOUT: &str =
    "\n# Created by `fitout copy`. `fitout copies` lists this workspace and the others.\n";

/// Returns the text of the copy's personal file. `urls` are those of repos that would resolve
/// differently in the copy's folder.
///
/// # Errors
///
/// If `source` is not TOML.
pub fn personal_file(
    source: &str,
    copy: &CopyOf,
    urls: &[(String, String)],
) -> Result<String, TomlError> {
    let mut document: DocumentMut = source.parse()?;
    document.remove("copy");
    for (name, url) in urls {
        let repos = table(document.as_table_mut(), "repos");
        if let Some(repo) = repos.map(|repos| table(repos, name)) {
            repo.map(|repo| repo.insert("url", value(url)));
        }
    }
    let mut table = Table::new();
    table["of"] = value(&copy.folder);
    table["project"] = value(&copy.project);
    if copy.port_offset > 0 {
        table["port_offset"] = value(i64::from(copy.port_offset));
    }
    if let Some(suffix) = &copy.database_suffix {
        table["database_suffix"] = value(suffix);
    }
    table.decor_mut().set_prefix(ABOUT);
    document.insert("copy", Item::Table(table));
    let text = document.to_string();
    Ok(if source.is_empty() {
        format!("{HEADING}{text}")
    } else {
        text
    })
}

/// Returns the table with that name, created if necessary; none if something else has the name.
fn table<'d>(parent: &'d mut dyn TableLike, name: &str) -> Option<&'d mut dyn TableLike> {
    let made = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    parent.entry(name).or_insert_with(made).as_table_like_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy() -> CopyOf {
        CopyOf {
            folder: "/home/me/vera".to_owned(),
            project: "vera-2".to_owned(),
            port_offset: 100,
            database_suffix: Some("2".to_owned()),
        }
    }

    #[test]
    fn a_copy_of_someone_without_choices() {
        insta::assert_snapshot!(personal_file("", &copy(), &[]).unwrap());
    }

    #[test]
    fn choices_stay_with_their_comments_and_the_table_of_an_older_copy_goes() {
        let source = "\
# mine
profiles = [\"backend\"] # all day

[copy]
of = \"/home/me/vera\"
project = \"vera-1\"
port_offset = 900

[services.db]
runs_on = \"host\"
";
        let urls = [("web".to_owned(), "/srv/git/web.git".to_owned())];
        insta::assert_snapshot!(personal_file(source, &copy(), &urls).unwrap());
    }
}
