//! Rows as a tree by scope, with siblings that say the same folded into one line.

use super::{
    step::{Row, View},
    text::{Line, Text, Tone, width},
    units::{count, some_of},
};

const NAME_COLUMNS_MAX: usize = 42;
const KIND_COLUMNS_MAX: usize = 28;

/// A scope or a resource. A resource that is called like a scope beside it or around it stands for that scope.
#[derive(Debug, Default)]
struct Branch {
    name: String,
    row: Option<Row>,
    below: Vec<Branch>,
}

/// Rows that are drawn as one tree.
pub(crate) struct Block {
    /// The rows, each with the scope that it stands in.
    pub(crate) rows: Vec<(String, Row)>,
    /// Whether siblings that say the same become one line.
    pub(crate) fold: bool,
}

/// Draws each block as a tree; all of them share their columns.
pub(crate) fn draw<const N: usize>(blocks: [Block; N], view: View) -> [Text; N] {
    let trees = blocks.map(|block| {
        let mut root = Branch::default();
        block.rows.into_iter().for_each(|(scope, row)| root.insert(&scope, row));
        (root, block.fold && !view.diff)
    });
    let entries = trees.each_ref().map(|(root, fold)| {
        let mut entries = Vec::new();
        root.flatten(0, *fold, &mut entries);
        entries
    });
    let columns = Columns::of(&entries.iter().flatten().collect::<Vec<_>>());
    entries.map(|entries| layout(&entries, &columns, view))
}

impl Branch {
    fn insert(&mut self, scope: &str, row: Row) {
        let mut branch = self;
        for part in scope.split('/').filter(|part| !part.is_empty()) {
            let position = branch.below.iter().position(|child| child.name == part).unwrap_or_else(|| {
                branch.below.push(Self { name: part.to_owned(), ..Self::default() });
                branch.below.len() - 1
            });
            branch = &mut branch.below[position];
        }
        if branch.name == row.name && branch.row.is_none() {
            branch.row = Some(row);
        } else if let Some(scope) = branch.below.iter_mut().find(|child| child.name == row.name && child.row.is_none())
        {
            scope.row = Some(row);
        } else {
            branch.below.push(Self { name: row.name.clone(), row: Some(row), below: Vec::new() });
        }
    }

    /// How many resources are in it.
    fn size(&self) -> usize {
        usize::from(self.row.is_some()) + self.below.iter().map(Self::size).sum::<usize>()
    }

    /// What it says, apart from names. Inside a scope the order doesn't matter.
    fn shape(&self) -> String {
        let mut below: Vec<String> = self.below.iter().map(Self::shape).collect();
        below.sort();
        format!("{}({})", self.row.as_ref().map_or("", |row| row.shape.as_str()), below.join(";"))
    }

    fn flatten<'a>(&'a self, depth: usize, fold: bool, entries: &mut Vec<Entry<'a>>) {
        let mut groups: Vec<(String, Vec<&'a Self>)> = Vec::new();
        for child in &self.below {
            let shape = child.shape();
            match groups.iter_mut().find(|(other, _)| fold && *other == shape) {
                Some((_, group)) => group.push(child),
                None => groups.push((shape, vec![child])),
            }
        }
        for (_, group) in groups {
            let [first, like @ ..] = group.as_slice() else { continue };
            entries.push(Entry::Head { depth, branch: first });
            first.flatten(depth + 1, fold, entries);
            if !like.is_empty() {
                entries.push(Entry::Like { depth, names: folded_names(like), each: first.size() });
            }
        }
    }
}

enum Entry<'a> {
    Head { depth: usize, branch: &'a Branch },
    Like { depth: usize, names: String, each: usize },
}

