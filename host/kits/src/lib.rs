//! Plugin projects: how they begin, how they are built, and what they have from the contract, made of `wit/`
//! and never written twice.
//!
//! | module | what is in it |
//! |---|---|
//! | [`language`] | the languages that have a kit, and which one a project is in |
//! | [`new`] | new projects, made of the hello plugins |
//! | [`build`](mod@build) | the tool chain of each language: from a project to a component |
//! | [`embedded`] | the hello plugins, kits and contract that projects are made of |
//! | [`contract`] | the contract and a plugin's world, read |
//! | [`reference`](mod@reference) | the contract as a page |
//! | [`typescript`] | declarations for JavaScript and TypeScript |
//! | [`c`] | bindings for C |
//! | [`go`] | bindings for Go |
//! | [`component`] | a component of a module |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod build;
pub mod c;
pub mod component;
pub mod contract;
pub mod embedded;
pub mod go;
pub mod language;
pub mod new;
pub mod reference;
pub mod typescript;

pub use build::{BuildError, build};
pub use language::Language;
pub use new::{NewProject, ProjectError};
