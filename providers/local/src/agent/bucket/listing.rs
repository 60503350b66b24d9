//! Pages of a bucket's listing: prefix, delimiter, where to begin, and how many. Pure.

/// What a listing asks for.
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    /// Only entries after this one, in byte order.
    pub(super) after: &'a str,
    pub(super) entries_max: usize,
}

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page<T> {
    /// Keys, with what came along with them.
    pub(super) keys: Vec<(String, T)>,
    /// Prefixes up to the delimiter that several keys share.
    pub(super) common_prefixes: Vec<String>,
    /// The last entry of this page, if there is another.
    pub(super) next: Option<String>,
}

/// Selects a page from all keys of a bucket, which must be sorted.
pub(super) fn page<T>(keys: impl IntoIterator<Item = (String, T)>, query: &Query<'_>) -> Page<T> {
    let mut page = Page { keys: Vec::new(), common_prefixes: Vec::new(), next: None };
    let mut last = None;
    for (key, value) in keys {
        let group = group(&key, query);
        let before = key.as_str() <= query.after || group.is_some_and(|group| group == query.after);
        let seen = group.is_some() && page.common_prefixes.last().map(String::as_str) == group;
        if !key.starts_with(query.prefix) || before || seen {
            continue;
        }
        if page.keys.len() + page.common_prefixes.len() == query.entries_max {
            page.next = last;
            break;
        }
        last = Some(group.unwrap_or(&key).to_owned());
        match group {
            Some(group) => page.common_prefixes.push(group.to_owned()),
            None => page.keys.push((key, value)),
        }
    }
    page
}

/// The part of a key up to the first delimiter after the prefix.
fn group<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let rest = key.strip_prefix(query.prefix).filter(|_| !query.delimiter.is_empty())?;
    let end = rest.find(query.delimiter)? + query.delimiter.len();
    Some(&key[..query.prefix.len() + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let keys = ["a", "b/1", "b/2", "c/1", "d"];
        for entries_max in 1..6 {
            let mut after = String::new();
            let mut entries = Vec::new();
            loop {
                let query = Query { prefix: "", delimiter: "/", after: &after, entries_max };
                let page = page(keys.map(|key| (key.to_owned(), ())), &query);
                entries.extend(page.keys.into_iter().map(|(key, ())| key));
                entries.extend(page.common_prefixes);
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            entries.sort();
            assert_eq!(entries, ["a", "b/", "c/", "d"], "{entries_max} a page");
        }
    }

    #[test]
    fn a_prefix_narrows() {
        let keys = ["b/1", "b/2/x", "c"].map(|key| (key.to_owned(), ()));
        let page = page(keys, &Query { prefix: "b/", delimiter: "/", after: "", entries_max: 10 });
        assert_eq!(page.keys, [("b/1".to_owned(), ())]);
        assert_eq!(page.common_prefixes, ["b/2/"]);
    }
}
