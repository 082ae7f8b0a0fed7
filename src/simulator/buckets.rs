//! The buckets while they serve: as the settings made them, and what was changed since, which survives a restart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    bucket::{LifecycleRule, Versioning},
    cors::CorsRule,
    settings::BucketSpec,
};

/// All buckets, by name.
pub(super) struct Buckets {
    folder: PathBuf,
    known: Mutex<BTreeMap<String, Arc<BucketSpec>>>,
}

/// What can be changed at run time; a file beside the objects, one per bucket that was changed.
#[derive(Serialize, Deserialize)]
struct Changed {
    versioning: Versioning,
    cors: Vec<CorsRule>,
    response_vary: bool,
    lifecycle: Vec<LifecycleRule>,
}

impl Buckets {
    /// The settings' buckets, with the changes that an earlier run kept in `root`.
    pub(super) fn open(root: &Path, specs: &[BucketSpec]) -> io::Result<Self> {
        let folder = root.join("buckets");
        fs::create_dir_all(&folder)?;
        let mut known = BTreeMap::new();
        for spec in specs {
            let mut spec = spec.clone();
            match fs::read(folder.join(format!("{}.json", spec.name))) {
                Ok(bytes) => serde_json::from_slice::<Changed>(&bytes)?.apply_to(&mut spec),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            known.insert(spec.name.clone(), Arc::new(spec));
        }
        Ok(Self { folder, known: Mutex::new(known) })
    }

    /// The bucket as it is now.
    pub(super) fn get(&self, name: &str) -> Option<Arc<BucketSpec>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Changes a bucket for the requests that come after this one.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut BucketSpec)) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = known.get_mut(name) else { return Ok(()) };
        let mut spec = BucketSpec::clone(bucket);
        change(&mut spec);
        let file = self.folder.join(format!("{name}.json"));
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&Changed::of(&spec))?)?;
        fs::rename(new, file)?;
        *bucket = Arc::new(spec);
        Ok(())
    }
}

impl Changed {
    fn of(spec: &BucketSpec) -> Self {
        Self {
            versioning: spec.versioning,
            cors: spec.cors.clone(),
            response_vary: spec.response_vary,
            lifecycle: spec.lifecycle.clone(),
        }
    }

    fn apply_to(self, spec: &mut BucketSpec) {
        let Self { versioning, cors, response_vary, lifecycle } = self;
        spec.versioning = versioning;
        spec.cors = cors;
        spec.response_vary = response_vary;
        spec.lifecycle = lifecycle;
    }
}
