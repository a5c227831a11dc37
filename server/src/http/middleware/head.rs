//! Request heads that are larger than is taken.

use actix_web::dev::RequestHead;

use crate::http::connection::Vitals;
use crate::http::error::{ApiError, Code};

/// Why a request is not served, if its head is too large. Nothing is measured unless more bytes came than a head may
/// have; the stream cuts off what is larger still.
pub(super) fn refusal(
    head: &RequestHead,
    vitals: Option<&Vitals>,
    max_target_bytes: usize,
) -> Option<ApiError> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > max_target_bytes {
        let message = format!("path and query are longer than {max_target_bytes} bytes");
        return Some(ApiError::new(Code::UriTooLong, message));
    }
    let limit = vitals.filter(|vitals| vitals.head_bytes() > vitals.max_head_bytes())?.max_head_bytes();
    // A field has a colon, a space and the end of its line beside name and value.
    let fields = head.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let size = target + fields.sum::<usize>();
    (size > limit)
        .then(|| ApiError::new(Code::HeaderTooLarge, format!("request head is larger than {limit} bytes")))
}
