//! The canaries: secrets that nobody else would write, and that look different in every encoding.

/// What each of them begins with.
pub(crate) const STEM: &str = "kv/\"Z9é~canary-";

/// One of them.
pub(crate) fn canary(number: usize) -> String {
    format!("{STEM}{number:03}+{}", number * 7919)
}
