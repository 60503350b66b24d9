//! The name that a person may have meant.

/// Less alike than this is no help.
const ALIKE_MIN: f64 = 0.6;

/// The most similar of some names, if any is similar.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| (likeness(wanted, name), name));
    scored.filter(|(score, _)| *score > ALIKE_MIN).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// From 0 to 1: a common beginning counts, and so do letters that changed places.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b).max(strsim::normalized_damerau_levenshtein(a, b))
}

/// `did you mean …?`, or all there is when nothing is similar; nothing where there is nothing.
pub(crate) fn hint(wanted: &str, names: &[String]) -> Option<String> {
    match nearest(wanted, names.iter().map(String::as_str)) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if names.is_empty() => None,
        None => Some(format!("one of {}", crate::render::units::some_of(names, 12))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_fingers_are_understood() {
        let names = ["dev", "prod", "staging"];
        let meant = ["dve", "prd", "stagign", "quux"].map(|wanted| nearest(wanted, names));
        assert_eq!(meant, [Some("dev"), Some("prod"), Some("staging"), None]);
    }
}
