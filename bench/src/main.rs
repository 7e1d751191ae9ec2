//! `segbench`: measures what a router forwards, in network namespaces and through real ports.

mod case;
mod cli;
mod compare;
mod environment;
mod generator;
mod lab;
mod objects;
mod port;
mod report;
mod result;
mod run;
mod search;
mod sink;
mod statistics;
mod stop;
mod traffic;
mod units;
mod verdict;
mod whole;
mod written;

fn main() -> std::process::ExitCode {
    cli::main()
}
