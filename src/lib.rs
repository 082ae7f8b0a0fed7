//! **oss-valet**: a *valet key* service for Alibaba Cloud OSS.
//!
//! A signed-in user asks leave to upload one object; the answer holds everything the client needs to send the bytes
//! straight to OSS; OSS calls back; we verify, confirm, record and pass the news on. The bytes never pass through us.
//!
//! ```text
//! main → cli → startup → { http, workers, hooks, outbox, store, auth, credentials, oss_client, settings, telemetry } → app → grant → oss
//! ```
//!
//! Arrows never turn back; `tests/architecture.rs` checks it.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`oss`] | OSS's protocol, pure: signing, policies, callbacks |
//! | [`grant`] | our rules, pure: profiles, key templates, limits, states, the seal |
//! | [`app`] | the use cases, one verb a file, and the ports they need |
//! | [`auth`] | who calls: bearer JWTs and key sets |
//! | [`credentials`] | what we sign with |
//! | [`oss_client`] | the few calls we make to OSS ourselves |
//! | [`hooks`] | the synchronous question to the business backend |
//! | [`outbox`] | telling sinks of events |
//! | [`webhooks`] | the signed POST that both make |
//! | [`store`] | the ledger |
//! | [`http`] | the routes, on actix-web |
//! | [`simulator`] | an OSS that runs on this machine |
//! | [`demo`] | the demo page and the client library it stands on |
//! | [`trace`] | the W3C trace context that requests come with and events carry on |
//! | [`instruments`] | what is counted and timed, and the page of it |
//! | [`settings`] | configuration: layered, typed, validated |
//! | [`workers`] | what goes on in the background |
//! | [`startup`], [`wiring`], [`shutdown`], [`clock`], [`entropy`], [`telemetry`], [`cli`] | the shell around it |

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod credentials;
pub mod demo;
pub mod entropy;
pub mod grant;
pub mod hooks;
pub mod http;
pub mod instruments;
pub mod oss;
pub mod oss_client;
pub mod outbox;
pub mod settings;
pub mod shutdown;
pub mod simulator;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod trace;
pub mod webhooks;
pub mod wiring;
pub mod workers;
