//! A program full of secrets, on a provider that repeats all it hears.

mod parrot;
#[path = "../words.rs"]
mod words;

use parrot::{Bird, Parrot};
use serde::Deserialize;
use terrane::{Secret, prelude::*};
use terrane_local::{Local, Process, Region};
use words::canary;

/// As many birds know four secrets each.
const BIRDS: usize = 50;

fn main() -> ExitCode {
    terrane::main("canaries", program)
}

#[derive(Deserialize)]
struct Settings {
    /// How the birds are: well, failing (what is made or changed), sulking (what is looked at or deleted), or wrong (from the beginning).
    mood: String,
    /// How often the words have changed.
    #[serde(default)]
    round: usize,
    /// How the program ends.
    #[serde(default)]
    ends: String,
    /// Set by `config set --secret`.
    password: Secret<String>,
    #[serde(default)]
    processes: bool,
}

fn program(stack: &Stack) -> Result<()> {
    let settings: Settings = stack.config()?;
    let password = stack.secret(&settings.password);
    if stack.name() == "net" {
        stack.export("password", &password);
        return Ok(());
    }
    let shared = stack.reference("canaries", "net").output::<String>("password")?;
    let parrot = stack.provider(Parrot {});
    let mut last = None;
    for number in 0..BIRDS {
        last = Some(add_bird(stack, &parrot, &settings, number, &shared));
    }
    if let Some(last) = &last {
        stack.export("token", &last.token);
        stack.export("both", (&last.id, &last.echo));
        let mood = settings.mood.clone();
        stack.expand("nest", &last.token, move |nest, token| {
            nest.add(&parrot, Bird::new("chick").mood(&mood).word("a word of its own").perch(token));
            Ok(())
        });
    }
    stack.export("password", text!("of {}", &password));
    stack.warn("birds", format!("they repeat {}", settings.password.expose()));
    if settings.processes {
        let local = stack.provider(Local::of_stack(stack)?);
        let east = stack.add(&local, Region::new("east").region("east"));
        let sleep = Process::new("till").region(&east).program("sleep").arguments(vec!["1000".to_owned()]);
        stack.add(&local, sleep.stop_limit_ms(2_000_u64).secret_environment([("SECRET", &password)]));
    }
    match settings.ends.as_str() {
        "failing" => Err(Error::new(format!("{} is not the word", settings.password.expose())).help(canary(1))),
        "panicking" => panic!("{} is not the word", settings.password.expose()),
        _ => Ok(()),
    }
}

/// Four secrets a bird: two that the program says are, one in a map, and one that the provider makes.
fn add_bird(
    stack: &Stack,
    parrot: &On<Parrot>,
    settings: &Settings,
    number: usize,
    shared: &Output<String>,
) -> Declared<Bird> {
    let secret = |place: usize| stack.secret(canary(number + place * BIRDS + settings.round * 1000));
    let wires = secret(2).map(|secret| [("deep".to_owned(), vec![secret])].into());
    let bird = Bird::new(format!("bird-{number}"))
        .mood(&settings.mood)
        .word(secret(0))
        .perch(text!("{}-{}", secret(1), shared))
        .wires(wires)
        .replaced_when::<String>(&secret(3))
        .secret_outputs(["echo"]);
    stack.add(parrot, bird)
}
