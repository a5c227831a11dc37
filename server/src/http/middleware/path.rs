//! Paths as clients mistype them.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Makes one slash of those that a path begins with: `mender-cli cp` writes two after a server address
/// that ends with one (management API §0).
pub(super) fn collapse_leading_slashes(request: &mut ServiceRequest) {
    if !request.path().starts_with("//") {
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    let Some(target) = parts.path_and_query.as_ref() else { return };
    let Ok(target) = format!("/{}", target.as_str().trim_start_matches('/')).parse::<PathAndQuery>() else {
        return;
    };
    parts.path_and_query = Some(target);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}
