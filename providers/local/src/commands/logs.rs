//! `local logs NAME [--follow]`: what a process has printed.

use super::regions;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};
use terrane::{CommandLine, Context, Error, Result};

/// How much of the log's end is printed.
const TAIL_BYTES: u64 = 64 << 10;
/// How long between two looks at a followed log.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(line: &CommandLine) -> Result<ExitCode> {
    let follow = line.arguments.iter().any(|word| word == "--follow" || word == "-f");
    let names: Vec<&String> = line.arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let [name] = names[..] else { return Err(Error::new("`local logs` takes the name of a process, and --follow")) };
    let path = find(line, name)?;
    let mut file = File::open(&path).context(format!("opening {}", path.display()))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    loop {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        match io::stdout().write_all(&text).and_then(|()| io::stdout().flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            result => result?,
        }
        if !follow {
            return Ok(ExitCode::SUCCESS);
        }
        thread::sleep(PAUSE);
        // A log that was rotated begins anew under the same name.
        if std::fs::metadata(&path).is_ok_and(|now| now.len() < file.stream_position().unwrap_or(0)) {
            file = File::open(&path).context(format!("opening {}", path.display()))?;
        }
    }
}

fn find(line: &CommandLine, name: &str) -> Result<PathBuf> {
    let regions = regions(line)?;
    let mut known = Vec::new();
    for region in &regions {
        for entry in std::fs::read_dir(region.folder.join("logs")).into_iter().flatten().flatten() {
            let path = entry.path();
            let process = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|extension| extension == "log") {
                if process == name || format!("{}/{process}", region.name) == name {
                    return Ok(path);
                }
                known.push(process);
            }
        }
    }
    Err(Error::new(format!("no process `{name}` has a log")).help(format!("there are logs of: {}", known.join(", "))))
}
