//! Splits Rust source into code and string literals, so that a check of one doesn't stumble over the other.

/// Source with the places of its literals and comments left blank.
pub(crate) struct Lexed {
    /// The source, byte for byte, but with blanks for comments and for what is inside literals.
    pub(crate) code: String,
    /// What stood inside the string literals, as written (escapes are kept).
    pub(crate) literals: Vec<String>,
}

/// Lexes as much as the checks need: comments, strings of every kind, characters, lifetimes.
pub(crate) fn lex(source: &str) -> Lexed {
    let mut lexer = Lexer { rest: source, lexed: Lexed { code: String::new(), literals: Vec::new() } };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.lexed
}

struct Lexer<'a> {
    rest: &'a str,
    lexed: Lexed,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment_len(rest));
        } else if let Some(hashes) = raw_string_hashes(rest)
            && !self.inside_word()
        {
            self.keep(1 + hashes);
            self.literal(&format!("\"{}", "#".repeat(hashes)));
        } else if rest.starts_with('"') {
            self.literal("\"");
        } else if let Some(length) = character_len(rest) {
            self.blank(length);
        } else {
            self.keep(rest.chars().next().map_or(0, char::len_utf8));
        }
    }

    /// Whether the last character kept belongs to an identifier: the `r` of `for"` opens no raw string.
    fn inside_word(&self) -> bool {
        let last = self.lexed.code.chars().next_back();
        // Byte and C strings have a letter before the `r`.
        last.is_some_and(|last| (last.is_alphanumeric() || last == '_') && !matches!(last, 'b' | 'c'))
    }

    /// A string from its opening quote up to `end`; only one that ends in a bare quote has escapes.
    fn literal(&mut self, end: &str) {
        self.keep(1);
        let mut length = 0;
        while length < self.rest.len() && !self.rest[length..].starts_with(end) {
            let escaped = end == "\"" && self.rest[length..].starts_with('\\');
            for character in self.rest[length..].chars().take(if escaped { 2 } else { 1 }) {
                length += character.len_utf8();
            }
        }
        self.lexed.literals.push(self.rest[..length].to_owned());
        self.blank(length);
        self.keep(end.len().min(self.rest.len()));
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.lexed.code.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.lexed.code.extend(gone.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

/// The length of the block comment at the start; such comments nest.
fn block_comment_len(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// How many hashes the raw string at the start has, if it is one.
fn raw_string_hashes(source: &str) -> Option<usize> {
    let after = source.strip_prefix('r')?;
    let quoted = after.trim_start_matches('#');
    quoted.starts_with('"').then_some(after.len() - quoted.len())
}

/// The length of the character literal at the start, if it is one and not a lifetime.
fn character_len(source: &str) -> Option<usize> {
    let mut characters = source.strip_prefix('\'')?.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        // The escaped character may itself be a quote, so the search for the end begins after it.
        let (escaped, character) = characters.next()?;
        let from = 1 + escaped + character.len_utf8();
        return source[from..].find('\'').map(|end| from + end + 1);
    }
    let (end, second) = characters.next()?;
    (second == '\'').then_some(end + 2)
}

#[test]
fn literals_and_comments_are_told_from_code() {
    let source = concat!(
        "a(\"x\\\"}\") // \"c\n",
        "b(r#\"y\"}\"#, '\"', '\\'', '}') /* \" /* } */ */\n",
        "fn c<'a>(d: &'a str) { br\"z}\" }\n",
    );
    let lexed = lex(source);
    assert_eq!(lexed.literals, ["x\\\"}", "y\"}", "z}"]);
    assert_eq!(lexed.code.len(), source.len());
    let words = lexed.code.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words, "a(\" \") b(r#\" \"#, , , ) fn c<'a>(d: &'a str) { br\" \" }");
}
