//! artifact-tool
