//! client-sim
