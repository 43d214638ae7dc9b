//! The `tagwatch` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tagwatch::app::main()
}
