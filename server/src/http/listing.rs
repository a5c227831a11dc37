//! Answers that are a part of a list: `Link` and `X-Total-Count` (management API §0.1).

use std::collections::BTreeMap;
use std::fmt::Write;

use actix_web::http::header::{HeaderName, LINK};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::query::Query;
use crate::storage::Page;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// How many rows a whole list has, as far as is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// This many.
    Total(u64),
    /// Unknown, but whether more follow is known.
    More(bool),
}

/// Answers with a part of a list, one `Link` header for each relation.
pub fn part<T: Serialize>(
    request: &HttpRequest,
    query: &Query,
    page: Page,
    extent: Extent,
    items: &[T],
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let last = match extent {
        Extent::Total(total) => Some(total.div_ceil(page.per_page).max(1)),
        Extent::More(_) => None,
    };
    let has_next = match extent {
        Extent::Total(_) => last.is_some_and(|last| page.page < last),
        Extent::More(more) => more,
    };
    let mut link = |relation: &str, number: u64| {
        let target = target(request.path(), query, number, page.per_page);
        response.append_header((LINK, format!("<{target}>; rel=\"{relation}\"")));
    };
    link("first", 1);
    if page.page > 1 {
        link("prev", page.page - 1);
    }
    if has_next {
        link("next", page.page + 1);
    }
    if let Some(last) = last {
        link("last", last);
    }
    if let Extent::Total(total) = extent {
        response.insert_header((TOTAL, total));
    }
    response.json(items)
}

fn target(path: &str, query: &Query, page: u64, per_page: u64) -> String {
    let mut sorted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in query.iter().filter(|(key, _)| !matches!(*key, "page" | "per_page")) {
        sorted.entry(key).or_default().push(value);
    }
    let (page, per_page) = (page.to_string(), per_page.to_string());
    sorted.insert("page", vec![&page]);
    sorted.insert("per_page", vec![&per_page]);
    let pairs =
        sorted.into_iter().flat_map(|(key, values)| values.into_iter().map(move |value| (key, value)));
    let mut target = path.to_owned();
    for (at, (key, value)) in pairs.enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        encode(&mut target, key);
        target.push('=');
        encode(&mut target, value);
    }
    target
}

/// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let written = write!(out, "%{byte:02X}");
            debug_assert!(written.is_ok(), "writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::{Extent, part};
    use crate::http::query::Query;
    use crate::storage::Page;

    async fn links(uri: &str, page: u64, extent: Extent) -> Vec<String> {
        let request = TestRequest::with_uri(uri).to_http_request();
        let query = Query::extract(&request).await.unwrap();
        let response = part(&request, &query, Page { page, per_page: 2 }, extent, &[1]);
        response.headers().get_all("link").map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn relations_are_headers_of_their_own() {
        assert_eq!(
            links("/x?status=a%20b&page=2&per_page=2&id=2&id=1", 2, Extent::Total(5)).await,
            [
                "</x?id=2&id=1&page=1&per_page=2&status=a%20b>; rel=\"first\"",
                "</x?id=2&id=1&page=1&per_page=2&status=a%20b>; rel=\"prev\"",
                "</x?id=2&id=1&page=3&per_page=2&status=a%20b>; rel=\"next\"",
                "</x?id=2&id=1&page=3&per_page=2&status=a%20b>; rel=\"last\"",
            ]
        );
        assert_eq!(links("/x", 1, Extent::More(false)).await, ["</x?page=1&per_page=2>; rel=\"first\""]);
        assert_eq!(links("/x", 1, Extent::Total(0)).await.len(), 2);
    }
}
