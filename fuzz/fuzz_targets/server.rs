#![no_main]

fitout_fuzz::target!(server);
