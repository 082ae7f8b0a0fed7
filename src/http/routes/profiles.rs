//! `GET /v1/profiles`: what this caller may upload.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    grant::profile::{Method, Profile},
    http::{caller::SignedIn, house::Current, openapi::schemas},
};

/// What the caller may upload.
#[derive(Serialize, ToSchema)]
#[schema(as = ProfileList)]
struct ProfilesView<'a> {
    /// In the order of their names.
    profiles: Vec<ProfileView<'a>>,
}

/// A rule set.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
struct ProfileView<'a> {
    /// What to ask for.
    name: &'a str,
    /// The first is the default.
    #[schema(value_type = Vec<schemas::Method>)]
    methods: &'a [Method],
    /// In bytes.
    min_size: u64,
    /// In bytes.
    max_size: u64,
    /// Empty = any.
    content_types: &'a [String],
    /// For `<input accept>`.
    accept: String,
    /// The variables that may be sent along.
    vars: &'a [String],
    /// Lifetime of a grant, in seconds.
    expires_in: i64,
}

/// Lists the caller's profiles.
#[utoipa::path(
    get,
    path = "/v1/profiles",
    operation_id = "listProfiles",
    tag = "Uploads",
    description = "Name, methods, limits, variables and lifetime of each profile that this caller may use. `accept` fits `<input accept>`.",
    responses((status = 200, description = "The profiles.", body = ProfilesView))
)]
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
