//! The scheduler in a world made of one number: every fault, delay and choice follows from a 64-bit seed.
//!
//! The real commit, state and supervisor run on a manual clock with a log that crashes, connections that break
//! and machines that die (`world`); the oracle of the domain's tests looks at every event. At the end the
//! faults stop, and every run must end. A failure prints the line that repeats it.
//!
//! `FASTI_SIM_SEEDS` (how many), `FASTI_SIM_SEED` (this one alone) and `FASTI_SIM_STEPS` (faults for so long).

mod batches;
mod client;
mod dice;
mod disk;
mod machine;
#[path = "../../core/domain/tests/oracle/mod.rs"]
mod oracle;
mod process;
mod server;
mod tally;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tally::Tally;
use world::World;

/// Seeds when nothing else is asked for.
const SEEDS: u64 = 20;

/// Steps with faults when nothing else is asked for.
const STEPS: u64 = 600;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: `{text}`")),
    )
}

/// Runs one seed to its end; says how to repeat it when it breaks a rule.
fn simulate(seed: u64, steps: u64) -> (u64, Tally) {
    let mut world = World::new(seed);
    let run = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..steps {
            world.step();
        }
        world.calm_down();
        world.trace()
    }));
    match run {
        Ok(trace) => (trace, world.tally),
        Err(panic) => {
            // Steps after the failing one change nothing about it.
            let steps = steps.min(world.steps.max(1));
            println!("seed {seed} broke a rule in step {steps}; this repeats it:");
            println!("cargo xtask sim --seed {seed} --steps {steps}");
            println!("{}", world.describe());
            resume_unwind(panic)
        }
    }
}

#[test]
fn every_seed_keeps_the_rules_and_comes_to_rest() {
    let steps = number("FASTI_SIM_STEPS").unwrap_or(STEPS);
    let one = number("FASTI_SIM_SEED");
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None => 1..number("FASTI_SIM_SEEDS").unwrap_or(SEEDS) + 1,
    };
    let mut all = Tally::default();
    for seed in seeds.clone() {
        let (_, tally) = simulate(seed, steps);
        all.add(&tally);
    }
    println!("{} seeds of {steps} steps: {all}", seeds.end - seeds.start);
    if one.is_none() && seeds.end > SEEDS && steps >= STEPS {
        let never = all.never();
        assert!(
            never.is_empty(),
            "what is simulated never happened: {never:?}"
        );
    }
}

#[test]
fn a_seed_is_the_whole_story() {
    let trace = |seed| simulate(seed, 200).0;
    assert_eq!(trace(7), trace(7), "the same seed, the same log");
    assert_ne!(trace(7), trace(8));
}
