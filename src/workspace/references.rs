//! `${db.host}`: the references between services, and the Compose variables that they become.
//!
//! A reference has a dot, so it can't be mistaken for Compose's own `${VAR}`, which passes through
//! untouched.

/// The references of a text, each with its byte offset: `(offset, service, field)`.
///
/// `$$` is Compose's escape for a dollar sign and starts nothing.
pub fn find(text: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(offset) = text[position..].find('$') {
        let start = position + offset;
        let rest = &text[start + 1..];
        if rest.starts_with('$') {
            position = start + 2;
            continue;
        }
        if let Some((service, field)) = rest.strip_prefix('{').and_then(reference) {
            found.push((start, service, field));
        }
        position = start + 1;
    }
    found
}

/// Replaces every reference by what `value` returns for it; `None` leaves it as it is.
pub fn replace(text: &str, mut value: impl FnMut(&str, &str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut position = 0;
    for (start, service, field) in find(text) {
        if let Some(value) = value(service, field) {
            result.push_str(&text[position..start]);
            result.push_str(&value);
            // `${`, the service, a dot, the field, `}`.
            position = start + service.len() + field.len() + 4;
        }
    }
    result.push_str(&text[position..]);
    result
}

/// `db.host}…` as its two parts. `VAR-default.x` is Compose's default and no reference: a service's
/// name has no upper-case letters.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (inside, _) = text.split_once('}')?;
    let (service, field) = inside.split_once('.')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_default = service.contains('-') && service.contains(|c: char| c.is_ascii_uppercase());
    let valid = !service.is_empty() && service.chars().all(word) && !is_default;
    let field_valid = !field.is_empty() && field.chars().all(word);
    (valid && field_valid).then_some((service, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_dot_and_compose_variables_pass_through() {
        for (text, expected) in [
            ("${db.host}", "<db/host>"),
            ("a${db.host}b${db.port}", "a<db/host>b<db/port>"),
            (
                "${VAR} ${VAR:-x.y} ${VAR-x.y} $VAR",
                "${VAR} ${VAR:-x.y} ${VAR-x.y} $VAR",
            ),
            ("$${db.host} $$${db.host}", "$${db.host} $$<db/host>"),
            ("${VAR:-${db.host}}", "${VAR:-<db/host>}"),
            ("${db.host", "${db.host"),
            ("${DB.host}", "<DB/host>"),
        ] {
            let replaced = replace(text, |service, field| Some(format!("<{service}/{field}>")));
            assert_eq!(replaced, expected, "{text}");
        }
    }
}
