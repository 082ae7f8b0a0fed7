//! `[hooks.NAME]` → who is asked.

use std::{cell::OnceCell, collections::BTreeMap, sync::Arc};

use anyhow::Context;

use super::once;
use crate::{
    app::ask_hook::ConfiguredHook,
    hooks::{HttpHook, build_http_client},
    settings::Settings,
    webhooks::WebhookTarget,
};

/// A hook per `[hooks.NAME]`, by that name: what `kept` gives, else a new one.
///
/// # Errors
/// When no HTTP client can be built.
pub fn hooks(
    settings: &Settings,
    kept: impl Fn(&str) -> Option<ConfiguredHook>,
) -> anyhow::Result<BTreeMap<String, ConfiguredHook>> {
    // One client for all of them, if any is to be made.
    let http = OnceCell::new();
    let hooks = settings.hooks.iter().map(|(name, hook)| {
        if let Some(kept) = kept(name) {
            return Ok((name.clone(), kept));
        }
        let http = once(&http, || build_http_client().context("no HTTP client"))?;
        let timeout = hook.timeout.to_std().with_context(|| format!("hooks.{name}.timeout"))?;
        let target = WebhookTarget { url: hook.url.clone(), secrets: hook.secrets.clone(), timeout };
        let backend = Arc::new(HttpHook::new(target, http.clone()));
        Ok((name.clone(), ConfiguredHook { name: name.clone(), backend, on_failure: hook.on_failure }))
    });
    hooks.collect()
}
