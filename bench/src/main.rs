//! `segbench`: measures what a router forwards, in network namespaces and through real ports.

mod cli;
mod generator;
mod objects;
mod port;
mod sink;
mod stop;
mod traffic;
mod units;

fn main() -> std::process::ExitCode {
    cli::main()
}
