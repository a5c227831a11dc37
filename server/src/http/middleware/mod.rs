//! What happens to every request, before routing and after the answer.
//!
//! One layer, not several: each layer of the framework costs an allocation on every poll.

mod access_log;
mod head;
mod path;
mod security_headers;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};
use tracing::Instrument as _;

use super::connection::{InService, Vitals, Watched};
use super::defaults::{is_bare_method_not_allowed, method_not_allowed};
use super::extract::count_request;
use super::request_id::{REQUEST_ID_HEADER, RequestId, RequestIds};
use crate::throttle::Throttle;

/// What the layer knows beside the request.
pub struct Edge {
    /// Makes request ids.
    pub ids: Arc<RequestIds>,
    /// Tells when connections should make room.
    pub throttle: Arc<Throttle>,
    /// The longest path with its query, in bytes.
    pub max_target_bytes: usize,
}

/// Gives the request its id, answers it, and completes the answer.
/// [`listen`](crate::http::listen) wraps it around the application.
pub async fn edge<B: MessageBody + Unpin + 'static>(
    edge: Edge,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Watched<EitherBody<B, BoxBody>>>, Error> {
    let start = Instant::now();
    let vitals = request.conn_data::<Rc<Vitals>>();
    let in_service = InService::begin(vitals);
    let refusal = head::refusal(&request, vitals.map(Rc::as_ref), edge.max_target_bytes);
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let has_length = request.headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    let id = request
        .headers()
        .get(REQUEST_ID_HEADER)
        .and_then(RequestId::from_client)
        .unwrap_or_else(|| edge.ids.issue());
    path::collapse_leading_slashes(&mut request);
    let span = access_log::span(&request, &id);
    let answer = async {
        let mut response = if let Some(refusal) = refusal {
            request.into_response(refusal.error_response()).map_into_right_body()
        } else {
            // No copy of the request may live during the call: the router wants it for itself. An error
            // comes from an inner layer only, for a handler's is an answer already.
            let response = next.call(request).await?;
            if is_bare_method_not_allowed(&response) {
                method_not_allowed(response).map_into_right_body()
            } else {
                response.map_into_left_body()
            }
        };
        access_log::write(&response, start.elapsed());
        count_request(response.request(), response.status().as_u16());
        security_headers::add(response.headers_mut());
        Ok::<_, Error>(response)
    };
    let mut response = id.clone().scope(answer.instrument(span)).await?;
    response.headers_mut().insert(REQUEST_ID_HEADER, id.to_header());
    // What is left of a body with a length makes the framework close by itself; a chunked one it would read for ever.
    let leaves_body = (is_chunked || has_length) && in_service.leaves_body();
    if (leaves_body && is_chunked) || edge.throttle.gate.is_crowded() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| in_service.until_sent(body)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::dev::{Service, ServiceResponse};
    use actix_web::http::Method;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, Error, HttpRequest, HttpResponse, web};
    use serde_json::Value;

    use super::{Edge, RequestIds, Throttle, edge};
    use crate::config::Limits;
    use crate::crypto::random::testing::CountingRandom;
    use crate::http::defaults::not_found;
    use crate::http::{ApiError, Code};

    async fn app() -> impl Service<
        actix_http::Request,
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
    > {
        let ids = Arc::new(RequestIds::new(&CountingRandom::default()).unwrap());
        let throttle = Arc::new(Throttle::new(&Limits::default()));
        let path = |request: HttpRequest| async move { request.path().to_owned() };
        let broken =
            || async { Err::<HttpResponse, _>(ApiError::internal(std::io::Error::other("disk is on fire"))) };
        let refused = || async { Err::<HttpResponse, _>(ApiError::device_session(Code::Unauthenticated)) };
        init_service(
            App::new()
                .wrap(from_fn(move |request, next| {
                    let (ids, throttle) = (Arc::clone(&ids), Arc::clone(&throttle));
                    edge(Edge { ids, throttle, max_target_bytes: 200 }, request, next)
                }))
                .service(web::resource("/path/{rest}").route(web::get().to(path)))
                .service(web::resource("/broken").route(web::get().to(broken)))
                .service(web::resource("/refused").route(web::get().to(refused)))
                .default_service(web::to(not_found)),
        )
        .await
    }

    fn header<'a, B>(response: &'a ServiceResponse<B>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn json(response: ServiceResponse<impl actix_web::body::MessageBody>) -> Value {
        serde_json::from_slice(&read_body(response).await).unwrap()
    }

    #[tokio::test]
    async fn the_id_of_the_client_is_echoed_and_put_into_errors() {
        let app = app().await;
        let request = TestRequest::get().uri("/broken").insert_header(("x-men-requestid", "mine"));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!((response.status().as_u16(), header(&response, "x-men-requestid")), (500, "mine"));
        let body = json(response).await;
        assert_eq!(body["request_id"], "mine");
        assert_eq!(body["error"], "internal error");
    }

    #[tokio::test]
    async fn a_request_without_an_id_gets_one() {
        let app = app().await;
        let ask = || call_service(&app, TestRequest::get().uri("/path/a").to_request());
        let (first, second) = (ask().await, ask().await);
        assert_eq!(header(&first, "x-men-requestid").len(), 36);
        assert_ne!(header(&first, "x-men-requestid"), header(&second, "x-men-requestid"));
        let strange = TestRequest::get().uri("/path/a").insert_header(("x-men-requestid", "two words"));
        let response = call_service(&app, strange.to_request()).await;
        assert_eq!(header(&response, "x-men-requestid").len(), 36);
    }

    #[tokio::test]
    async fn leading_slashes_count_as_one() {
        let app = app().await;
        for uri in ["/path/a?b=c", "//path/a?b=c", "///path/a"] {
            let response = call_service(&app, TestRequest::get().uri(uri).to_request()).await;
            assert_eq!(response.status(), 200, "{uri}");
            assert_eq!(read_body(response).await, "/path/a");
        }
        let response = call_service(&app, TestRequest::get().uri("/path//a").to_request()).await;
        assert_eq!(response.status(), 404);
    }

    #[tokio::test]
    async fn unknown_routes_and_methods_are_refused_in_our_words() {
        let app = app().await;
        let response = call_service(&app, TestRequest::get().uri("/nowhere").to_request()).await;
        assert_eq!(response.status(), 404);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(json(response).await["error"], "not found");
        let wrong = TestRequest::default().method(Method::DELETE).uri("/path/a").to_request();
        let response = call_service(&app, wrong).await;
        assert_eq!(response.status(), 405);
        let body = json(response).await;
        assert_eq!(
            (&body["error"], &body["code"]),
            (&"method not allowed".into(), &"method_not_allowed".into())
        );
        assert!(body["request_id"].is_string());
    }

    #[tokio::test]
    async fn long_targets_are_refused() {
        let app = app().await;
        let ask = |rest: usize| TestRequest::get().uri(&format!("/path/{}", "a".repeat(rest))).to_request();
        assert_eq!(call_service(&app, ask(194)).await.status(), 200);
        let response = call_service(&app, ask(195)).await;
        assert_eq!(response.status(), 414);
        let body = json(response).await;
        assert_eq!(body["code"], "uri_too_long");
        assert!(body["request_id"].is_string());
    }

    #[tokio::test]
    async fn an_empty_refusal_stays_empty() {
        let app = app().await;
        let response = call_service(&app, TestRequest::get().uri("/refused").to_request()).await;
        assert_eq!((response.status().as_u16(), header(&response, "x-error-code")), (401, "unauthenticated"));
        assert!(read_body(response).await.is_empty());
    }
}
