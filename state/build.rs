//! Makes Rust of `proto/`, without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(
        ["records.proto", "step.proto", "trigger.proto", "reservation.proto"],
        ["proto"],
    )?;
    // Ordered, so that a record is the same bytes each time.
    prost_build::Config::new().btree_map(["."]).compile_fds(files)?;
    Ok(())
}
