//! What the author kits have from the contract, made of `wit/` and never written twice.
//!
//! | module | what it makes |
//! |---|---|
//! | [`contract`] | the contract and a plugin's world, read |
//! | [`reference`] | the contract as a page |
//! | [`typescript`] | declarations for JavaScript and TypeScript |
//! | [`c`] | bindings for C |
//! | [`go`] | bindings for Go |
//! | [`component`] | a component of a module |

pub mod c;
pub mod component;
pub mod contract;
pub mod go;
pub mod reference;
pub mod typescript;
