//! The real pipeline in a simulated world, from a seed: hosts are killed wherever they await
//! something, commits fail and are torn, the ERP loses answers, the clock jumps, callbacks come
//! twice and in any order. When all that stops and the world has come to rest, the promises have to
//! hold.
//!
//! Nothing here is left to real time or real chance, so a seed gives the same run again and again.
//!
//! | module | what is in it |
//! |---|---|
//! | [`world`] | one run: sender, hosts, clock |
//! | [`properties`] | what has to hold |
//! | [`mutation`] | broken hosts, which the simulation has to notice |
//! | [`journal`] | the `Journal` port on a disk that survives crashes |
//! | [`erp`] | the `Connector` port and the ERP behind it |
//! | [`plugins`] | the `Sandbox` port and the plugins in it |
//! | [`callbacks`] | what MasonHub sends, and when |
//! | `operator` | replays, settles, discards |
//! | [`faults`], [`life`], [`clock`], [`chance`] | what goes wrong, and when |
//! | [`trace`] | what happened |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod callbacks;
pub mod chance;
pub mod clock;
pub mod erp;
pub mod faults;
pub mod journal;
pub mod life;
pub mod mutation;
mod operator;
pub mod plugins;
pub mod properties;
pub mod trace;
pub mod world;
