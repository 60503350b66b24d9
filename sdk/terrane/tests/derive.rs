//! What the derives make of a struct, as a program sees it.

use crate::demo::{
    Aws, Kubernetes,
    policy::Policy,
    queue::{Queue, Redrive},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use terrane::{
    Config, Described, Problems, Recovery,
    kind::{InputField, Inputs, KindSpec, OutputField, Outputs, ProviderSpec},
    output::Facts,
    prelude::*,
};

fn stack() -> Stack {
    let config = Config::new(serde_json::Map::new(), BTreeMap::new());
    Stack::new("demo", "dev", config, Box::new(|_, _| Err(Error::new("no other stacks"))))
}

/// The inputs of each resource by name, as far as these facts resolve them.
fn inputs(stack: &Stack, facts: &Facts) -> Value {
    let graph = stack.graph();
    let resolved = graph.nodes.iter().map(|node| {
        let fields = node.draft.fields.iter();
        let fields = fields.map(|(name, value)| {
            (name.to_string(), value.resolve(facts).unwrap_or_else(|why| Value::String(why.to_string())))
        });
        (node.urn.name().to_owned(), Value::Object(fields.collect()))
    });
    Value::Object(resolved.collect())
}

#[test]
fn attributes_become_the_constants_that_the_planner_reads() {
    let plain = InputField {
        name: "retention",
        required: true,
        replace: false,
        immutable: None,
        secret: false,
        physical_name: false,
    };
    let optional = InputField { required: false, ..plain };
    let expected = [
        InputField { name: "name", replace: true, physical_name: true, ..plain },
        plain,
        InputField { name: "visibility", ..optional },
        InputField { name: "type", immutable: Some("messages of a former type would be lost"), ..optional },
        InputField { name: "redrive", ..optional },
        InputField { name: "token", secret: true, ..optional },
        InputField { name: "tags", ..optional },
    ];
    assert_eq!(Queue::FIELDS, expected);
    let plain = OutputField { name: "depth", stable: false, secret: false };
    let expected = [
        OutputField { name: "url", stable: true, ..plain },
        OutputField { name: "arn", stable: true, ..plain },
        OutputField { name: "key", secret: true, ..plain },
        plain,
    ];
    assert_eq!(<Queue as Described>::Outputs::FIELDS, expected);
    assert_eq!((Queue::KIND, Queue::DELETE_FIRST, Queue::ALWAYS_READ), ("aws:sqs:Queue", false, false));
    assert_eq!((Policy::DELETE_FIRST, Policy::ALWAYS_READ), (true, true));
    assert_eq!((Queue::RECOVERY, Policy::RECOVERY), (Recovery::Find, Recovery::Name));
    let kinds = (ProviderSpec::of::<Aws>().kinds)();
    assert_eq!(kinds.iter().map(|spec| spec.kind).collect::<Vec<_>>(), ["aws:sqs:Queue", "aws:iam:Policy"]);
    assert!((ProviderSpec::of::<Kubernetes>().kinds)().is_empty());
}

#[test]
fn setters_take_values_outputs_references_and_drafts() {
    let stack = stack();
    let aws = stack.provider(Aws::region("eu-central-1"));
    let dead = stack.add(&aws, Queue::new("dead").name("dead").retention(60));
    let work = Queue::new("work")
        .retention(3600)
        .redrive(Redrive::new().to(&dead))
        .token(&dead.key)
        .tags([("team", "shop"), ("tier", "1")])
        .name(text!("{}-work", dead.url))
        .protected();
    let (work, added_at) = (stack.add(&aws, work), format!("derive.rs:{}", line!()));
    let resources = inputs![&dead.url, "root", &work.url.map(|url| url.to_uppercase())];
    let policy = Policy::new("policy").resources(resources).limits([("rate", 5)]).ports([80, 443]).after(&work);
    let _policy = stack.add(&aws, policy);

    let mut facts = Facts::default();
    let known = json!({"url": "d", "arn": "arn:d", "key": "k"});
    facts.know(dead.urn().clone(), Arc::new(known.as_object().cloned().unwrap_or_default()));
    let waits = "known after work.url";
    let expected = json!({
        "dead": {"name": "dead", "retention": 60},
        "work": {
            "name": "d-work", "retention": 3600, "token": "k", "tags": {"team": "shop", "tier": "1"},
            "redrive": {"to": "arn:d", "after": 5},
        },
        "policy": {"resources": waits, "limits": {"rate": 5}, "ports": [80, 443]},
    });
    assert_eq!(inputs(&stack, &facts), expected);
    assert_eq!(dead.clone().depth.resolve(&facts), Ok(None));

    let graph = stack.graph();
    let work = graph.node(work.urn()).unwrap();
    assert!(work.draft.options.protected && work.draft.fields.get("token").unwrap().is_secret());
    assert!(work.site.to_string().ends_with(&added_at), "the site is the program's own");
}

#[test]
fn an_input_is_secret_because_its_field_is() {
    let stack = stack();
    let aws = stack.provider(Aws::region("eu-central-1"));
    let _queue = stack.add(&aws, Queue::new("queue").name("q").retention(60).token("hidden"));
    let graph = stack.graph();
    assert!(graph.nodes[0].draft.fields.get("token").unwrap().is_secret());
    assert!(!graph.nodes[0].draft.fields.get("name").unwrap().is_secret());
}

#[test]
fn what_is_left_out_is_filled_in_and_checked() {
    let check = |values: Value| {
        let mut problems = Problems::default();
        let values = values.as_object().cloned().unwrap_or_default();
        let complete = (KindSpec::of::<Queue>().check)(values, &mut problems);
        (complete.map(Value::Object), problems.into_vec().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (complete, problems) = check(json!({"name": "q", "retention": 60}));
    assert_eq!(complete, Some(json!({"name": "q", "retention": 60, "visibility": 30, "type": "standard"})));
    assert!(problems.is_empty());
    let (_, problems) = check(json!({"name": "q", "retention": 60, "visibility": 43_201}));
    assert_eq!(problems, ["`visibility` must be at most 43200"]);
    let (_, problems) = check(json!({"name": "q", "retention": "an hour"}));
    assert_eq!(problems, ["retention: invalid type: string \"an hour\", expected u64"]);
    assert_eq!(Policy::defaults(), [("ports", json!([22, 443]))]);
}

/// What components of the demo are added on.
struct Platform {
    aws: On<Aws>,
}

/// A component: a queue with the queue for its dead letters.
struct Mailbox {
    name: &'static str,
}

struct DeclaredMailbox {
    inbox: Declared<Queue>,
}

impl Complete for Mailbox {}

impl Declare<Platform> for Mailbox {
    type Declared = DeclaredMailbox;

    fn declare(self, stack: &Stack, platform: &Platform) -> DeclaredMailbox {
        let stack = stack.scope(self.name);
        let dead = stack.add(&platform.aws, Queue::new("dead").name("dead").retention(60));
        let inbox = Queue::new("inbox").name("inbox").retention(60).redrive(Redrive::new().to(&dead).after(2));
        DeclaredMailbox { inbox: stack.add(&platform.aws, inbox) }
    }
}

#[test]
fn a_component_is_added_like_a_resource() {
    let stack = stack();
    let platform = Platform { aws: stack.provider(Aws::region("eu-central-1")) };
    let mailbox = stack.add(&platform, Mailbox { name: "orders" });
    stack.export("inbox", &mailbox.inbox.url);
    assert_eq!(mailbox.inbox.urn().as_str(), "dev/demo/orders/aws:sqs:Queue/inbox");
    let graph = stack.graph();
    assert!(graph.faults.is_empty());
    let added = format!("derive.rs:{}", line!() - 5);
    assert!(graph.nodes.iter().all(|node| node.site.to_string().ends_with(&added)), "the site is the program's own");
}

mod private {
    //! Everything private, nothing documented by its author, names that clippy has opinions on: derived code must not mind.

    use crate::demo::Aws;
    use serde::{Deserialize, Serialize};
    use terrane::{Creation, Inputs, Live, Outputs, Progress, Resource, Result};

    #[derive(Resource, Serialize, Deserialize, Clone)]
    #[resource(kind = "aws:Note", provider = Aws, outputs = NoteOutputs)]
    struct Note {
        is_pinned: bool,
        from_port: Option<Range>,
    }

    #[derive(Inputs, Serialize, Deserialize, Clone)]
    struct Range {
        after: Option<u16>,
    }

    #[derive(Outputs, Serialize, Deserialize, Clone)]
    struct NoteOutputs {
        id: String,
    }

    impl Resource for Note {
        async fn read(_: &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
            Ok(Some(was.clone()))
        }

        async fn create(&self, _: &(), creation: &Creation) -> Result<NoteOutputs> {
            Ok(NoteOutputs { id: creation.name(20) })
        }

        async fn update(&self, _: &(), was: &Live<Self>, _: &Progress) -> Result<NoteOutputs> {
            Ok(was.outputs.clone())
        }

        async fn delete(_: &(), _: &Live<Self>, _: &Progress) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_private_kind_works_like_a_public_one() {
        let stack = super::stack();
        let aws = stack.provider(Aws::region("eu-central-1"));
        let note = stack.add(&aws, Note::new("note").is_pinned(true).from_port(Range::new().after(9)));
        assert_eq!(note.id.sources().len(), 1);
    }
}
