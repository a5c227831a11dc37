//! Artifacts are made of files (management API §4.1).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::artifact_upload::{UploadArtifacts, place};
use super::upload_form::{self, MAX_FIELD_BYTES, MAX_FIELDS};
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedUser;
use crate::http::shared_payload::SharedPayload;
use crate::ids::ArtifactId;
use crate::releases::{GenerateError, Recipe, Releases};

/// The only kind of artifact that is made.
const SINGLE_FILE: &str = "single_file";

/// The form of what an artifact is made of; the file is its last part.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "names the parts in the description")]
pub struct GenerateForm {
    /// The artifact's name.
    name: String,
    /// What is said of it.
    description: Option<String>,
    /// How many bytes the file has.
    size: Option<u64>,
    /// Device types, parted by commas.
    device_types_compatible: String,
    /// `single_file`.
    #[schema(rename = "type")]
    kind: String,
    /// JSON: `filename` and `dest_dir`, and if it has to be so `software_filesystem`, `software_name`,
    /// `software_version`.
    args: String,
    /// The file.
    #[schema(format = Binary)]
    file: String,
}

/// Where the file goes on the device.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SingleFileArgs {
    filename: String,
    dest_dir: String,
    software_filesystem: Option<String>,
    software_name: Option<String>,
    software_version: Option<String>,
}

/// Makes an artifact of one file, which the update module `single-file` puts into its place on a device. It is not signed.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/artifacts/generate",
    tag = "Management API: artifacts",
    request_body(content = GenerateForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Made; `Location` names it after a part `generate`, the body is empty"),
        (status = 400, description = "No file, a malformed form, or nothing that an artifact can be made of"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 408, description = "The body did not arrive in time"),
        (status = 409, description = "An artifact of this name fits the same devices: `metadata.conflict`"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not a form"),
        (status = 422, description = "The signature policy refuses what is not signed"),
        (status = 503, description = "Too many uploads at once: try again later"),
        (status = 507, description = "No room is left"),
    ),
    security(("user" = []))
)]
pub async fn generate(
    caller: Result<AuthedUser<UploadArtifacts>, ApiError>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = SharedPayload::of(&request, payload);
    let outcome = match caller {
        Ok(caller) => match place(&caller) {
            Ok(_place) => {
                let max_bytes = caller.limits().max_artifact_bytes;
                receive(&caller.releases(), max_bytes, &request, body.clone()).await
            }
            Err(refused) => Err(refused),
        },
        Err(refused) => Err(refused),
    };
    body.drain().await;
    // Consoles take `generate` out of this, and ask there until it is there (management API §4.1).
    let location = format!("{}/{}", request.path().trim_end_matches('/'), outcome?);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

async fn receive(
    releases: &Releases,
    max_bytes: u64,
    request: &HttpRequest,
    body: SharedPayload,
) -> Result<ArtifactId, ApiError> {
    let mut form = upload_form::open(request, body)?;
    let (mut recipe, mut kind) = (Recipe::default(), String::new());
    for _ in 0..MAX_FIELDS {
        let mut part = upload_form::next_part(&mut form).await?.ok_or_else(no_file)?;
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            require_single_file(&kind)?;
            let mut file = releases.generate(recipe, max_bytes).await?;
            while let Some(chunk) = upload_form::next_chunk(&mut part).await? {
                file = file.write(chunk).await?;
            }
            return Ok(file.finish().await?);
        }
        if !["name", "description", "device_types_compatible", "type", "args"].contains(&name.as_str()) {
            upload_form::skip(&mut part).await?;
            continue;
        }
        let text = upload_form::text(&name, &mut part, MAX_FIELD_BYTES).await?;
        match name.as_str() {
            "name" => recipe.name = text,
            "description" => recipe.description = text,
            "type" => kind = text,
            "args" => recipe = with_args(recipe, &text)?,
            _ => {
                let types = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                recipe.device_types = types.map(str::to_owned).collect();
            }
        }
    }
    Err(ApiError::new(Code::BadRequest, format!("more than {MAX_FIELDS} fields before the file")))
}

fn with_args(recipe: Recipe, text: &str) -> Result<Recipe, ApiError> {
    let args: SingleFileArgs = serde_json::from_str(text).map_err(|err| {
        ApiError::new(Code::BadRequest, format!("args: not the JSON that is expected: {err}"))
    })?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Recipe {
        file_name: args.filename,
        folder: args.dest_dir,
        software_filesystem: given(args.software_filesystem),
        software_name: given(args.software_name),
        software_version: given(args.software_version),
        ..recipe
    })
}

fn require_single_file(kind: &str) -> Result<(), ApiError> {
    if kind == SINGLE_FILE {
        return Ok(());
    }
    let kind: String = kind.chars().take(64).collect();
    Err(ApiError::new(Code::BadRequest, format!("type: {kind:?} is not {SINGLE_FILE:?}")))
}

fn no_file() -> ApiError {
    ApiError::new(Code::BadRequest, "the form has no part \"file\"")
}

impl From<GenerateError> for ApiError {
    fn from(err: GenerateError) -> Self {
        match err {
            GenerateError::Recipe(_) | GenerateError::Refused(_) => {
                Self::new(Code::BadRequest, err.to_string())
            }
            GenerateError::Upload(err) => err.into(),
        }
    }
}
