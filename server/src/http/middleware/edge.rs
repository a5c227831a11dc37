//! The service around the application.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_http::{Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::{Error, HttpResponse};
use tracing::Instrument as _;

use super::access_log::Line;
use super::{head, method, path, security_headers};
use crate::app::Core;
use crate::http::connection::{InService, Vitals, Watched};
use crate::http::defaults::{is_bare_method_not_allowed, method_not_allowed};
use crate::http::device::idle_poll::IdlePolls;
use crate::http::request_id::{REQUEST_ID_HEADER, RequestId, RequestIds};
use crate::throttle::Throttle;

type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What the service knows beside the request.
pub struct Edge {
    /// Makes request ids.
    pub ids: Arc<RequestIds>,
    /// Tells when connections should make room.
    pub throttle: Arc<Throttle>,
    /// The longest path with its query, in bytes.
    pub max_target_bytes: usize,
    /// Counts requests; none where handlers are tested alone.
    pub core: Option<Arc<Core>>,
    /// Answers idle polls, where devices are served.
    pub idle_polls: Option<IdlePolls>,
}

/// An application, and what is around it. It gives each request its id, lets it be answered, and completes the answer.
/// [`listen`](crate::http::listen) builds it.
pub struct AtEdge<A> {
    edge: Rc<Edge>,
    application: Rc<A>,
}

impl<A> AtEdge<A> {
    /// Wraps an application: its factory, or the service that this makes.
    #[must_use]
    pub fn new(edge: Edge, application: A) -> Self {
        Self { edge: Rc::new(edge), application: Rc::new(application) }
    }
}

impl<A> ServiceFactory<Request> for AtEdge<A>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
    A::Service: 'static,
    A::Future: 'static,
{
    type Response = Response<Watched<BoxBody>>;
    type Error = Error;
    type Config = ();
    type Service = AtEdge<A::Service>;
    type InitError = ();
    type Future = LocalFuture<Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (edge, application) = (Rc::clone(&self.edge), self.application.new_service(()));
        Box::pin(async move { Ok(AtEdge { edge, application: Rc::new(application.await?) }) })
    }
}

impl<A> Service<Request> for AtEdge<A>
where
    A: Service<Request, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = Response<Watched<BoxBody>>;
    type Error = Error;
    type Future = LocalFuture<Result<Self::Response, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.application.poll_ready(cx)
    }

    fn call(&self, request: Request) -> Self::Future {
        let (edge, application) = (Rc::clone(&self.edge), Rc::clone(&self.application));
        Box::pin(async move { edge.serve(&*application, request).await })
    }
}

