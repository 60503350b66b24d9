//! Styled text: lines of spans, each with what it means. Colours are decided here and nowhere else.

use owo_colors::Style;
use std::fmt;

/// What a span means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// Something new.
    Added,
    /// Something that changes.
    Changed,
    /// Something that goes.
    Removed,
    /// Something to think about.
    Warning,
    /// A name that one looks for.
    Strong,
    /// What one can do without.
    Dim,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Added => Style::new().green(),
            Self::Changed => Style::new().magenta(),
            Self::Removed => Style::new().red(),
            Self::Warning => Style::new().yellow(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

/// One line. Terminal control characters in it are shown, never sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Tone, String)>);

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line without style.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new().add(text)
    }

    /// Adds text without style.
    #[must_use]
    pub(crate) fn add(self, text: impl AsRef<str>) -> Self {
        self.with(Tone::Plain, text)
    }

    /// Adds text.
    #[must_use]
    pub(crate) fn with(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        let text: String = text.as_ref().chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        if !text.is_empty() {
            self.0.push((tone, text));
        }
        self
    }

    /// Adds another line's spans.
    #[must_use]
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// Adds blanks up to a column, and at least two when there is text already.
    #[must_use]
    pub(crate) fn pad(self, column: usize) -> Self {
        let least = if self.0.is_empty() { 0 } else { 2 };
        let blanks = column.saturating_sub(self.width()).max(least);
        self.add(" ".repeat(blanks))
    }

    /// Cuts it at a width, with an ellipsis in place of what is lost.
    #[must_use]
    pub(crate) fn cut(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut room = columns.saturating_sub(1);
        let mut line = Self::new();
        for (tone, text) in self.0 {
            let part: String = text.chars().take(room).collect();
            room -= width(&part);
            line = line.with(tone, part);
        }
        line.with(Tone::Dim, "…")
    }

    /// The text alone.
    pub(crate) fn unstyled(&self) -> String {
        let text: String = self.0.iter().map(|(_, text)| text.as_str()).collect();
        text.trim_end().to_owned()
    }
}

/// How many columns a text takes; wide characters count as one, as the names and values here are mostly ASCII.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Styled, for a stream that strips what it can't show.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tone, text) in &self.0 {
            match tone {
                Tone::Plain => f.write_str(text)?,
                tone => write!(f, "{}", tone.style().style(text))?,
            }
        }
        Ok(())
    }
}

/// Lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(Vec<Line>);

impl Text {
    /// No lines.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: Line) {
        self.0.push(line);
    }

    /// Adds an empty line, unless it would be the first or follow one.
    pub(crate) fn gap(&mut self) {
        if self.0.last().is_some_and(|last| *last != Line::new()) {
            self.0.push(Line::new());
        }
    }

    /// Adds all lines of another text.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds a block, with an empty line before it.
    pub(crate) fn block(&mut self, other: Self) {
        if !other.is_empty() {
            self.gap();
            self.append(other);
        }
    }

    /// Whether there is no line in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text alone, one line for each.
    pub(crate) fn unstyled(&self) -> String {
        self.0.iter().map(|line| line.unstyled() + "\n").collect()
    }
}

impl From<Line> for Text {
    fn from(line: Line) -> Self {
        Self(vec![line])
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
