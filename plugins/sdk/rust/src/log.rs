//! Lines for the operator, kept with the attempt: `log::info!("{} parcels", order.parcels.len())`.
//!
//! Never log credentials or a customer's personal data.

pub use crate::bindings::mortar::plugin::log::Level;
#[doc(inline)]
pub use crate::{__log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn};

/// Keeps one line; what the macros call. Outside a host it does nothing, so that native tests run.
pub fn line(level: Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        crate::bindings::mortar::plugin::log::log(level, message);
    }
}

/// Detail for the author; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($words:tt)+) => { $crate::log::line($crate::log::Level::Debug, &::std::format!($($words)+)) };
}

/// What the plugin did; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($words:tt)+) => { $crate::log::line($crate::log::Level::Info, &::std::format!($($words)+)) };
}

/// Something odd that did not stop the plugin; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($words:tt)+) => { $crate::log::line($crate::log::Level::Warn, &::std::format!($($words)+)) };
}

/// Something that an operator has to look at; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($words:tt)+) => { $crate::log::line($crate::log::Level::Error, &::std::format!($($words)+)) };
}