impl Edge {
    async fn serve<A>(
        &self,
        application: &A,
        mut request: Request,
    ) -> Result<Response<Watched<BoxBody>>, Error>
    where
        A: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let start = Instant::now();
        let vitals = request.conn_data::<Rc<Vitals>>();
        let in_service = InService::begin(vitals);
        let refusal = head::refusal(request.head(), vitals.map(Rc::as_ref), self.max_target_bytes);
        let is_chunked = request.head().headers().contains_key(TRANSFER_ENCODING);
        let has_length = request.head().headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
        let id = request
            .head()
            .headers()
            .get(REQUEST_ID_HEADER)
            .and_then(RequestId::from_client)
            .unwrap_or_else(|| self.ids.issue());
        path::collapse_leading_slashes(request.head_mut());
        method::take_override(request.head_mut());
        let line = Line::of(&request);
        let span = line.span(&id);
        let answer = async {
            let response = match refusal {
                Some(refusal) => HttpResponse::from_error(refusal),
                None => self.answer(application, request).await?,
            };
            line.write(&response, start.elapsed());
            if let Some(core) = &self.core {
                core.requests.count(line.path(), response.status().as_u16());
            }
            Ok::<_, Error>(response)
        };
        let mut response = Response::from(id.clone().scope(answer.instrument(span)).await?);
        security_headers::add(response.headers_mut());
        response.headers_mut().insert(REQUEST_ID_HEADER, id.to_header());
        // What is left of a body with a length makes the framework close by itself; a chunked one it would read for
        // ever.
        let leaves_body = (is_chunked || has_length) && in_service.leaves_body();
        if (leaves_body && is_chunked) || self.throttle.gate.is_crowded() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        Ok(response.map_body(|_, body| in_service.until_sent(body)))
    }

    async fn answer<A>(&self, application: &A, mut request: Request) -> Result<HttpResponse, Error>
    where
        A: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        if let Some(idle_polls) = &self.idle_polls {
            match idle_polls.recognise(&mut request).await {
                Ok(false) => {}
                Ok(true) => return Ok(HttpResponse::NoContent().finish()),
                Err(refusal) => return Ok(HttpResponse::from_error(refusal)),
            }
        }
        // An error comes from the framework only, for a handler's is an answer already.
        let response = HttpResponse::from(application.call(request).await?);
        Ok(if is_bare_method_not_allowed(&response) { method_not_allowed(&response) } else { response })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_http::{Request, Response};
    use actix_service::{Service, ServiceFactory as _, map_config};
    use actix_web::body::{MessageBody, to_bytes};
    use actix_web::dev::AppConfig;
    use actix_web::http::Method;
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;
    use actix_web::{App, Error, HttpRequest, HttpResponse, web};
    use serde_json::Value;

    use super::{AtEdge, Edge, RequestIds, Throttle};
    use crate::config::Limits;
    use crate::crypto::random::testing::CountingRandom;
    use crate::http::defaults::not_found;
    use crate::http::{ApiError, Code};

    async fn app() -> impl Service<Request, Response = Response<impl MessageBody>, Error = Error> {
        let ids = Arc::new(RequestIds::new(&CountingRandom::default()).unwrap());
        let throttle = Arc::new(Throttle::new(&Limits::default()));
        let path = |request: HttpRequest| async move { request.path().to_owned() };
        let broken =
            || async { Err::<HttpResponse, _>(ApiError::internal(std::io::Error::other("disk is on fire"))) };
        let refused = || async { Err::<HttpResponse, _>(ApiError::device_session(Code::Unauthenticated)) };
        let application = App::new()
            .service(web::resource("/path/{rest}").route(web::get().to(path)))
            .service(web::resource("/broken").route(web::get().to(broken)))
            .service(web::resource("/refused").route(web::get().to(refused)))
            .default_service(web::to(not_found));
        let edge = Edge { ids, throttle, max_target_bytes: 200, core: None, idle_polls: None };
        AtEdge::new(edge, map_config(application, |()| AppConfig::default())).new_service(()).await.unwrap()
    }

    async fn call<B: MessageBody>(
        app: &impl Service<Request, Response = Response<B>, Error = Error>,
        request: Request,
    ) -> Response<B> {
        app.call(request).await.unwrap()
    }

    async fn read_body(response: Response<impl MessageBody>) -> Bytes {
        to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body breaks off"))
    }

    fn header<'a, B>(response: &'a Response<B>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn json(response: Response<impl MessageBody>) -> Value {
        serde_json::from_slice(&read_body(response).await).unwrap()
    }

    #[tokio::test]
    async fn the_id_of_the_client_is_echoed_and_put_into_errors() {
        let app = app().await;
        let request = TestRequest::get().uri("/broken").insert_header(("x-men-requestid", "mine"));
        let response = call(&app, request.to_request()).await;
        assert_eq!((response.status().as_u16(), header(&response, "x-men-requestid")), (500, "mine"));
        let body = json(response).await;
        assert_eq!(body["request_id"], "mine");
        assert_eq!(body["error"], "internal error");
    }

    #[tokio::test]
    async fn a_request_without_an_id_gets_one() {
        let app = app().await;
        let ask = || call(&app, TestRequest::get().uri("/path/a").to_request());
        let (first, second) = (ask().await, ask().await);
        assert_eq!(header(&first, "x-men-requestid").len(), 36);
        assert_ne!(header(&first, "x-men-requestid"), header(&second, "x-men-requestid"));
        let strange = TestRequest::get().uri("/path/a").insert_header(("x-men-requestid", "two words"));
        let response = call(&app, strange.to_request()).await;
        assert_eq!(header(&response, "x-men-requestid").len(), 36);
    }

    #[tokio::test]
    async fn leading_slashes_count_as_one() {
        let app = app().await;
        for uri in ["/path/a?b=c", "//path/a?b=c", "///path/a"] {
            let response = call(&app, TestRequest::get().uri(uri).to_request()).await;
            assert_eq!(response.status(), 200, "{uri}");
            assert_eq!(read_body(response).await, "/path/a");
        }
        let response = call(&app, TestRequest::get().uri("/path//a").to_request()).await;
        assert_eq!(response.status(), 404);
    }

    #[tokio::test]
    async fn unknown_routes_and_methods_are_refused_in_our_words() {
        let app = app().await;
        let response = call(&app, TestRequest::get().uri("/nowhere").to_request()).await;
        assert_eq!(response.status(), 404);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(json(response).await["error"], "not found");
        let wrong = TestRequest::default().method(Method::DELETE).uri("/path/a").to_request();
        let response = call(&app, wrong).await;
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
        assert_eq!(call(&app, ask(194)).await.status(), 200);
        let response = call(&app, ask(195)).await;
        assert_eq!(response.status(), 414);
        let body = json(response).await;
        assert_eq!(body["code"], "uri_too_long");
        assert!(body["request_id"].is_string());
    }

    #[tokio::test]
    async fn an_empty_refusal_stays_empty() {
        let app = app().await;
        let response = call(&app, TestRequest::get().uri("/refused").to_request()).await;
        assert_eq!((response.status().as_u16(), header(&response, "x-error-code")), (401, "unauthenticated"));
        assert!(read_body(response).await.is_empty());
    }
}
