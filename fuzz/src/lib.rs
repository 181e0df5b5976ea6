//! A fuzz target for each kind of input (`properties`): libFuzzer chooses what to go on with, and the
//! kind's own mutations make the next input of it.

#[path = "../properties/mod.rs"]
pub mod properties;

use self::properties::Kind;
use self::properties::mutation::Numbers;

/// A target's fuzzing and mutation.
#[macro_export]
macro_rules! target {
    ($kind:ident) => {
        libfuzzer_sys::fuzz_target!(
            // A panic that is caught is none; what is not caught ends the run anyway.
            init: {
                let _ = std::panic::take_hook();
            },
            |data: &[u8]| {
                ($crate::properties::$kind::KIND.hold)(data);
            }
        );
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            $crate::mutate(&$crate::properties::$kind::KIND, data, size, most, seed)
        });
    };
}

/// The next input, in the place of the one in `data`. Now and then it begins with a seed.
pub fn mutate(kind: &Kind, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut numbers = Numbers::new(u64::from(seed) << 16);
    // The first numbers of two neighbouring seeds look alike.
    for _ in 0..8 {
        numbers.below(1);
    }
    let next = if size < 2 || numbers.below(32) == 0 {
        let seeds = (kind.seeds)();
        let seed = seeds[numbers.below(seeds.len())].as_bytes();
        match numbers.below(2) {
            0 => seed.to_vec(),
            _ => (kind.mutate)(seed, &mut numbers),
        }
    } else if numbers.below(8) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    } else {
        (kind.mutate)(&data[..size], &mut numbers)
    };
    let size = next.len().min(most);
    data[..size].copy_from_slice(&next[..size]);
    size
}
