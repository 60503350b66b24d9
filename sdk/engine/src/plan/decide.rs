//! What happens to one resource: the comparison of program and state, with its reasons.

use super::{Resolved, Trigger, awaits};
use serde_json::Value;
use terrane_core::{
    Fault, Unresolved, Urn,
    graph::Node,
    kind::InputField,
    plan::{Change, Op, Shown, Why},
    state::Instance,
};

/// What else bears on a resource.
#[derive(Default)]
pub(crate) struct Circumstances {
    /// The provider setting that says where objects live, if it has changed; or that this is not known yet.
    pub place: Option<Result<String, Unresolved>>,
    /// The resource that this one is replaced with, if that is replaced, and whether that is certain.
    pub replaced_with: Option<(Urn, bool)>,
    /// Whether a person asked for a replacement.
    pub asked: bool,
    /// Whether the real object differs from state.
    pub drifted: bool,
    /// The id of an existing object to adopt.
    pub import: Option<String>,
}

/// What happens to a resource.
pub(crate) struct Decision {
    pub op: Op,
    pub uncertain: bool,
    pub changes: Vec<Change>,
    pub why: Vec<Why>,
    pub faults: Vec<Fault>,
}

/// Compares the program's inputs with those of state.
pub(crate) fn decide(
    node: &Node,
    old: Option<&Instance>,
    new: &Resolved,
    around: &Circumstances,
    trigger: Option<&Result<Trigger, Unresolved>>,
) -> Decision {
    let Some(old) = old else { return first(node, new, around) };
    let mut found = Comparison::default();
    found.inputs(node, old, new);
    found.circumstances(around, trigger);
    let delete_first = node.draft.options.delete_before_replace || node.spec.delete_first || same_name(node, old, new);
    // What has drifted is in state by now, so that it shows as a difference wherever it matters.
    let op = match (found.replace, found.update || old.unsettled) {
        (Demand::No, false) => Op::Same,
        (Demand::No, true) => Op::Update,
        (Demand::May | Demand::Must, _) => Op::Replace { delete_first },
    };
    if old.unsettled {
        found.why.push(Why::Unsettled);
    }
    if around.drifted && op != Op::Same {
        found.why.push(Why::Drifted);
    }
    let certain = found.replace == Demand::Must || (op == Op::Update && (found.certain || old.unsettled));
    Decision { op, uncertain: op != Op::Same && !certain, changes: found.changes, why: found.why, faults: found.faults }
}

