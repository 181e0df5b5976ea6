# The commands of everyday work. `just` alone lists them; scripts/check holds what CI runs too.

_default:
    @just --list --unsorted

# Make the demo company in ./fitout-demo and set it up
demo *ARGS:
    cargo run --release -- demo {{ ARGS }}

# Format the code
format:
    cargo fmt

# What must pass before a commit: format, lint and the tests that need no Docker
check:
    scripts/check format
    scripts/check lint
    scripts/check test

# The tests that need no Docker, or some of them
test *ARGS:
    cargo test --locked {{ ARGS }}

# The tests that need a Docker Engine; installs and starts one on Debian, as root
test-docker:
    scripts/check docker

# Everything that CI runs
ci:
    .ci/run

# Licences, sources and known holes of the dependencies; needs cargo-deny
deny:
    cargo deny check
