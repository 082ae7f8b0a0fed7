//! `GET /v1/profiles`: what this caller may upload.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::{
    grant::profile::{Method, Profile},
    http::{caller::SignedIn, house::Current},
};

#[derive(Serialize)]
struct ProfilesView<'a> {
    profiles: Vec<ProfileView<'a>>,
}

#[derive(Serialize)]
struct ProfileView<'a> {
    name: &'a str,
    methods: &'a [Method],
    min_size: u64,
    max_size: u64,
    content_types: &'a [String],
    /// For `<input accept>`.
    accept: String,
    vars: &'a [String],
    /// Lifetime of a grant, in seconds.
    expires_in: i64,
}

/// Lists the caller's profiles.
pub async fn list(caller: SignedIn, valet: Current) -> HttpResponse {
    let profiles = valet.list_profiles(&caller).into_iter().map(ProfileView::of).collect();
    HttpResponse::Ok().json(ProfilesView { profiles })
}

impl<'a> ProfileView<'a> {
    fn of(profile: &'a Profile) -> Self {
        Self {
            name: &profile.name,
            methods: &profile.methods,
            min_size: profile.min_size,
            max_size: profile.max_size,
            content_types: &profile.content_types,
            accept: profile.content_types.join(","),
            vars: &profile.vars,
            expires_in: profile.expires_in.num_seconds(),
        }
    }
}
