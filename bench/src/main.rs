//! `segbench`: measures what a router forwards, in network namespaces and through real ports.

mod case;
mod cli;
mod environment;
mod generator;
mod jit;
mod objects;
mod port;
mod result;
mod run;
mod sink;
mod statistics;
mod stop;
mod traffic;
mod units;
mod verdict;

fn main() -> std::process::ExitCode {
    cli::main()
}
