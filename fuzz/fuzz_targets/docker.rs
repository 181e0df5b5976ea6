#![no_main]

fitout_fuzz::target!(docker);
