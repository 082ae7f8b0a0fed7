//! A PostgreSQL that goes away: what is told meanwhile, and what is there afterwards.

use std::time::Duration;

use futures_util::future::join_all;
use oss_valet::{app::ports::GrantAdded, grant::grant::State};

use crate::{
    bed::Bed,
    postgres::Cluster,
    sample::{completing, find, grant, id},
};

async fn add(bed: &Bed, n: u64) {
    assert!(matches!(bed.store.add_grant(grant(n)).await.unwrap(), GrantAdded::Added), "grant {n}");
}

#[tokio::test]
async fn while_the_server_is_down_operations_fail_and_afterwards_they_work_again() {
    let mut cluster = Cluster::start(&[]);
    let bed = Bed::at(cluster.database().await).await;
    add(&bed, 1).await;
    for stop in [Cluster::stop, Cluster::kill] {
        stop(&mut cluster);
        for _ in 0..3 {
            bed.store.add_grant(grant(2)).await.unwrap_err();
            bed.store.change_grant(completing(1, "AA", 1)).await.unwrap_err();
            bed.store.find_grant(id(1)).await.unwrap_err();
        }
        bed.store.find_due_buckets(grant(1).next_check_at).await.unwrap_err();
        bed.store.ping().await.unwrap_err();
        cluster.start_again();
        bed.store.ping().await.unwrap();
        assert_eq!(find(&*bed.store, 1).await.grant, grant(1).grant);
        assert_eq!(bed.store.find_due_buckets(grant(1).next_check_at).await.unwrap(), ["app-media"]);
    }
    add(&bed, 2).await;
    bed.store.change_grant(completing(1, "AA", 1)).await.unwrap();
    assert_eq!(find(&*bed.store, 1).await.grant.state, State::Completed);
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_given_up_in_time() {
    let cluster = Cluster::start(&[]);
    let bed = Bed::at(cluster.database().await).await;
    add(&bed, 1).await;
    // The postmaster alone is no longer heard of by new connections; the sessions are stopped one by one.
    let sessions = sessions(&bed).await;
    signal(&sessions, "-STOP");
    cluster.signal("-STOP");
    let asked = join_all([2, 3].map(|n| bed.store.add_grant(grant(n))));
    let answers = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("an answer in time");
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    bed.store.find_grant(id(1)).await.unwrap_err();

    cluster.signal("-CONT");
    signal(&sessions, "-CONT");
    bed.store.ping().await.unwrap();
    find(&*bed.store, 1).await;
}

/// The processes that serve this database.
async fn sessions(bed: &Bed) -> Vec<String> {
    use sqlx::{Connection as _, PgConnection};
    let mut door = PgConnection::connect(&bed.url).await.unwrap();
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_all(&mut door)
    .await
    .unwrap();
    pids.iter().map(ToString::to_string).collect()
}

fn signal(pids: &[String], signal: &str) {
    assert!(std::process::Command::new("kill").arg(signal).args(pids).status().unwrap().success());
}

#[tokio::test]
async fn killed_the_server_holds_everything_it_answered() {
    let mut cluster = Cluster::start(&[]);
    let bed = Bed::at(cluster.database().await).await;
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let store = bed.store.clone();
            tokio::spawn(async move {
                let mut done = Vec::new();
                for n in (caller..).step_by(8) {
                    if store.add_grant(grant(n)).await.is_err() {
                        break;
                    }
                    let completed = store.change_grant(completing(n, "AA", n)).await.is_ok();
                    done.push((n, completed));
                    if !completed {
                        break;
                    }
                }
                done
            })
        })
        .collect();
    // In the middle of it: as soon as some hundred are answered.
    while bed.counters.operations() < 800 {
        tokio::task::yield_now().await;
    }
    cluster.kill();
    let answered: Vec<(u64, bool)> = join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
    cluster.start_again();

    for (n, completed) in &answered {
        let entry = find(&*bed.store, *n).await;
        if *completed {
            assert_eq!(entry.grant.state, State::Completed, "grant {n}");
            assert_eq!(entry.completion.unwrap().etag, "AA", "grant {n}");
        }
    }
    assert!(answered.len() >= 400, "{} grants", answered.len());
    assert_eq!(bed.count("completions").await, bed.count("events").await, "one transaction for both");
}

#[tokio::test]
async fn a_session_that_an_administrator_ends_costs_nobody_his_answer() {
    let bed = Bed::postgres().await;
    add(&bed, 1).await;
    for n in 2..6 {
        bed.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        // At most those that were under way: the ones after them find another connection.
        let _ = bed.store.add_grant(grant(100 * n)).await;
        let _ = join_all((0..3).map(|_| bed.store.ping())).await;
        let _ = bed.store.find_grant(id(1)).await;
        let _ = bed.store.find_grant(id(1)).await;
        add(&bed, n).await;
        find(&*bed.store, n).await;
    }
}
