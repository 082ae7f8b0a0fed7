#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| oss_valet_fuzz::run("ticket", data));
