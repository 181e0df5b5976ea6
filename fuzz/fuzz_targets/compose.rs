#![no_main]

fitout_fuzz::target!(compose);
