//! The schedule: one seed, one plan.

use std::time::Duration;

use crate::schedule::{Engine, Fault, Planned, kinds, plan};

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_seed_means_one_plan_and_another_seed_another() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        assert_eq!(plan(7, engine, MINUTE), plan(7, engine, MINUTE));
        assert_ne!(plan(7, engine, MINUTE), plan(8, engine, MINUTE));
    }
}

#[test]
fn nothing_has_two_troubles_at_once_and_all_are_over_in_the_end() {
    for seed in 0..50 {
        let plan = plan(seed, Engine::Postgres, MINUTE);
        for (place, one) in plan.iter().enumerate() {
            assert!(one.at + one.lasts <= MINUTE, "{one:?}");
            let overlaps =
                |other: &&Planned| other.fault.victim() == one.fault.victim() && other.at <= one.at + one.lasts;
            assert_eq!(plan[place + 1..].iter().find(overlaps), None, "seed {seed}, {one:?}");
        }
    }
}

#[test]
fn a_minute_sees_every_kind_and_every_replica_is_killed_sooner_or_later() {
    for (engine, replicas) in [(Engine::Sqlite, 1), (Engine::Postgres, 3)] {
        for seed in 0..20 {
            let happening = |seconds: u64| -> Vec<Fault> {
                let plan = plan(seed, engine, Duration::from_secs(seconds));
                plan.into_iter().map(|planned| planned.fault).collect()
            };
            let (soon, later) = (happening(60), happening(300));
            let is_any = |fault: &Fault| matches!(fault, Fault::KillReplica(_) | Fault::PauseReplica(_));
            let missing: Vec<_> =
                kinds(engine).into_iter().filter(|kind| !is_any(kind) && !soon.contains(kind)).collect();
            assert!(missing.is_empty(), "seed {seed}, {engine:?}: {missing:?}");
            for replica in 0..replicas {
                assert!(later.contains(&Fault::KillReplica(replica)), "seed {seed}, {engine:?}: {replica}");
            }
        }
    }
}
