//! HTTP interface of Fasti: native dialect, event streams and the page.
//!
//! Requests become commands for the engine or questions to the views; nothing is decided here. Start with
//! [`serve`]; `service` is what every request passes, `routes` the way to the handlers, `dialects/native` the
//! handlers with their wire types and the maps between these and the domain.

mod ask;
mod auth;
mod blobs;
mod body;
mod call;
mod codes;
mod config;
mod connection;
mod containers;
mod dialects;
mod environments;
mod errors;
mod figures;
mod files;
mod groups;
mod guard;
mod leftover;
mod logins;
mod objects;
mod openapi;
mod page;
mod query;
mod replays;
mod routes;
mod server;
mod service;
mod session;
mod signing;
mod stream;
mod table;
mod trace;
mod webhook;
mod written;
mod zipped;

pub use config::{
    ApiConfig, ApiParts, Deliver, Delivered, Delivery, Predictions, Predictor, RebuildViews,
    WebhookKeys,
};
pub use containers::Containers;
pub use dialects::rescale_htc::{ImageRule, RescaleConfig};
pub use environments::{Environment, Environments, Stage};
pub use errors::{Code, FieldError, ProblemDocument};
pub use openapi::openapi_json;
pub use server::{ApiError, serve};
pub use signing::SigningKey;
