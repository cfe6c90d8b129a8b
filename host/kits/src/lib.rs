//! What the author kits have from the contract, made of `wit/` and never written twice.
//!
//! | module | what it makes |
//! |---|---|
//! | [`contract`] | the contract, read; and laid out for tools |
//! | [`typescript`] | declarations for JavaScript and TypeScript |

pub mod contract;
pub mod typescript;
