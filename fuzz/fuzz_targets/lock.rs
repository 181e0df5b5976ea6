#![no_main]

fitout_fuzz::target!(lock);
