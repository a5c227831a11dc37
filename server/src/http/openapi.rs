//! What the description says of all routes alike.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// Names the two kinds of sessions.
pub(super) struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        for name in ["device", "user"] {
            let mut bearer = Http::new(HttpAuthScheme::Bearer);
            bearer.bearer_format = Some("JWT".to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(bearer));
        }
    }
}
