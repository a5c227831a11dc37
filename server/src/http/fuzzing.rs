//! Parsers of requests, for the fuzz targets in `fuzz/` alone. No interface: nothing here is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_http::BoxedPayloadStream;
use actix_web::FromRequest as _;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK};
use actix_web::test::TestRequest;
use actix_web::web::{Bytes, Payload};
use futures_util::stream;
use secrecy::ExposeSecret as _;

use super::body::BodyPace;
use super::device::{deployments, download, next};
use super::error::{ApiError, Code};
use super::listing::{Extent, part};
use super::management::{artifacts, deployment_lists, inventory, upload_form, users};
use super::query::{self, MAX_PER_PAGE, Query};
use super::range::{Selection, select};
use super::shared_payload::SharedPayload;
use crate::deployments::DeviceDeploymentState;
use crate::deployments::downloads::DownloadLink;

/// What a client sends with the request for a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileHeaders<'a> {
    /// `Range`.
    pub range: Option<&'a [u8]>,
    /// `If-Range`.
    pub if_range: Option<&'a [u8]>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a [u8]>,
}

/// What is answered to the request for a file; `None` if no request could carry these headers.
#[must_use]
pub fn file(headers: FileHeaders<'_>, size: u64, etag: &str) -> Option<Selection> {
    let mut map = HeaderMap::new();
    let named =
        [("range", headers.range), ("if-range", headers.if_range), ("if-none-match", headers.if_none_match)];
    for (name, value) in named {
        if let Some(value) = value {
            map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(select(&map, size, etag))
}

/// A form as an upload reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Form {
    /// The announced size.
    pub size: Option<u64>,
    /// The description.
    pub description: String,
    /// The wished id.
    pub artifact_id: Option<String>,
    /// The file.
    pub file: Vec<u8>,
}

/// Reads a form that comes in pieces of `piece` bytes; an `Err` is the status of the answer.
#[must_use]
pub fn form(content_type: &[u8], body: &[u8], piece: usize) -> Option<Result<Form, u16>> {
    let header = HeaderValue::from_bytes(content_type).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    let chunks: Vec<_> = body.chunks(piece.max(1)).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let request = TestRequest::post().insert_header((CONTENT_TYPE, header)).to_http_request();
    let read = async {
        let body: BoxedPayloadStream = Box::pin(stream::iter(chunks));
        let mut body = actix_web::dev::Payload::Stream { payload: body };
        let payload = Payload::from_request(&request, &mut body)
            .await
            .map_err(|_| ApiError::new(Code::BadRequest, "the request has a body"))?;
        let pace = BodyPace { grace: Duration::from_secs(1), ..BodyPace::default() };
        let mut form = upload_form::open(&request, SharedPayload::new(payload, pace))?;
        let (fields, mut part) = upload_form::until_artifact(&mut form).await?;
        let mut file = Vec::new();
        while let Some(chunk) = upload_form::next_chunk(&mut part).await? {
            file.extend_from_slice(&chunk);
        }
        let artifact_id = fields.artifact_id.map(|id| id.to_string());
        Ok(Form { size: fields.size, description: fields.description, artifact_id, file })
    };
    Some(runtime.block_on(read).map_err(|err: ApiError| status(&err)))
}

/// What all lists make of one query: the statuses of refusals. An accepted page is also linked from, and the query
/// of each link is returned.
pub fn lists(text: &str) -> Result<(Query, Vec<String>), u16> {
    let query = query::parse(text).map_err(|err| status(&err))?;
    let mut refusals = Vec::new();
    let mut note = |refusal: Option<ApiError>| refusals.extend(refusal.as_ref().map(status));
    note(inventory::filter(&query).err());
    note(query.get("sort").and_then(|sort| inventory::order(sort).err()));
    let filter = deployment_lists::common_filter(&query);
    note(filter.and_then(|mut filter| deployment_lists::name_some(&mut filter, &query)).err());
    let _ = (artifacts::parts_filter(&query), artifacts::order(&query));
    note(artifacts::patterns("name", &query).err());
    note(users::filter(&query).err());
    debug_assert!(refusals.iter().all(|status| *status == 400), "a query is wrong, or it is not");
    let page = query.page(MAX_PER_PAGE).map_err(|err| status(&err))?;
    debug_assert!(page.page > 0 && (1..=MAX_PER_PAGE).contains(&page.per_page), "a part of a list");
    let lenient = query.lenient_page(MAX_PER_PAGE);
    debug_assert_eq!(
        (lenient.page, lenient.per_page),
        (page.page, page.per_page),
        "a right page is one page"
    );
    let request = TestRequest::with_uri("/list").to_http_request();
    let answer = part(&request, &query, page, Extent::More(true), &[0]);
    let links = answer.headers().get_all(LINK).filter_map(|value| value.to_str().ok());
    let queries =
        links.filter_map(|link| Some(link.strip_prefix("</list?")?.split_once('>')?.0.to_owned())).collect();
    Ok((query, queries))
}

/// What a device says that it provides, in the two forms of the question.
#[must_use]
pub fn questions(body: &[u8]) -> [Option<BTreeMap<String, String>>; 2] {
    [next::question_v1(body).ok(), next::question_v2(body).ok()]
}

/// What a device reports, and what is kept of what it says beside; an `Err` is the status of the answer.
pub fn report(body: &[u8]) -> Result<(DeviceDeploymentState, Option<String>), u16> {
    let report = serde_json::from_slice(body).map_err(|_| 400_u16)?;
    deployments::told(report).map_err(|err| status(&err))
}

/// What is kept of a log.
#[must_use]
pub fn log(body: &[u8]) -> String {
    deployments::without_nul(&String::from_utf8_lossy(body))
}

/// Address and password of `Authorization`.
#[must_use]
pub fn basic(value: &[u8]) -> Option<(String, String)> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let request = TestRequest::default().insert_header((AUTHORIZATION, value)).to_http_request();
    users::basic(&request).map(|(email, password)| (email, password.expose_secret().to_owned()))
}

/// What the path and the query of a link say; an `Err` is the status of the answer.
pub fn link(path: [&str; 3], query: &str) -> Result<DownloadLink, u16> {
    let [deployment, device, artifact] = path.map(str::to_owned);
    let query = query::parse(query).map_err(|err| status(&err))?;
    download::link(&(deployment, device, artifact), &query).map_err(|err| status(&err))
}

/// The path and query of a link.
#[must_use]
pub fn target(link: &DownloadLink) -> String {
    download::target(link)
}

fn status(err: &ApiError) -> u16 {
    err.code().status().as_u16()
}
