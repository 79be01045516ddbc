//! What is remembered, made durable.
