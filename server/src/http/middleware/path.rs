//! Paths as clients mistype them.

use actix_web::dev::RequestHead;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Makes one slash of those that a path begins with: `mender-cli cp` writes two after a server address
/// that ends with one (management API §0).
pub(super) fn collapse_leading_slashes(head: &mut RequestHead) {
    if !head.uri.path().starts_with("//") {
        return;
    }
    let mut parts = head.uri.clone().into_parts();
    let Some(target) = parts.path_and_query.as_ref() else { return };
    let Ok(target) = format!("/{}", target.as_str().trim_start_matches('/')).parse::<PathAndQuery>() else {
        return;
    };
    parts.path_and_query = Some(target);
    if let Ok(uri) = Uri::from_parts(parts) {
        head.uri = uri;
    }
}
