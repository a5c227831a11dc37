//! The audit trail of a tenant (management API §5).

use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::timestamp;
use crate::audit::{ActorKind, ObjectKind, Record, TrailFilter};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::users::Permission;

/// Records in one file, unless fewer are asked for.
const EXPORT_MAX: u64 = 20_000;

/// May see who did what.
pub struct ReadAudit;
impl Requires for ReadAudit {
    const PERMISSION: Permission = Permission::AuditRead;
}

/// A record, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AuditRecordBody {
    actor: AuditActorBody,
    time: String,
    action: String,
    object: AuditObjectBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    /// `success` or `refused`.
    outcome: String,
    /// Its place in the trail.
    sequence: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The SHA-256 of the record before, in hex; the trail's first follows 64 zeros.
    previous_hash: String,
    /// The SHA-256 of this record, in hex.
    hash: String,
}

/// Who did it.
#[derive(Serialize, utoipa::ToSchema)]
struct AuditActorBody {
    id: String,
    /// `user`, `device` or `system`.
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The session or token that the user came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

/// What it was done to, and what people call it.
#[derive(Serialize, utoipa::ToSchema)]
struct AuditObjectBody {
    id: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<AuditUserBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<AuditDeploymentBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<AuditArtifactBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<AuditDeviceBody>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuditUserBody {
    email: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuditDeploymentBody {
    name: String,
    artifact_name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuditArtifactBody {
    name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuditDeviceBody {
    /// JSON text.
    identity_data: String,
}

impl From<Record> for AuditRecordBody {
    fn from(record: Record) -> Self {
        let actor = AuditActorBody {
            id: record.actor_id,
            r#type: record.actor_kind,
            email: record.actor_email,
            credential: record.credential,
        };
        let label = record.object_label.unwrap_or_default();
        let is = |kind: ObjectKind| record.object_kind == kind.as_str();
        let object = AuditObjectBody {
            user: is(ObjectKind::User).then(|| AuditUserBody { email: label.clone() }),
            deployment: is(ObjectKind::Deployment).then(|| AuditDeploymentBody {
                name: label.clone(),
                artifact_name: record.object_detail.clone().unwrap_or_default(),
            }),
            artifact: is(ObjectKind::Artifact).then(|| AuditArtifactBody { name: label.clone() }),
            device: is(ObjectKind::Device).then(|| AuditDeviceBody { identity_data: label.clone() }),
            id: record.object_id,
            r#type: record.object_kind,
        };
        Self {
            actor,
            time: timestamp(record.at),
            action: record.action,
            object,
            change: record.change,
            outcome: record.outcome,
            sequence: record.sequence,
            request_id: record.request_id,
            address: record.address,
            previous_hash: record.previous.to_string(),
            hash: record.hash.to_string(),
        }
    }
}

/// Lists who did what, newest first.
#[utoipa::path(
    get,
    path = "/api/management/v1/auditlogs/logs",
    tag = "Management API: audit",
    params(
        ("created_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("created_before" = Option<i64>, Query, description = "Seconds since 1970"),
        ("actor_id" = Option<Vec<String>>, Query, description = "By any of these"),
        ("actor_type" = Option<String>, Query, description = "user, device or system"),
        ("actor_email" = Option<String>, Query, description = "The address that the user had then"),
        ("object_id" = Option<String>, Query, description = "Of this"),
        ("object_type" = Option<String>, Query, description = "user, deployment, artifact, device, tenant, role, …"),
        ("object_deployment_name" = Option<String>, Query, description = "Of deployments of this name"),
        ("sort" = Option<String>, Query, description = "asc or desc, by time"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Records", body = [AuditRecordBody]),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadAudit>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = (filter(&query)?, query.page(MAX_PER_PAGE)?);
    let (records, total) = caller.audit_trail().list(&filter, page).await.map_err(storage_failure)?;
    let items: Vec<AuditRecordBody> = records.into_iter().map(AuditRecordBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// The same as a file: CSV for spreadsheets, or a JSON object in each line.
#[utoipa::path(
    get,
    path = "/api/management/v1/auditlogs/logs/export",
    tag = "Management API: audit",
    params(
        ("created_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("created_before" = Option<i64>, Query, description = "Seconds since 1970"),
        ("actor_id" = Option<Vec<String>>, Query, description = "By any of these"),
        ("actor_type" = Option<String>, Query, description = "user, device or system"),
        ("actor_email" = Option<String>, Query, description = "The address that the user had then"),
        ("object_id" = Option<String>, Query, description = "Of this"),
        ("object_type" = Option<String>, Query, description = "user, deployment, artifact, device, tenant, role, …"),
        ("object_deployment_name" = Option<String>, Query, description = "Of deployments of this name"),
        ("sort" = Option<String>, Query, description = "asc or desc, by time"),
        ("limit" = Option<u64>, Query, description = "Records, at most 20000"),
        ("format" = Option<String>, Query, description = "csv, or json for a JSON object in each line"),
        ("format_separator" = Option<String>, Query, description = "Between the columns of CSV: one ASCII character"),
    ),
    responses(
        (status = 200, description = "A file", content(
            (String = "text/csv; charset=utf-8"),
            (String = "application/x-ndjson"),
        )),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn export(caller: AuthedUser<ReadAudit>, query: Query) -> Result<HttpResponse, ApiError> {
    let filter = filter(&query)?;
    let is_json = match query.get("format") {
        None | Some("csv") => false,
        Some("json") => true,
        Some(other) => return Err(malformed(&format!("format: {other:?} is neither csv nor json"))),
    };
    let separator = separator(query.get("format_separator"))?;
    let limit = query.parse::<u64>("limit")?.unwrap_or(EXPORT_MAX);
    if limit == 0 || limit > EXPORT_MAX {
        return Err(malformed(&format!("limit: 1 to {EXPORT_MAX}")));
    }
    let records = caller.audit_trail().export(&filter, limit).await.map_err(storage_failure)?;
    let (name, kind, body) = if is_json {
        ("audit.jsonl", "application/x-ndjson", lines(records)?)
    } else {
        ("audit.csv", "text/csv; charset=utf-8", table(records, separator)?)
    };
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.to_owned())],
    };
    Ok(HttpResponse::Ok().content_type(kind).insert_header((CONTENT_DISPOSITION, disposition)).body(body))
}

fn lines(records: Vec<Record>) -> Result<Vec<u8>, ApiError> {
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, &AuditRecordBody::from(record)).map_err(ApiError::internal)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn table(records: Vec<Record>, separator: u8) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    let columns = [
        "sequence",
        "time",
        "action",
        "outcome",
        "actor_type",
        "actor_id",
        "actor_email",
        "object_type",
        "object_id",
        "object_name",
        "change",
        "address",
        "request_id",
        "hash",
    ];
    writer.write_record(columns).map_err(ApiError::internal)?;
    for record in records {
        let fields = [
            record.sequence.to_string(),
            timestamp(record.at),
            record.action,
            record.outcome,
            record.actor_kind,
            record.actor_id,
            record.actor_email.unwrap_or_default(),
            record.object_kind,
            record.object_id,
            record.object_label.unwrap_or_default(),
            record.change.unwrap_or_default(),
            record.address.unwrap_or_default(),
            record.request_id.unwrap_or_default(),
            record.hash.to_string(),
        ];
        writer.write_record(fields.map(inert)).map_err(ApiError::internal)?;
    }
    writer.into_inner().map_err(|err| ApiError::internal(err.to_string()))
}

/// A text that no spreadsheet takes for a formula.
fn inert(field: String) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{field}") } else { field }
}

fn separator(text: Option<&str>) -> Result<u8, ApiError> {
    match text.map(str::as_bytes) {
        None => Ok(b','),
        Some([byte]) if byte.is_ascii_punctuation() && !matches!(byte, b'"' | b'\'') || *byte == b'\t' => {
            Ok(*byte)
        }
        Some(_) => Err(malformed("format_separator: one ASCII character that is no letter, digit or quote")),
    }
}

fn filter(query: &Query) -> Result<TrailFilter, ApiError> {
    let actor_kind = match query.get("actor_type") {
        None | Some("") => None,
        Some("user") => Some(ActorKind::User),
        Some("device") => Some(ActorKind::Device),
        Some("system") => Some(ActorKind::System),
        Some(other) => return Err(malformed(&format!("actor_type: {other:?} is none"))),
    };
    let oldest_first = match query.get("sort") {
        None | Some("" | "desc") => false,
        Some("asc") => true,
        Some(other) => return Err(malformed(&format!("sort: {other:?} is neither asc nor desc"))),
    };
    Ok(TrailFilter {
        after: query.moment("created_after")?,
        before: query.moment("created_before")?,
        actor_ids: query.all("actor_id").filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        actor_kind,
        actor_email: given(query, "actor_email").map(str::to_ascii_lowercase),
        object_id: given(query, "object_id").map(str::to_owned),
        object_kind: match given(query, "object_type") {
            None => None,
            Some(text) => {
                let kind = text.parse::<ObjectKind>();
                Some(kind.map_err(|err| malformed(&format!("object_type: {text:?} is {err}")))?)
            }
        },
        deployment_name: given(query, "object_deployment_name").map(str::to_owned),
        oldest_first,
    })
}

/// A parameter with a value: consoles send empty ones.
fn given<'a>(query: &'a Query, key: &'a str) -> Option<&'a str> {
    query.get(key).filter(|value| !value.is_empty())
}

fn malformed(what: &str) -> ApiError {
    ApiError::new(Code::BadRequest, what)
}

#[cfg(test)]
mod tests {
    use super::{inert, separator};

    #[test]
    fn formulas_become_text() {
        for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(inert(formula.to_owned()), format!("'{formula}"));
        }
        assert_eq!(inert("devices: 1 -> 0".to_owned()), "devices: 1 -> 0");
    }

    #[test]
    fn separators_are_one_character_of_none_of_the_fields() {
        assert_eq!(separator(None).unwrap(), b',');
        assert_eq!(separator(Some(";")).unwrap(), b';');
        assert_eq!(separator(Some("\t")).unwrap(), b'\t');
        for text in ["", ";;", "a", "1", "\"", "\n", "ä"] {
            assert!(separator(Some(text)).is_err(), "{text:?}");
        }
    }
}
