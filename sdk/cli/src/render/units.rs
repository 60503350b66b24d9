//! Times, counts and lists as a person reads them.

/// `4 ms`, `0.08 s`, `5.2 s`, `3 min 20 s`, `1 h 5 min`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..10 => format!("{ms} ms"),
        10..1000 => format!("0.{:02} s", ms / 10),
        1000..60_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1 resource`, `23 resources`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `a, b and 4 more`: at most `most` names.
pub(crate) fn some_of(names: &[String], most: usize) -> String {
    if names.len() <= most {
        return names.join(", ");
    }
    let shown = most.saturating_sub(1).max(1);
    format!("{} and {} more", names[..shown].join(", "), names.len() - shown)
}

/// A moment of Unix time in the reader's own time zone: `2026-03-01 14:02:11`.
pub(crate) fn moment(ms: i64) -> String {
    let here = |at: jiff::Timestamp| at.to_zoned(jiff::tz::TimeZone::system());
    let at = jiff::Timestamp::from_millisecond(ms).map(here);
    at.map_or_else(|_| ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The time of day alone: `14:02:11`.
pub(crate) fn time_of_day(ms: i64) -> String {
    moment(ms).split(' ').next_back().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lists() {
        let times = [4, 80, 5_230, 59_999, 200_000, 3_900_000].map(duration);
        assert_eq!(times, ["4 ms", "0.08 s", "5.2 s", "59.9 s", "3 min 20 s", "1 h 5 min"]);
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!((some_of(&names, 4), some_of(&names, 3)), ("a, b, c, d".to_owned(), "a, b and 2 more".to_owned()));
        assert_eq!((count(1, "step"), count(0, "step")), ("1 step".to_owned(), "0 steps".to_owned()));
    }
}
