//! TLS to the database: `sslmode` and `sslrootcert` mean what they say.

use std::{net::TcpListener, os::unix::fs::MetadataExt as _, path::Path};

use oss_valet::store;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{bed::Bed, postgres::Cluster, sample::grant};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

/// A file of the server's, which it alone may read.
fn write_for_server(directory: &Path, name: &str, content: &str) {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let (path, owner) = (directory.join(name), std::fs::metadata(directory).unwrap());
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// A server that speaks TLS as `localhost`, and takes nothing else over TCP; and its port.
fn cluster_with_tls(authority: &Authority) -> (Cluster, u16) {
    let mut cluster = Cluster::start(&[]);
    cluster.stop();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    write_for_server(cluster.directory(), "server.crt", &certificate.pem());
    write_for_server(cluster.directory(), "server.key", &key.serialize_pem());
    write_for_server(
        cluster.directory(),
        "pg_hba.conf",
        "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    cluster.set(&["ssl=on".to_owned(), "listen_addresses=127.0.0.1".to_owned(), format!("port={port}")]);
    cluster.start_again();
    (cluster, port)
}

#[tokio::test]
async fn a_certificate_is_verified_as_the_url_says() {
    let (ours, other) = (authority(), authority());
    let (cluster, port) = cluster_with_tls(&ours);
    let by_socket = format!("postgres://valet@localhost/postgres?host={}&port={port}", cluster.directory().display());
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(&by_socket).await.unwrap();
    sqlx::raw_sql("ALTER ROLE valet PASSWORD 'p%ss-hidden'").execute(&mut admin).await.unwrap();

    let roots = tempfile::tempdir().unwrap();
    for (name, authority) in [("ours.pem", &ours), ("other.pem", &other)] {
        std::fs::write(roots.path().join(name), &authority.pem).unwrap();
    }
    let root = |name: &str| format!("sslrootcert={}", roots.path().join(name).display());
    let url = |host: &str, query: String| format!("postgres://valet:p%25ss-hidden@{host}:{port}/postgres?{query}");
    let verify_full = url("localhost", format!("sslmode=verify-full&{}", root("ours.pem")));

    let refused = [
        ("another root", url("localhost", format!("sslmode=verify-full&{}", root("other.pem")))),
        ("no root of ours", url("localhost", "sslmode=verify-full".into())),
        ("another name", url("127.0.0.1", format!("sslmode=verify-full&{}", root("ours.pem")))),
        ("another root, any name", url("127.0.0.1", format!("sslmode=verify-ca&{}", root("other.pem")))),
        ("no TLS at all", url("localhost", "sslmode=disable".into())),
        ("another password", verify_full.replace("p%25ss-hidden", "wrong-hidden")),
    ];
    for (case, url) in refused {
        let error = store::migrate(&url).await.expect_err(case);
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hidden"), "{case}: {told}");
    }

    let bed = Bed::at(verify_full).await;
    bed.store.add_grant(grant(1)).await.unwrap();
    for (case, url) in [
        ("any name", url("127.0.0.1", format!("sslmode=verify-ca&{}", root("ours.pem")))),
        ("unverified, but encrypted", url("127.0.0.1", "sslmode=require".into())),
    ] {
        store::migrate(&url).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    }
    let encrypted: bool = sqlx::query_scalar(
        "SELECT count(*) > 5 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE application_name = 'oss-valet'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!(encrypted, "every connection of the store");
}
