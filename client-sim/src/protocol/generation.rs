//! The two generations of clients that are in the field.

/// Whose habits a simulated device has on the wire (device protocol §2.3, §6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Generation {
    /// As client 3.4.0: one kept-alive API connection, chunked bodies, `downloading` reported three times.
    #[default]
    V3,
    /// As clients 5.x: a new connection and TLS handshake for every request, each report once.
    V5,
}
