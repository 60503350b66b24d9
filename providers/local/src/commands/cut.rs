//! `local cut REGION REGION` and `local heal REGION REGION`: a partition of the network, in both directions.

use super::{Known, block_on, connect, region, regions};
use std::process::ExitCode;
use terrane::{CommandLine, Error, Result};

pub(super) fn cut(line: &CommandLine) -> Result<ExitCode> {
    let (one, other) = pair(line, "cut")?;
    block_on(async {
        connect(&one).await?.cut(&other.name, &other.folder).await?;
        connect(&other).await?.cut(&one.name, &one.folder).await?;
        Ok(())
    })?;
    println!(
        "{} and {} are cut from each other; `local heal {} {}` ends it",
        one.name, other.name, one.name, other.name
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) fn heal(line: &CommandLine) -> Result<ExitCode> {
    let (one, other) = pair(line, "heal")?;
    block_on(async {
        connect(&one).await?.heal(&other.name).await?;
        connect(&other).await?.heal(&one.name).await?;
        Ok(())
    })?;
    println!("{} and {} reach each other again", one.name, other.name);
    Ok(ExitCode::SUCCESS)
}

fn pair(line: &CommandLine, command: &str) -> Result<(Known, Known)> {
    let [one, other] = &line.arguments[..] else {
        return Err(Error::new(format!("`local {command}` takes two regions")));
    };
    if one == other {
        return Err(Error::new(format!("`{one}` can't be cut from itself")).help("name two regions"));
    }
    let regions = regions(line)?;
    let known = |name: &String| Ok::<_, Error>(Known { name: name.clone(), folder: region(&regions, name)? });
    Ok((known(one)?, known(other)?))
}
