//! Nothing answered is lost: after a close, and after `kill -9`.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use futures_util::future::join_all;
use oss_valet::{app::ports::GrantAdded, grant::grant::State};

use crate::{
    bed::{Bed, open},
    sample::{claiming, completing, find, grant},
};

/// Tells the child which ledger to write to.
const LEDGER: &str = "OSS_VALET_TEST_CRASH_LEDGER";

/// The child's line for one thing done.
const DONE: &str = "done ";

/// When the parent kills: after so many lines.
const ENOUGH: usize = 600;

pub(crate) async fn reopened_it_holds_everything(mut bed: Bed) {
    bed.store.add_grant(grant(1)).await.unwrap();
    bed.store.add_grant(claiming(2, 9)).await.unwrap();
    bed.store.change_grant(completing(1, "AA", 1)).await.unwrap();
    let before = (find(&*bed.store, 1).await, find(&*bed.store, 2).await);

    bed.store = bed.open_again().await;

    assert_eq!((find(&*bed.store, 1).await, find(&*bed.store, 2).await), before);
    let again = bed.store.add_grant(claiming(3, 9)).await.unwrap();
    assert!(matches!(again, GrantAdded::AlreadyClaimed { .. }), "{again:?}");
}

/// Runs itself in a process of its own, which writes until it is killed.
pub(crate) async fn killed_it_holds_everything_it_answered(bed: Bed) {
    if let Some(url) = std::env::var_os(LEDGER).map(OsString::into_string) {
        write_until_killed(&url.unwrap()).await;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        // Either engine's will do: the child's ledger is the one it is told.
        .args(["on_sqlite::killed_it_holds_everything_it_answered", "--exact", "--nocapture"])
        .env(LEDGER, &bed.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut done = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The last line may have been cut by the kill.
        let Ok(line) = line else { break };
        let Some(number) = line.strip_prefix(DONE).and_then(|number| number.strip_suffix('.')) else { continue };
        done.push(number.parse::<u64>().unwrap());
        if done.len() == ENOUGH {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && done.len() >= ENOUGH, "{} lines, then {status}", done.len());

    let store = bed.open_again().await;
    for n in done {
        let entry = find(&*store, n).await;
        assert_eq!(entry.grant.state, State::Completed, "grant {n}");
        assert_eq!(entry.completion.unwrap().etag, "AA", "grant {n}");
    }
    assert_eq!(bed.count("completions").await, bed.count("events").await, "one transaction for both");
}

/// Says what is done, line by line, and never returns.
#[expect(clippy::print_stdout, reason = "how it tells its parent")]
async fn write_until_killed(url: &str) -> ! {
    let store = open(url).await;
    let mut round = 0;
    loop {
        join_all((0..8).map(|caller| {
            let (store, n) = (&store, round * 8 + caller);
            async move {
                store.add_grant(grant(n)).await.unwrap();
                store.change_grant(completing(n, "AA", n)).await.unwrap();
                println!("{DONE}{n}.");
            }
        }))
        .await;
        round += 1;
    }
}
