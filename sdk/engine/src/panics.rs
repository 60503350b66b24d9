//! Panics of code that isn't the engine's: caught, with their words and their place, instead of being told beside the error that comes of them.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    env, fmt,
    future::poll_fn,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    pin::pin,
    sync::Once,
    task::Poll,
};
use terrane_core::secret::redact;

/// What stands for the words of a panic that has none.
const NO_WORDS: &str = "no words were left";

thread_local! {
    /// How many of the calls that this thread is in catch panics here.
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic was that was caught.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic, as the end of a sentence: ` at src/main.rs:14: index out of bounds`.
#[derive(Debug)]
pub(crate) struct Panic {
    place: Option<String>,
    text: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        // The text may quote a secret.
        write!(f, ": {}", redact(&self.text))
    }
}

/// Does work that may panic.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(listen);
    CATCHING.set(CATCHING.get() + 1);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(CATCHING.get() - 1);
    done.map_err(|payload| Panic { place: PLACE.take(), text: words(&*payload) })
}

/// Does work that may panic, and may take its time.
pub(crate) async fn catch_in<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    let mut work = pin!(work);
    poll_fn(|context| match catch(|| work.as_mut().poll(context)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// From here on the place of a panic that is caught is kept; it is told beside the error only where a backtrace was asked for.
fn listen() {
    let former = panic::take_hook();
    panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        if CATCHING.get() == 0 {
            return former(panic);
        }
        PLACE.set(panic.location().map(|place| format!("{}:{}", place.file(), place.line())));
        if is_traced() {
            eprintln!("{}", panic_text(panic));
        }
    }));
}

/// A panic in a line, without the secrets that its words may quote; with the way to it where that was asked for.
pub fn panic_text(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let trace = if is_traced() { format!("\n{}", Backtrace::force_capture()) } else { String::new() };
    format!("panic{place}: {}{trace}", redact(panic.payload_as_str().unwrap_or(NO_WORDS)))
}

fn is_traced() -> bool {
    env::var_os("RUST_BACKTRACE").is_some_and(|asked| asked != "0")
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| NO_WORDS.to_owned())
}
