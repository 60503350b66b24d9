//! The first steps: a page in a file, and a web server that serves it.

use terrane::prelude::*;
use terrane_local::{File, Local, Process, Readiness, Region};

fn main() -> ExitCode {
    terrane::main("first-steps", program)
}

/// A page and the server that serves it.
fn program(stack: &Stack) -> Result<()> {
    let local = Local::of_stack(stack)?;
    let pages = local.folder().with_extension("pages");
    let local = stack.provider(local);
    let page = stack.add(&local, File::new("page").path(pages.join("index.html")).content("Hello from Terrane\n"));
    let home = stack.add(&local, Region::new("home"));
    let address = "127.0.0.1:8000".parse()?;
    let folder = page.path.map(|path| path.parent().unwrap_or(&path).display().to_string());
    let server = Process::new("web")
        .region(&home)
        .program("python3")
        .arguments(inputs!["-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, "8000"])
        .addresses([address])
        .readiness(Readiness::Tcp { address });
    let server = stack.add(&local, server);
    stack.export("url", server.addresses.map(|addresses| format!("http://{}/", addresses[0])));
    Ok(())
}
