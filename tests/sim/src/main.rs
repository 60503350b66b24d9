//! `cargo xtask sim`: simulated lives by the thousand.
use terrane_sim::{case::Case, simulation::run_compared, story::Telling};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "replay" {
        let seed = args[2].parse().unwrap();
        let outcome = run_compared(&Case::drawn(seed), Telling::Aloud);
        println!("{}\n{:?}", outcome.timeline, outcome.violation.map(|v| v.to_string()));
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let (from, count): (u64, u64) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let began = std::time::Instant::now();
    let mut failures = 0;
    for seed in from..from + count {
        let outcome = run_compared(&Case::drawn(seed), Telling::Silent);
        if let Some(violation) = outcome.violation {
            failures += 1;
            let text = violation.to_string();
            println!("seed {seed}: {}", text.chars().take(250).collect::<String>());
        }
    }
    println!("{count} seeds, {failures} failures, {:?}", began.elapsed());
}
