//! Every code that a client can see, one row each.

use actix_web::http::StatusCode;

/// The status of this name; one is not in the registry of HTTP.
macro_rules! status {
    // tus 1.0.0, Checksum.
    (CHECKSUM_MISMATCH) => {
        StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
    };
    ($name:ident) => {
        StatusCode::$name
    };
}

/// Makes the table of codes: a variant, the status that it goes with, and its name on the wire.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident $status:ident $name:literal;)+) => {
        /// A refusal, as programs read it. Codes are API: append only, never renamed.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The status that the code goes with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => status!($status),)+
                }
            }
        }
    };
}

error_codes! {
    // Of all front doors.
    /// Malformed request.
    BadRequest BAD_REQUEST "bad_request";
    /// No valid proof of who is asking.
    Unauthenticated UNAUTHORIZED "unauthenticated";
    /// Known, but not allowed.
    PermissionDenied FORBIDDEN "permission_denied";
    /// There is no such thing, or the caller may not know of it.
    NotFound NOT_FOUND "not_found";
    /// The thing is there, but does not do that.
    MethodNotAllowed METHOD_NOT_ALLOWED "method_not_allowed";
    /// The body did not arrive in time.
    RequestTimeout REQUEST_TIMEOUT "request_timeout";
    /// The state of the thing forbids it.
    Conflict CONFLICT "conflict";
    /// It is not any more what the caller has seen (RFC 9110 §13.1.1).
    EditionMismatch PRECONDITION_FAILED "edition_mismatch";
    /// The body is larger than is taken.
    PayloadTooLarge PAYLOAD_TOO_LARGE "payload_too_large";
    /// The body is of a type that is not taken.
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    /// Well-formed, but not acceptable.
    Unprocessable UNPROCESSABLE_ENTITY "unprocessable";
    /// Too many requests from here.
    RateLimited TOO_MANY_REQUESTS "rate_limited";
    /// Something of ours is broken.
    Internal INTERNAL_SERVER_ERROR "internal";
    /// Too busy, or something that is needed is away.
    Unavailable SERVICE_UNAVAILABLE "unavailable";
    /// The disk is full.
    InsufficientStorage INSUFFICIENT_STORAGE "insufficient_storage";
    /// The head of the request is larger than is taken.
    HeaderTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "header_too_large";
    /// Path and query are longer than is taken.
    UriTooLong URI_TOO_LONG "uri_too_long";

    /// The link has ended, or is not for this.
    LinkRefused FORBIDDEN "link_refused";

    // Of users (user authentication §1, §4, §10).
    /// There is no user yet: make the first one.
    SetupRequired SERVICE_UNAVAILABLE "setup_required";
    /// The password is right, and a code of the second factor is needed.
    SecondFactorNeeded UNAUTHORIZED "2fa_required";
    /// The password is right; the code is wrong, or was used before.
    SecondFactorWrong UNAUTHORIZED "2fa_invalid";
    /// The password is right; too many codes were wrong.
    SecondFactorBlocked UNAUTHORIZED "2fa_blocked";
    /// A second factor has to be set up before anything else.
    SecondFactorSetUp FORBIDDEN "2fa_setup_required";
    /// The caller has to prove again who it is (RFC 9470).
    StepUpRequired FORBIDDEN "step_up_required";
    /// The session stands, and the code is wrong: a 401 would end it for clients (management API §0).
    SecondFactorRefused BAD_REQUEST "2fa_invalid";

    // Of devices that authenticate (device identity §3.3).
    /// The request is not signed.
    MissingSignature BAD_REQUEST "missing_signature";
    /// The public key is malformed or of a kind that is not verified.
    BadPubkey BAD_REQUEST "bad_pubkey";
    /// The public key is too weak.
    WeakPubkey BAD_REQUEST "weak_pubkey";
    /// The signature is not one by this key over this body.
    BadSignature UNAUTHORIZED "bad_signature";
    /// Nobody has accepted the device yet.
    Pending UNAUTHORIZED "pending";
    /// An administrator said no.
    Rejected UNAUTHORIZED "rejected";
    /// No further device may be accepted.
    DeviceLimit UNAUTHORIZED "device_limit";
    /// The token that a device names its tenant by is not one of this server, or not any more.
    UnknownTenantToken UNAUTHORIZED "unknown_tenant_token";
    /// Neither devices nor members of the tenant get in.
    TenantSuspended UNAUTHORIZED "tenant_suspended";
    /// Too many devices wait for acceptance.
    TooManyPending TOO_MANY_REQUESTS "too_many_pending";

    // Of signatures on artifacts.
    /// The artifact is not signed, and has to be.
    SignatureRequired UNPROCESSABLE_ENTITY "signature_required";
    /// No trusted key signed the artifact.
    SignatureUntrusted UNPROCESSABLE_ENTITY "signature_untrusted";
    /// The key that signed the artifact is revoked.
    KeyRevoked UNPROCESSABLE_ENTITY "key_revoked";
    /// The key that signed the artifact is not valid at this time.
    KeyNotValid UNPROCESSABLE_ENTITY "key_not_valid";

    // Of uploads in parts (tus 1.0.0).
    /// The protocol is not spoken in this version.
    UnsupportedTusVersion PRECONDITION_FAILED "unsupported_tus_version";
    /// The part begins elsewhere than the upload ends.
    OffsetMismatch CONFLICT "offset_mismatch";
    /// The bytes of the part are not those that were sent.
    ChecksumMismatch CHECKSUM_MISMATCH "checksum_mismatch";
    /// Another part of the upload is arriving.
    UploadLocked LOCKED "upload_locked";
    /// The time of the upload is over.
    UploadGone GONE "upload_gone";
    /// Too many uploads, or bytes of them, are not finished.
    TooManyUploads TOO_MANY_REQUESTS "too_many_uploads";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Code;

    #[test]
    fn status_and_name_together_are_unique() {
        let rows: BTreeSet<_> = Code::ALL.iter().map(|code| (code.status(), code.as_str())).collect();
        assert_eq!(rows.len(), Code::ALL.len());
    }

    #[test]
    fn names_are_fit_for_a_header() {
        for code in Code::ALL {
            let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(code.as_str().bytes().all(is_fit), "{}", code.as_str());
        }
    }
}
