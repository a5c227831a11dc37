//! Signing of a finished artifact.
