//! Sessions that STS has issued: kept in the data folder, one file each, so that they survive a restart.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, RngCore, distributions::Alphanumeric, rngs::OsRng};
use serde::{Deserialize, Serialize};
use tokio::{fs, io::AsyncWriteExt};

use super::permissions::Permissions;
use crate::oss::access_key::AccessKey;

/// How long an expired session is still known, so that its holder learns what is wrong. Then its key id is unknown.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// What a session is made of.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::simulator) struct Session {
    pub(in crate::simulator) access_key_id: String,
    access_key_secret: String,
    security_token: String,
    pub(in crate::simulator) expires_at: DateTime<Utc>,
    /// The role's name.
    pub(in crate::simulator) role: String,
    /// `RoleSessionName`.
    pub(in crate::simulator) name: String,
    /// The session policy as it came.
    pub(in crate::simulator) policy: Option<String>,
    pub(in crate::simulator) source_identity: Option<String>,
}

/// What is asked of a new session.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct NewSession<'a> {
    pub(in crate::simulator) role: &'a str,
    pub(in crate::simulator) session_name: &'a str,
    pub(in crate::simulator) expires_at: DateTime<Utc>,
    pub(in crate::simulator) policy: Option<(&'a str, Permissions)>,
    pub(in crate::simulator) source_identity: Option<&'a str>,
}

impl Session {
    fn make(new: &NewSession<'_>) -> Self {
        let word = |length| OsRng.sample_iter(Alphanumeric).take(length).map(char::from).collect::<String>();
        // As long as real ones, with all that Base64 can hold: what forgets to encode a token must fail here too.
        let mut token = [0; 384];
        OsRng.fill_bytes(&mut token);
        Self {
            access_key_id: format!("STS.N{}", word(24)),
            access_key_secret: word(44),
            security_token: format!("CAIS{}", STANDARD.encode(token)),
            expires_at: new.expires_at,
            role: new.role.to_owned(),
            name: new.session_name.to_owned(),
            policy: new.policy.as_ref().map(|(json, _)| (*json).to_owned()),
            source_identity: new.source_identity.map(str::to_owned),
        }
    }

    /// The key with its token.
    pub(in crate::simulator) fn key(&self) -> AccessKey {
        AccessKey::new(&self.access_key_id, &self.access_key_secret).with_security_token(&self.security_token)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A session, with its policy read.
#[derive(Debug)]
pub(in crate::simulator) struct KnownSession {
    pub(in crate::simulator) session: Session,
    pub(in crate::simulator) policy: Option<Permissions>,
}

/// All of them.
pub(in crate::simulator) struct Sessions {
    folder: PathBuf,
    known: Mutex<HashMap<String, Arc<KnownSession>>>,
    swept_at: Mutex<DateTime<Utc>>,
}

impl Sessions {
    /// Reads what an earlier run has issued.
    pub(in crate::simulator) fn open(root: &Path, now: DateTime<Utc>) -> io::Result<Self> {
        let folder = root.join("sts");
        std::fs::create_dir_all(&folder)?;
        let mut known = HashMap::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            // What a crash has left half written never had its name.
            if path.extension().is_some_and(|extension| extension == "json") {
                let session: Session = serde_json::from_slice(&std::fs::read(&path)?)?;
                let policy =
                    session.policy.as_deref().map(Permissions::policy).transpose().map_err(io::Error::other)?;
                known.insert(session.access_key_id.clone(), Arc::new(KnownSession { session, policy }));
            } else {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(Self { folder, known: Mutex::new(known), swept_at: Mutex::new(now) })
    }

    /// The session of an access key id, expired or not.
    pub(in crate::simulator) fn find(&self, access_key_id: &str) -> Option<Arc<KnownSession>> {
        self.known.lock().expect("no holder of this lock panics").get(access_key_id).cloned()
    }

    /// Every one, in no order.
    pub(in crate::simulator) fn list(&self) -> Vec<Session> {
        let known = self.known.lock().expect("no holder of this lock panics");
        known.values().map(|known| known.session.clone()).collect()
    }

    /// Makes a session, durable before it is told.
    pub(in crate::simulator) async fn issue(&self, new: NewSession<'_>, now: DateTime<Utc>) -> io::Result<Session> {
        let session = Session::make(&new);
        let path = self.path(&session.access_key_id);
        let temporary = path.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).await?;
        file.write_all(&serde_json::to_vec(&session)?).await?;
        file.sync_all().await?;
        fs::rename(&temporary, &path).await?;
        fs::File::open(&self.folder).await?.sync_all().await?;
        let known = KnownSession { session: session.clone(), policy: new.policy.map(|(_, policy)| policy) };
        self.known
            .lock()
            .expect("no holder of this lock panics")
            .insert(session.access_key_id.clone(), Arc::new(known));
        self.sweep(now).await?;
        Ok(session)
    }

    /// Once an hour, forgets what has long expired.
    async fn sweep(&self, now: DateTime<Utc>) -> io::Result<()> {
        {
            let mut swept_at = self.swept_at.lock().expect("no holder of this lock panics");
            if now - *swept_at < TimeDelta::hours(1) {
                return Ok(());
            }
            *swept_at = now;
        }
        let gone: Vec<_> = {
            let mut known = self.known.lock().expect("no holder of this lock panics");
            known.extract_if(|_, known| now - known.session.expires_at > REMEMBERED).map(|(id, _)| id).collect()
        };
        for id in gone {
            fs::remove_file(self.path(&id)).await?;
        }
        Ok(())
    }

    /// The id is ours, of letters and digits.
    fn path(&self, access_key_id: &str) -> PathBuf {
        self.folder.join(format!("{access_key_id}.json"))
    }
}
