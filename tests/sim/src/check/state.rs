//! States and records without their secrets, so that what was sealed can be compared with what was opened.

use serde_json::Value;
use std::{convert::Infallible, sync::Arc};
use terrane_core::{Properties, Record, State};

fn blank_properties(properties: &mut Properties) {
    if properties.secret.is_empty() {
        return;
    }
    let values = Arc::make_mut(&mut properties.values);
    for name in &properties.secret {
        if let Some(value) = values.get_mut(name) {
            *value = Value::Null;
        }
    }
}

/// The state with every secret blanked.
#[must_use]
pub fn blank(mut state: State) -> State {
    let Ok(()) = state.visit_secrets::<Infallible>(&mut |_, properties| {
        blank_properties(properties);
        Ok(())
    });
    state
}

/// The record with every secret blanked.
pub(super) fn blank_record(mut record: Record) -> Record {
    let Ok(()) = record.visit_secrets::<Infallible>(&mut |_, properties| {
        blank_properties(properties);
        Ok(())
    });
    record
}
