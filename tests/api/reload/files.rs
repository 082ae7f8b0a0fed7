//! Mounted files: what is looked at, and when a change counts.

use std::{fs, os::unix::fs::symlink, path::Path};

use oss_valet::{
    settings::{ConfigSource, Environment},
    startup::{Reloaded, Watch},
};

use crate::harness::{SEAL_SECRET, TestApp};

/// As Kubernetes mounts a volume: a folder behind the link `..data`, and a link to each of its files.
struct Mounted<'a>(&'a Path);

impl Mounted<'_> {
    fn swap(&self, version: &str, files: &[(&str, &str)]) {
        let folder = self.0.join(version);
        fs::create_dir(&folder).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
            let link = self.0.join(name);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
        symlink(version, self.0.join("..data_tmp")).unwrap();
        fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).unwrap();
    }
}

#[tokio::test]
async fn a_mounted_secret_that_is_swapped_is_noticed_once_it_has_settled() {
    let app = TestApp::spawn().await;
    let folder = tempfile::tempdir().unwrap();
    let mounted = Mounted(folder.path());
    let inline = format!("secret = {SEAL_SECRET:?}");
    let settings = app.toml.replacen(&inline, "secret_file = \"seal\"", 1);
    mounted.swap("..1", &[("development.toml", &settings), ("seal", SEAL_SECRET)]);
    let source = ConfigSource::new(folder.path(), "development", Environment::default());
    let (outcome, files) = app.reloader.reload(&source).await;
    assert!(matches!(outcome, Reloaded::Applied { .. }), "{outcome:?}");
    let mut watch = Watch::new(files);
    assert!(!watch.look() && !watch.look(), "nothing has changed");

    mounted.swap("..2", &[("development.toml", &settings), ("seal", SEAL_SECRET)]);
    assert!(!watch.look() && !watch.look(), "other files, but they hold the same");

    mounted.swap("..3", &[("development.toml", &settings), ("seal", "a-first-seal-secret-of-the-tests-0123456")]);
    assert!(!watch.look(), "seen for the first time");
    mounted.swap("..4", &[("development.toml", &settings), ("seal", "a-second-seal-secret-of-the-tests-012345")]);
    assert!(!watch.look(), "still changing");
    assert!(watch.look(), "settled");
    let (outcome, files) = app.reloader.reload(&source).await;
    let changed = vec!["callback.seal_secrets[0].secret_file".to_owned()];
    assert_eq!(outcome, Reloaded::Applied { changed, waiting: Vec::new() });
    let mut watch = Watch::new(files);
    assert!(!watch.look() && !watch.look());
}

#[tokio::test]
async fn a_bad_file_is_refused_once_and_looked_at_until_it_is_mended() {
    let app = TestApp::spawn().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("development.toml");
    let source = ConfigSource::new(folder.path(), "development", Environment::default());
    let refused = async || match app.reloader.reload(&source).await {
        (Reloaded::Refused(reasons), files) => (reasons, Watch::new(files)),
        (applied, _) => panic!("{applied:?}"),
    };
    let (reasons, mut watch) = refused().await;
    assert!(reasons[0].starts_with(&format!("{}: ", path.display())), "{reasons:?}");
    assert!(!watch.look() && !watch.look(), "it is not there, as before");

    fs::write(&path, &app.toml[..app.toml.len() / 2]).unwrap();
    assert!(!watch.look() && watch.look());
    let (_, mut watch) = refused().await;
    assert!(!watch.look() && !watch.look(), "it is refused once, not again and again");

    let inline = format!("secret = {SEAL_SECRET:?}");
    let faulty = app.toml.replacen(&inline, "secret_file = \"seal\"", 1);
    fs::write(&path, &faulty).unwrap();
    assert!(!watch.look() && watch.look());
    let (reasons, mut watch) = refused().await;
    assert!(reasons[0].contains("seal_secrets[0].secret_file"), "{reasons:?}");
    assert!(!watch.look() && !watch.look());
    fs::write(folder.path().join("seal"), SEAL_SECRET).unwrap();
    assert!(!watch.look() && watch.look(), "a file that was missing has come");
    assert!(matches!(app.reloader.reload(&source).await.0, Reloaded::Applied { .. }));
}
