//! temp
use tagwatch::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a[1] == "sim" { let o = simulate::Options::new(a[3].parse().unwrap()); let mut out = std::io::BufWriter::with_capacity(1<<20, std::io::stdout()); simulate::write(simulate::scenario(&a[2], &o).unwrap(), &mut out).unwrap(); }
}
