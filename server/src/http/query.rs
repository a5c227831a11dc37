//! Query strings: repeated keys, numbers, pages.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, Utc};

use super::error::{ApiError, Code};
use crate::storage::{Direction, Page};

/// Rows in a part of a list unless the caller says otherwise (management API §0.1).
pub const DEFAULT_PER_PAGE: u64 = 20;

/// Rows that a caller may ask for at once.
pub const MAX_PER_PAGE: u64 = 500;

/// Parameters that a query may have: some hundred ids are the most that anybody asks for.
const MAX_PARAMETERS: usize = 1_000;

/// The parameters of a query string, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The first value of a parameter; an empty one counts as absent.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).find(|value| !value.is_empty())
    }

    /// The first value of a parameter, parsed.
    pub fn parse<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, ApiError> {
        self.get(key).map(|value| value.parse().map_err(|_| invalid(key, value))).transpose()
    }

    /// All values of a parameter, parsed.
    pub fn parse_all<T: std::str::FromStr>(&self, key: &str) -> Result<Vec<T>, ApiError> {
        self.all(key).map(|value| value.parse().map_err(|_| invalid(key, value))).collect()
    }

    /// A moment given in seconds since 1970.
    pub fn moment(&self, key: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        let seconds: Option<i64> = self.parse(key)?;
        seconds
            .map(|seconds| {
                DateTime::from_timestamp(seconds, 0).ok_or_else(|| invalid(key, &seconds.to_string()))
            })
            .transpose()
    }

    /// The part of a list that is asked for.
    pub fn page(&self, max_per_page: u64) -> Result<Page, ApiError> {
        let page = self.count("page")?.unwrap_or(1);
        let per_page = self.count("per_page")?.unwrap_or_else(|| DEFAULT_PER_PAGE.min(max_per_page));
        if per_page > max_per_page {
            let message = format!("parameter \"per_page\" above limit (max: {max_per_page})");
            return Err(ApiError::new(Code::BadRequest, message));
        }
        Ok(Page { page, per_page })
    }

    /// The part of a list of artifacts or releases: there a wrong number counts as none (management API §0.1).
    #[must_use]
    pub fn lenient_page(&self, max_per_page: u64) -> Page {
        let per_page = self.count("per_page").ok().flatten().filter(|per_page| *per_page <= max_per_page);
        Page {
            page: self.count("page").ok().flatten().unwrap_or(1),
            per_page: per_page.unwrap_or(DEFAULT_PER_PAGE),
        }
    }

    /// What `sort=KEY:DIRECTION` asks for; the direction may be missing.
    #[must_use]
    pub fn sort(&self) -> Option<(&str, Option<Direction>)> {
        let value = self.get("sort")?;
        Some(match value.rsplit_once(':') {
            Some((key, "asc")) => (key, Some(Direction::Ascending)),
            Some((key, "desc")) => (key, Some(Direction::Descending)),
            Some(_) | None => (value, None),
        })
    }

    fn count(&self, key: &str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.all(key).next() else { return Ok(None) };
        let number: i64 = value.parse().map_err(|_| invalid(key, value))?;
        u64::try_from(number).ok().filter(|number| *number > 0).map(Some).ok_or_else(|| {
            let message =
                format!("invalid {key} query: {value:?}: value must be a non-zero positive integer");
            ApiError::new(Code::BadRequest, message)
        })
    }
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()))
    }
}

pub(super) fn parse(text: &str) -> Result<Query, ApiError> {
    let malformed = |why: String| ApiError::new(Code::BadRequest, format!("the query is malformed: {why}"));
    let parsed = web::Query::<Vec<(String, String)>>::from_query(text);
    let pairs = parsed.map_err(|err| malformed(err.to_string()))?.into_inner();
    if pairs.len() > MAX_PARAMETERS {
        return Err(malformed(format!("it has more than {MAX_PARAMETERS} parameters")));
    }
    // PostgreSQL text holds no NUL, so nothing is there to be found.
    if pairs.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
        return Err(malformed("it holds a NUL".to_owned()));
    }
    Ok(Query(pairs))
}

fn invalid(key: &str, value: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("invalid {key} query: {value:?}"))
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::Query;
    use crate::storage::{Direction, Page};

    async fn query(text: &str) -> Query {
        Query::extract(&TestRequest::with_uri(&format!("/?{text}")).to_http_request()).await.unwrap()
    }

    #[tokio::test]
    async fn pages_have_defaults_and_bounds() {
        assert_eq!(query("").await.page(500).unwrap(), Page { page: 1, per_page: 20 });
        assert_eq!(query("page=3&per_page=500").await.page(500).unwrap(), Page { page: 3, per_page: 500 });
        for text in ["page=0", "page=-1", "page=x", "per_page=501", "per_page=99999999999999999999", "page="]
        {
            assert!(query(text).await.page(500).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn wrong_pages_can_count_as_none() {
        assert_eq!(query("page=2&per_page=50").await.lenient_page(500), Page { page: 2, per_page: 50 });
        for text in ["", "per_page=501", "page=0&per_page=-1", "page=x&per_page="] {
            assert_eq!(query(text).await.lenient_page(500), Page { page: 1, per_page: 20 }, "{text}");
        }
    }

    #[tokio::test]
    async fn a_sort_is_a_key_and_a_direction() {
        assert_eq!(query("sort=name:desc").await.sort(), Some(("name", Some(Direction::Descending))));
        assert_eq!(query("sort=a:b:asc").await.sort(), Some(("a:b", Some(Direction::Ascending))));
        assert_eq!(query("sort=name").await.sort(), Some(("name", None)));
        assert_eq!(query("sort=").await.sort(), None);
    }

    #[tokio::test]
    async fn keys_may_repeat() {
        let query = query("id=a&status=&id=b%20c").await;
        assert_eq!(query.all("id").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(query.get("status"), None);
        assert!(query.parse::<u32>("id").is_err());
    }

    #[tokio::test]
    async fn parameters_are_counted() {
        assert_eq!(query(&"a&".repeat(1_000)).await.iter().count(), 1_000);
        let request = TestRequest::with_uri(&format!("/?{}", "a&".repeat(1_001))).to_http_request();
        assert!(Query::extract(&request).await.is_err());
    }

    #[tokio::test]
    async fn a_nul_is_refused() {
        for text in ["name=a%00b", "a%00=b"] {
            let request = TestRequest::with_uri(&format!("/?{text}")).to_http_request();
            assert!(Query::extract(&request).await.is_err(), "{text}");
        }
    }
}
