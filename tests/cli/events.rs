//! `--json`: one value a line, each as the published schema says.

use crate::session::Session;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_line_is_numbered_and_as_the_schema_says() {
    let session = Session::with("[file.page]\n[file.till]\nsecret = 'hunter2'\n[region.east]\n");
    let schema = terrane_cli::schema();
    let mut seen = BTreeSet::new();
    let mut run = |words: &str| {
        let output = session.output(words);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        for (index, line) in text.lines().enumerate() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["sequence"], index + 1, "{line}");
            check(&schema, &schema, &event).unwrap_or_else(|why| panic!("{why}: {line}"));
            seen.insert(event["event"].as_str().unwrap().to_owned());
        }
    };
    run("up --yes --json");
    run("up --yes --json");
    session.write("files/page", "by hand");
    run("refresh --expect-no-changes --json");
    run("up --yes --json --target nothing");
    run("destroy --yes --json");
    let own = ["planned", "report", "drift", "error"];
    let expected = ["reading", "run_ended", "run_started", "step_done", "step_started"].into_iter().chain(own);
    assert!(expected.clone().all(|name| seen.contains(name)), "{seen:?}");
    // The checker itself must be able to say no.
    assert!(check(&schema, &schema, &serde_json::json!({"sequence": 1, "at_ms": 2, "event": "reading"})).is_err());
}

#[test]
fn an_error_is_a_line_too() {
    let session = Session::with("ends = 'failing'\n");
    let output = session.output("up --yes --json");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((line["event"].as_str(), line["status"].as_i64()), (Some("error"), Some(1)));
    assert_eq!(output.status.code(), Some(1));
}

/// The part of JSON Schema that ours is written in.
fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        let target = root.pointer(path.trim_start_matches('#')).ok_or_else(|| format!("{path} is missing"))?;
        return check(root, target, value);
    }
    if let Some(expected) = schema.get("const").filter(|expected| *expected != value) {
        return Err(format!("{value} is not {expected}"));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(value, kind)) {
        return Err(format!("{value} is none of {kinds:?}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        value.get(name).map_or(Ok(()), |value| check(root, part, value)).map_err(|why| format!("{name}: {why}"))?;
    }
    for alternatives in ["oneOf", "anyOf"].into_iter().filter_map(|word| schema[word].as_array()) {
        let answers: Vec<_> = alternatives.iter().map(|part| check(root, part, value)).collect();
        if answers.iter().all(Result::is_err) {
            return Err(format!("no alternative fits: {answers:?}"));
        }
    }
    Ok(())
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    }
}

#[test]
fn the_published_schema_is_the_present_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.schema.json");
    let published = std::fs::read_to_string(path).unwrap_or_default();
    let present = format!("{:#}\n", terrane_cli::schema());
    assert!(published == present, "docs/events.schema.json should read:\n{present}");
}
