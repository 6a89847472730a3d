//! "Did you mean": the known name that is nearest to a wrong one.

/// The nearest of `known`, when it is near enough to be a likely slip.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|name| (distance(wrong, name, limit), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The fix for a wrong name: the nearest known one, else all of them.
pub(crate) fn fix<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(wrong, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<&str> = known.into_iter().take(40).collect();
            if names.is_empty() { "define it first".to_owned() } else { format!("use one of {}", names.join(", ")) }
        }
    }
}

/// Edit distance (insert, remove, replace), given up beyond `limit`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    if a.len().abs_diff(b.len()) > limit || a.len() > 256 {
        return limit + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replace = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["batch_schedule", "owner", "online", "ttl"];
        assert_eq!(nearest("batch_shedule", known), Some("batch_schedule"));
        assert_eq!(nearest("ownr", known), Some("owner"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(fix("x_y_z_w", ["a", "b"]), "use one of a, b");
    }
}