fn first(node: &Node, new: &Resolved, around: &Circumstances) -> Decision {
    let op = if around.import.is_some() { Op::Import } else { Op::Create };
    // What the program says, in the order in which the kind lists its inputs; defaults are not news, nor is the logical name.
    let named = |field: &InputField| {
        field.physical_name && new.known.get(field.name).is_some_and(|name| name == node.urn.name())
    };
    let said = node.spec.inputs.iter().filter(|field| node.draft.fields.get(field.name).is_some() && !named(field));
    let change = |field: &InputField| {
        let after = match (new.known.get(field.name), new.unknown.get(field.name)) {
            (Some(value), _) => Shown::of(Some(value), new.secret.contains(field.name), hides(node, field.name)),
            (None, Some(why)) => Shown::Unknown(why.to_string()),
            (None, None) => return None,
        };
        Some(Change { path: field.name.to_owned(), before: Shown::Absent, after, replaces: false })
    };
    let changes = said.filter_map(change).collect();
    let why = if around.drifted { Why::Gone } else { Why::New };
    Decision { op, uncertain: false, changes, why: vec![why], faults: Vec::new() }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Demand {
    #[default]
    No,
    May,
    Must,
}

#[derive(Default)]
struct Comparison {
    replace: Demand,
    update: bool,
    /// Whether at least one change is known, not only awaited.
    certain: bool,
    changes: Vec<Change>,
    why: Vec<Why>,
    faults: Vec<Fault>,
}

impl Comparison {
    fn inputs(&mut self, node: &Node, old: &Instance, new: &Resolved) {
        if new.unknown.is_empty() && new.known == *old.inputs.values {
            return;
        }
        let mut before = (*old.inputs.values).clone();
        node.spec.complete(&mut before);
        before.retain(|_, value| !value.is_null());
        let named = new.known.keys().filter(|name| before.get(*name) != new.known.get(*name));
        let dropped = before.keys().filter(|name| !new.known.contains_key(*name) && !new.unknown.contains_key(*name));
        let mut changed: Vec<&String> = named.chain(dropped).collect();
        changed.sort();
        for name in changed {
            self.known(
                node,
                name,
                before.get(name),
                new.known.get(name),
                new.secret.contains(name) || old.inputs.is_secret(name),
            );
        }
        for (name, why) in &new.unknown {
            let secret = new.secret.contains(name) || old.inputs.is_secret(name);
            self.awaited(node, name, before.get(name), why, secret);
        }
    }

    fn known(&mut self, node: &Node, name: &str, before: Option<&Value>, after: Option<&Value>, secret: bool) {
        let field = node.spec.input(name);
        let replaces = replaces(node, field, name);
        if let Some(reason) = field.and_then(|field| field.immutable) {
            self.faults.push(immutable(node, name, reason));
        }
        let hidden = hides(node, name);
        if secret || hidden {
            let shown = |value| Shown::of(value, secret, hidden);
            self.changes.push(Change { path: name.to_owned(), before: shown(before), after: shown(after), replaces });
        } else {
            Change::between(name, before, after, replaces, &mut self.changes);
        }
        let sources = node.draft.fields.get(name).map(|output| output.sources().iter().cloned().collect());
        self.why.push(Why::Input { name: name.to_owned(), from: sources.unwrap_or_default() });
        (self.update, self.certain) = (true, true);
        if replaces {
            self.replace = Demand::Must;
        }
    }

    fn awaited(&mut self, node: &Node, name: &str, before: Option<&Value>, why: &Unresolved, secret: bool) {
        let field = node.spec.input(name);
        // Whether an input that must not change does so is seen when its value is known; a replacement isn't the answer in any case.
        let replaces = replaces(node, field, name) && field.is_none_or(|field| field.immutable.is_none());
        let before = Shown::of(before, secret, hides(node, name));
        self.changes.push(Change { path: name.to_owned(), before, after: Shown::Unknown(why.to_string()), replaces });
        self.why.extend(awaits(name, why));
        self.update = true;
        if replaces && self.replace == Demand::No {
            self.replace = Demand::May;
        }
    }

    fn circumstances(&mut self, around: &Circumstances, trigger: Option<&Result<Trigger, Unresolved>>) {
        match &around.place {
            Some(Ok(setting)) => self.must(Why::Place { setting: setting.clone() }),
            Some(Err(unresolved)) => self.may(awaits("the place of its provider", unresolved)),
            None => {}
        }
        match &around.replaced_with {
            Some((urn, true)) => self.must(Why::ReplacedWith(urn.clone())),
            Some((urn, false)) => self.may(Some(Why::ReplacedWith(urn.clone()))),
            None => {}
        }
        if around.asked {
            self.must(Why::Asked);
        }
        match trigger {
            Some(Ok(trigger)) if trigger.differs => self.must(Why::Trigger),
            Some(Err(why)) => self.may(awaits("replaced_when", why)),
            _ => {}
        }
    }

    fn must(&mut self, why: Why) {
        self.why.push(why);
        self.replace = Demand::Must;
    }

    fn may(&mut self, why: Option<Why>) {
        self.why.extend(why);
        if self.replace == Demand::No {
            self.replace = Demand::May;
        }
    }
}

fn replaces(node: &Node, field: Option<&InputField>, name: &str) -> bool {
    let asked = |path: &String| path == "*" || path.split('.').next() == Some(name);
    field.is_some_and(|field| field.replace || field.immutable.is_some())
        || node.draft.options.replacing_on.iter().any(asked)
}

fn hides(node: &Node, name: &str) -> bool {
    node.draft.options.hiding_diff.iter().any(|path| path.split('.').next() == Some(name))
}

/// Whether old and new object would have the same physical name, given by the program: both can't exist at once.
fn same_name(node: &Node, old: &Instance, new: &Resolved) -> bool {
    let given =
        |field: &&InputField| new.known.get(field.name).is_some_and(|name| old.inputs.get(field.name) == Some(name));
    node.spec.inputs.iter().filter(|field| field.physical_name).any(|field| given(&field))
}

fn immutable(node: &Node, name: &str, reason: &str) -> Fault {
    let message = format!("{} `{}`: `{name}` can never change: {reason}", node.spec.kind, node.urn.label());
    Fault::new("T0202", message)
        .help("keep the former value, or declare another resource under another name")
        .at(node.site)
}
