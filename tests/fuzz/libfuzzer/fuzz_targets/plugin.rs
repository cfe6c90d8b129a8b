#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mortar_fuzz::plugin::check(data));
