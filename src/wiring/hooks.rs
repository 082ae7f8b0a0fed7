//! `[hooks.NAME]` → who is asked.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;

use crate::{
    app::ask_hook::ConfiguredHook,
    hooks::{HttpHook, build_http_client},
    settings::Settings,
    webhooks::WebhookTarget,
};

/// A hook per `[hooks.NAME]`, by that name.
///
/// # Errors
/// When no HTTP client can be built.
pub fn hooks(settings: &Settings) -> anyhow::Result<BTreeMap<String, ConfiguredHook>> {
    if settings.hooks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let http = build_http_client().context("no HTTP client")?;
    let hooks = settings.hooks.iter().map(|(name, hook)| {
        let timeout = hook.timeout.to_std().with_context(|| format!("hooks.{name}.timeout"))?;
        let target = WebhookTarget { url: hook.url.clone(), secrets: hook.secrets.clone(), timeout };
        let backend = Arc::new(HttpHook::new(target, http.clone()));
        Ok((name.clone(), ConfiguredHook { name: name.clone(), backend, on_failure: hook.on_failure }))
    });
    hooks.collect()
}
