//! One file for each page and the buttons on it.

pub(super) mod connections;
pub(super) mod dead;
pub(super) mod delivery;
pub(super) mod event;
pub(super) mod events;
pub(super) mod login;
pub(super) mod overview;
pub(super) mod plugins;
pub(super) mod round_trips;
pub(super) mod set_aside;
pub(super) mod setup;
