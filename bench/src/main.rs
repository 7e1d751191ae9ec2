//! `segbench`: measures how fast a router forwards, in network namespaces and through real ports.

mod atomic_file;
mod case;
mod cli;
mod compare;
mod counters;
mod environment;
mod faults;
mod generator;
mod hardware;
mod objects;
mod place;
mod port;
mod progress;
mod report;
mod result;
mod result_file;
mod result_json;
mod run;
mod search;
mod sink;
mod statistics;
mod stop;
mod traffic;
mod units;
mod verdict;

fn main() -> std::process::ExitCode {
    cli::main()
}
