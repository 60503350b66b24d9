//! Hand-made plans, drawn without colour.

mod plans;
mod reports;

use serde_json::Value;
use terrane_core::{
    Properties, Urn,
    plan::{Change, FORMAT, Op, Plan, Purpose, Shown, Step, Why},
    state::{Kept, Lineage},
};

fn urn(scope: &str, kind: &str, name: &str) -> Urn {
    Urn::new("dev", "shop", scope, kind, name)
}

fn properties(values: Value) -> Properties {
    match values {
        Value::Object(fields) => Properties::plain(fields),
        _ => Properties::default(),
    }
}

fn step(op: Op, urn: Urn, why: Why) -> Step {
    Step {
        urn,
        op,
        uncertain: false,
        site: "src/main.rs:14".to_owned(),
        target: None,
        moved_from: None,
        import: None,
        inputs: Properties::default(),
        unknown: Default::default(),
        changes: Vec::new(),
        why: vec![why],
        dependencies: Default::default(),
        displaces: Default::default(),
        kept: Kept::default(),
        noted: false,
    }
}

fn create(scope: &str, kind: &str, name: &str, inputs: Value) -> Step {
    let inputs = properties(inputs);
    let said =
        |(name, value): (&String, &Value)| Change { before: Shown::Absent, ..change(name, Value::Null, value.clone()) };
    Step {
        changes: inputs.values.iter().map(said).collect(),
        inputs,
        ..step(Op::Create, urn(scope, kind, name), Why::New)
    }
}

fn change(path: &str, before: Value, after: Value) -> Change {
    Change { path: path.to_owned(), before: Shown::Value(before), after: Shown::Value(after), replaces: false }
}

fn input(name: &str, from: &[&Urn]) -> Why {
    Why::Input { name: name.to_owned(), from: from.iter().map(|urn| (*urn).clone()).collect() }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        format: FORMAT,
        project: "shop".to_owned(),
        stack: "dev".to_owned(),
        lineage: Lineage::default(),
        seq: 1,
        purpose: Purpose::Up,
        steps,
        waiting: Vec::new(),
        exports: Properties::default(),
        exports_unknown: Vec::new(),
        notes: Vec::new(),
        claims: Vec::new(),
        faults: Vec::new(),
    }
}
