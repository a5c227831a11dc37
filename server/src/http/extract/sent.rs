//! Bodies of users.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use super::{AuthedUser, Requires};
use crate::http::error::ApiError;
use crate::http::json::Json;

/// A caller, proven to hold permission `P`, and then what it sent: nothing is read from who may not send it.
pub struct Sent<P, T>(pub AuthedUser<P>, pub T);

impl<P: Requires + 'static, T: DeserializeOwned + 'static> FromRequest for Sent<P, T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = AuthedUser::from_request(request, payload);
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = caller.await?;
            let Json(body) = Json::<T>::from_request(&request, &mut payload).await?;
            Ok(Self(caller, body))
        })
    }
}
