//! Bugs planted in the disk layer: its tests have to notice each.

use super::{
    crash::whatever_a_crash_leaves_opens_with_every_acknowledged_record,
    damage::a_log_that_is_cut_short_loses_only_what_was_never_sealed,
};
use std::panic::catch_unwind;
use terrane_core::planted::{Bug, plant};

fn is_caught(bug: Bug, test: fn()) -> bool {
    plant(Some(bug));
    let caught = catch_unwind(test).is_err();
    plant(None);
    caught
}

#[test]
fn planted_bugs_of_the_disk_are_caught() {
    assert!(is_caught(Bug::FolderNotSynced, whatever_a_crash_leaves_opens_with_every_acknowledged_record));
    assert!(is_caught(Bug::TailCutBelowSeal, a_log_that_is_cut_short_loses_only_what_was_never_sealed));
}