/// `a, b`, or `node-1 .. node-5` when the names count up.
fn folded_names(branches: &[&Branch]) -> String {
    let names: Vec<String> = branches.iter().map(|branch| branch.name.clone()).collect();
    let number = |name: &str| {
        let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
        name[head.len()..].parse::<u64>().ok().map(|number| (head.to_owned(), number))
    };
    let numbers: Option<Vec<_>> = names.iter().map(|name| number(name)).collect();
    let counts_up = numbers.is_some_and(|numbers| {
        numbers.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1.checked_add(1) == Some(pair[1].1))
    });
    match names.as_slice() {
        [first, _, .., last] if counts_up => format!("{first} .. {last}"),
        names => some_of(names, 3),
    }
}

struct Columns {
    mark: usize,
    kind: usize,
    detail: usize,
}

impl Columns {
    fn of(entries: &[&Entry<'_>]) -> Self {
        let rows = || {
            entries.iter().filter_map(|entry| match entry {
                Entry::Head { branch, .. } => branch.row.as_ref(),
                Entry::Like { .. } => None,
            })
        };
        let mark = if rows().any(|row| row.uncertain) { 3 } else { 2 };
        let names = entries.iter().map(|entry| match entry {
            Entry::Head { depth, branch } => 2 + depth * 2 + mark + width(&branch.name),
            Entry::Like { depth, names, .. } => 2 + depth * 2 + mark + width(names),
        });
        let kind = names.filter(|columns| *columns <= NAME_COLUMNS_MAX).max().unwrap_or(NAME_COLUMNS_MAX) + 3;
        let kinds = rows().map(|row| width(&row.kind)).filter(|columns| *columns <= KIND_COLUMNS_MAX);
        Self { mark, kind, detail: kind + kinds.max().unwrap_or(KIND_COLUMNS_MAX) + 3 }
    }
}

fn layout(entries: &[Entry<'_>], columns: &Columns, view: View) -> Text {
    let mut text = Text::new();
    for entry in entries {
        match entry {
            Entry::Head { depth, branch: Branch { row: Some(row), .. } } => {
                resource(row, *depth, columns, view, &mut text);
            }
            Entry::Head { depth, branch } => {
                let line = Line::plain(" ".repeat(2 + depth * 2 + columns.mark));
                text.line(line.with(Tone::Strong, &branch.name).with(Tone::Dim, "/"));
            }
            Entry::Like { depth, names, each } => {
                let line = Line::plain(" ".repeat(2 + depth * 2 + columns.mark)).add(names).pad(columns.kind);
                let each = if *each > 1 {
                    format!("the same, {} each", count(*each, "resource"))
                } else {
                    "the same".to_owned()
                };
                text.line(line.with(Tone::Dim, each));
            }
        }
    }
    text
}

fn resource(row: &Row, depth: usize, columns: &Columns, view: View, text: &mut Text) {
    let start = 2 + depth * 2;
    let symbol = if row.uncertain { format!("{}?", row.symbol) } else { row.symbol.to_owned() };
    let line = Line::plain(" ".repeat(start)).with(row.tone, &symbol);
    let gap = " ".repeat(columns.mark - width(&symbol));
    let line = line.add(gap).with(Tone::Strong, &row.name).pad(columns.kind).with(Tone::Dim, &row.kind);
    let line = if row.detail.width() > 0 { line.pad(columns.detail).join(row.detail.clone()) } else { line };
    let one = match row.changes.as_slice() {
        [only] if row.detail.width() == 0 && columns.detail + only.width() <= view.columns => Some(only.clone()),
        _ => None,
    };
    let inline = one.is_some();
    let line = match one {
        Some(change) => line.pad(columns.detail).join(change),
        None => line,
    };
    text.line(line.cut(view.columns));
    let indent = " ".repeat(start + columns.mark + 2);
    let below = if inline { [].as_slice() } else { row.changes.as_slice() };
    for more in below.iter().chain(&row.below) {
        let line = Line::plain(&indent).join(more.clone());
        text.line(if view.diff { line } else { line.cut(view.columns) });
    }
}
