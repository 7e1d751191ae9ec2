//! Ctrl-C, a closed terminal and a kill as a flag: loops look at it and clean up by returning. Not here: what they clean up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::failure::Failure;

/// The flag is set at the first signal. At the second one, or after this time, the laboratory's namespaces are removed and the process
/// ends; `last` is called before.
///
/// # Errors
/// The kernel refuses the handler.
pub(crate) fn on_signal(grace: Duration, last: fn()) -> Result<Arc<AtomicBool>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let fault = |error: std::io::Error| Failure::new("cannot wait for signals", error.to_string(), "try again");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let guard = runtime.enter();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    drop(guard);
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let [Ok(interrupt), Ok(terminate), Ok(hangup)] = &mut signals else { return };
        runtime.block_on(async {
            let mut any = async || {
                tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} _ = hangup.recv() => {} }
            };
            any().await;
            told.store(true, Ordering::Relaxed);
            tokio::select! { () = any() => {} () = tokio::time::sleep(grace) => {} }
        });
        last();
        segbox_lab::remove_ours();
        // The status that a shell gives an interrupted command.
        std::process::exit(130);
    });
    Ok(stop)
}
