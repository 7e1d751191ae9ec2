//! From text to [`Tree`]: drives `toml_parser` a stretch of the text at a time, and keeps TOML's rules on tables.
//!
//! A stretch ends before a header outside all brackets, so the tokens of a 15 MB file are never all in memory.

use std::borrow::Cow;
use std::collections::HashMap;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Span as RawSpan, lexer::TokenKind};

use super::{Key, Kind, NONE, Node, ROOT, Tree};
use crate::fault::{Fault, SyntaxFault};
use crate::place::Span;

/// Tokens of a stretch, at least: enough that starting one costs nothing, few enough to stay in a cache.
const STRETCH: usize = 2048;
/// Lists and inline tables in each other, at most: a file of brackets must not exhaust the stack. The `toml` crate's limit.
const DEPTH: u32 = 80;
/// A table with more keys than this gets an index.
const CROWD: usize = 16;

/// The tree of what is well-formed; every syntax fault is added to `faults`.
pub(crate) fn parse<'t>(text: &'t str, faults: &mut Vec<Fault>) -> Tree<'t> {
    let source = toml_parser::Source::new(text);
    let mut builder = Builder::new(source);
    let mut errors: Vec<ParseError> = Vec::new();
    let mut stretch = Vec::with_capacity(STRETCH * 2);
    let (mut depth, mut line_start) = (0_u32, true);
    for token in source.lex() {
        let kind = token.kind();
        if kind == TokenKind::LeftSquareBracket && line_start && depth == 0 && stretch.len() >= STRETCH {
            builder.take(&stretch, &mut errors);
            stretch.clear();
        }
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        line_start = kind == TokenKind::Newline || line_start && kind == TokenKind::Whitespace;
        stretch.push(token);
    }
    builder.take(&stretch, &mut errors);
    let mut found = builder.faults;
    found.extend(errors.iter().map(|error| SyntaxFault::of_parser(error, text.len())));
    // What the parser stumbles over twice at one place is one fault, and its own words come before ours.
    found.sort_by_key(|fault| (fault.span.start, fault.kind == SyntaxFault::NoValue.into()));
    found.dedup_by_key(|fault| fault.span.start);
    faults.append(&mut found);
    builder.tree
}

struct Builder<'t> {
    source: toml_parser::Source<'t>,
    tree: Tree<'t>,
    faults: Vec<Fault>,
    /// The table that keys go to: the last header's. None after a header with a fault: its keys go nowhere.
    section: Option<u32>,
    header: RawSpan,
    /// The keys read since the last value; None stands for one with a fault.
    path: Vec<Option<Key>>,
    /// A dot was read: the next key belongs to the path.
    dotted: bool,
    /// Lists and inline tables that are open.
    open: Vec<u32>,
    /// Keys of crowded tables.
    index: HashMap<u32, HashMap<Cow<'t, str>, u32>>,
}

impl<'t> Builder<'t> {
    fn new(source: toml_parser::Source<'t>) -> Self {
        let root = Node { kind: Kind::Table, key: Key::None, span: Span::default(), data: (NONE, NONE), next: NONE };
        Self {
            source,
            tree: Tree { text: source.input(), nodes: vec![root], owned: Vec::new() },
            faults: Vec::new(),
            section: Some(ROOT),
            header: RawSpan::default(),
            path: Vec::new(),
            dotted: false,
            open: Vec::new(),
            index: HashMap::new(),
        }
    }

    fn take(&mut self, stretch: &[toml_parser::lexer::Token], errors: &mut Vec<ParseError>) {
        let source = self.source;
        let mut guard = RecursionGuard::new(self, DEPTH);
        let mut checked = ValidateWhitespace::new(&mut guard, source);
        parse_document(stretch, &mut checked, errors);
    }

    /// A string as it stands in the text, or kept aside where an escape makes it differ.
    fn keep(&mut self, text: Cow<'t, str>, span: Span) -> Result<(u32, u32), u32> {
        match text {
            Cow::Borrowed("") => Ok((span.start, span.start)),
            Cow::Borrowed(part) => {
                let start = (part.as_ptr().addr() - self.tree.text.as_ptr().addr()) as u32;
                Ok((start, start + part.len() as u32))
            }
            Cow::Owned(text) => {
                self.tree.owned.push((text.into(), span));
                Err(self.tree.owned.len() as u32 - 1)
            }
        }
    }

    fn new_node(&mut self, kind: Kind, key: Key, span: Span) -> u32 {
        self.tree.nodes.push(Node { kind, key, span, data: (NONE, NONE), next: NONE });
        self.tree.nodes.len() as u32 - 1
    }

    fn node(&mut self, id: u32) -> &mut Node {
        &mut self.tree.nodes[id as usize]
    }

    fn append(&mut self, parent: u32, child: u32) {
        let last = self.node(parent).data.1;
        self.node(parent).data.1 = child;
        if last == NONE {
            self.node(parent).data.0 = child;
        } else {
            self.node(last).next = child;
        }
        if let Some(index) = self.index.get_mut(&parent) {
            let key = self.tree.nodes[child as usize].key;
            index.insert(key_text(&self.tree, self.source.input(), key), child);
        }
    }

    fn find(&mut self, table: u32, key: Key) -> Option<u32> {
        let name = self.tree.key(key);
        if let Some(index) = self.index.get(&table) {
            return index.get(name).copied();
        }
        let mut id = self.tree.nodes[table as usize].data.0;
        let mut seen = 0;
        while id != NONE {
            let node = self.tree.nodes[id as usize];
            if self.tree.key(node.key) == name {
                return Some(id);
            }
            id = node.next;
            seen += 1;
        }
        if seen > CROWD {
            let mut index = HashMap::new();
            let mut id = self.tree.nodes[table as usize].data.0;
            while id != NONE {
                let node = self.tree.nodes[id as usize];
                index.insert(key_text(&self.tree, self.source.input(), node.key), id);
                id = node.next;
            }
            self.index.insert(table, index);
        }
        None
    }

    fn fault(&mut self, key: Key, earlier: u32, fault: impl FnOnce(String) -> SyntaxFault) {
        let span = self.tree.key_span(key).unwrap_or_default();
        let first = self.tree.nodes[earlier as usize];
        let fault = fault(self.tree.key(key).to_owned());
        let first = self.tree.key_span(first.key).unwrap_or(first.span);
        self.faults.push(Fault::new(span, fault).beside(first, "first here"));
    }

    /// From `table` along all keys but the last: the table that the last one belongs to. None where a key has a fault.
    fn descend(&mut self, mut table: u32, path: &[Option<Key>], made: Kind) -> Option<u32> {
        for key in path {
            let key = (*key)?;
            let Some(found) = self.find(table, key) else {
                let span = self.tree.key_span(key).unwrap_or_default();
                let child = self.new_node(made, key, span);
                self.append(table, child);
                table = child;
                continue;
            };
            table = match (self.tree.nodes[found as usize].kind, made) {
                // `[[a]]` then `[a.b]`: in the last row. A dotted key never leaves the table it stands in.
                (Kind::Rows, Kind::Implicit) => self.tree.nodes[found as usize].data.1,
                (Kind::Table | Kind::Implicit | Kind::Dotted, Kind::Implicit) | (Kind::Dotted, Kind::Dotted) => found,
                (Kind::Table | Kind::Implicit, _) => {
                    self.fault(key, found, |key| SyntaxFault::Twice { key });
                    return None;
                }
                _ => {
                    self.fault(key, found, |key| SyntaxFault::NoTable { key });
                    return None;
                }
            };
        }
        Some(table)
    }

    /// The table of a header that ends here.
    fn close_header(&mut self, rows: bool, end: RawSpan) {
        let path = std::mem::take(&mut self.path);
        self.section = self.define(&path, rows, span(self.header.append(end)));
        self.path = path;
        self.path.clear();
    }

    fn define(&mut self, path: &[Option<Key>], rows: bool, span: Span) -> Option<u32> {
        let (last, parents) = path.split_last()?;
        let parent = self.descend(ROOT, parents, Kind::Implicit)?;
        let key = (*last)?;
        let found = self.find(parent, key);
        if rows {
            let list = match found {
                None => {
                    let list = self.new_node(Kind::Rows, key, span);
                    self.append(parent, list);
                    list
                }
                Some(list) if self.node(list).kind == Kind::Rows => list,
                Some(other) => {
                    self.fault(key, other, |key| SyntaxFault::Twice { key });
                    return None;
                }
            };
            let row = self.new_node(Kind::Table, Key::None, span);
            self.append(list, row);
            return Some(row);
        }
        match found {
            None => {
                let table = self.new_node(Kind::Table, key, span);
                self.append(parent, table);
                Some(table)
            }
            Some(table) if self.node(table).kind == Kind::Implicit => {
                let node = self.node(table);
                (node.kind, node.key, node.span) = (Kind::Table, key, span);
                Some(table)
            }
            Some(other) => {
                self.fault(key, other, |key| SyntaxFault::Twice { key });
                None
            }
        }
    }

    /// A node for a value that stands here, under the keys just read or in the list that is open.
    fn attach(&mut self, kind: Kind, span: Span) -> u32 {
        let path = std::mem::take(&mut self.path);
        let holder = self.open.last().copied().or(self.section);
        let id = match holder {
            Some(list) if self.node(list).kind == Kind::List => {
                let id = self.new_node(kind, Key::None, span);
                self.append(list, id);
                id
            }
            Some(table) => self.attach_at(table, &path, kind, span),
            None => self.new_node(kind, Key::None, span),
        };
        self.path = path;
        self.path.clear();
        self.dotted = false;
        id
    }

    /// A node under a path of keys; where that has a fault, a node that nobody finds.
    fn attach_at(&mut self, table: u32, path: &[Option<Key>], kind: Kind, span: Span) -> u32 {
        let parent = path.split_last().and_then(|(last, parents)| {
            let parent = self.descend(table, parents, Kind::Dotted)?;
            Some((parent, (*last)?))
        });
        let Some((parent, key)) = parent else { return self.new_node(kind, Key::None, span) };
        if let Some(found) = self.find(parent, key) {
            self.fault(key, found, |key| SyntaxFault::Twice { key });
            return self.new_node(kind, key, span);
        }
        let id = self.new_node(kind, key, span);
        self.append(parent, id);
        id
    }

    fn close(&mut self, end: RawSpan) {
        if let Some(id) = self.open.pop() {
            self.node(id).span.end = end.end() as u32;
        }
        self.path.clear();
    }

    /// The kind and data of a scalar.
    fn scalar_of(
        &mut self,
        raw: RawSpan,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) -> (Kind, (u32, u32)) {
        let bad = (Kind::Bad, (0, 0));
        let text = self.source.input().get(raw.start()..raw.end()).unwrap_or_default();
        if text.is_empty() {
            let at = SyntaxFault::at(raw.start(), raw.end(), self.source.input().len());
            self.faults.push(Fault::new(at, SyntaxFault::NoValue));
            return bad;
        }
        let mut failed = false;
        let mut decoded = Cow::Borrowed("");
        let kind = toml_parser::Raw::new_unchecked(text, encoding, raw).decode_scalar(&mut decoded, &mut |error| {
            failed = true;
            errors.report_error(error);
        });
        if failed {
            return bad;
        }
        match kind {
            ScalarKind::String => match self.keep(decoded, span(raw)) {
                Ok(range) => (Kind::Text, range),
                Err(index) => (Kind::OwnedText, (index, 0)),
            },
            ScalarKind::Boolean(value) => (Kind::Bool, (value.into(), 0)),
            ScalarKind::DateTime => (Kind::Date, (0, 0)),
            ScalarKind::Float => (Kind::Float, (0, 0)),
            ScalarKind::Integer(radix) => {
                let halves = |bits: u64| (bits as u32, (bits >> 32) as u32);
                let value = i128::from_str_radix(&decoded, radix.value()).ok();
                if let Some(int) = value.and_then(|value| i64::try_from(value).ok()) {
                    (Kind::Int, halves(int.cast_unsigned()))
                } else if let Some(int) = value.and_then(|value| u64::try_from(value).ok()) {
                    (Kind::Wide, halves(int))
                } else {
                    self.faults.push(Fault::new(span(raw), SyntaxFault::NumberTooLong { text: text.to_owned() }));
                    bad
                }
            }
        }
    }
}

/// A key's text, for as long as the tree is being built.
fn key_text<'t>(tree: &Tree<'t>, text: &'t str, key: Key) -> Cow<'t, str> {
    match key {
        Key::None => Cow::Borrowed(""),
        Key::Borrowed(start, end) => Cow::Borrowed(&text[start as usize..end as usize]),
        Key::Owned(index) => Cow::Owned(tree.owned[index as usize].0.to_string()),
    }
}

fn span(raw: RawSpan) -> Span {
    Span { start: raw.start() as u32, end: raw.end() as u32 }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        (self.section, self.header) = (None, span);
        self.path.clear();
        self.open.clear();
    }

    fn std_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close_header(false, span);
    }

    fn array_table_open(&mut self, span: RawSpan, errors: &mut dyn ErrorSink) {
        self.std_table_open(span, errors);
    }

    fn array_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close_header(true, span);
    }

    fn inline_table_open(&mut self, raw: RawSpan, _errors: &mut dyn ErrorSink) -> bool {
        let id = self.attach(Kind::Inline, span(raw));
        self.open.push(id);
        true
    }

    fn inline_table_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn array_open(&mut self, raw: RawSpan, _errors: &mut dyn ErrorSink) -> bool {
        let id = self.attach(Kind::List, span(raw));
        self.open.push(id);
        true
    }

    fn array_close(&mut self, span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn simple_key(&mut self, raw: RawSpan, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        if !std::mem::take(&mut self.dotted) {
            self.path.clear();
        }
        let mut decoded = Cow::Borrowed("");
        let mut failed = false;
        if let Some(text) = self.source.input().get(raw.start()..raw.end()) {
            toml_parser::Raw::new_unchecked(text, encoding, raw).decode_key(&mut decoded, &mut |error| {
                failed = true;
                errors.report_error(error);
            });
        }
        let key = (!failed).then(|| match self.keep(decoded, span(raw)) {
            Ok((start, end)) => Key::Borrowed(start, end),
            Err(index) => Key::Owned(index),
        });
        self.path.push(key);
    }

    fn key_sep(&mut self, _span: RawSpan, _errors: &mut dyn ErrorSink) {
        self.dotted = true;
    }

    fn scalar(&mut self, raw: RawSpan, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let (kind, data) = self.scalar_of(raw, encoding, errors);
        let id = self.attach(kind, span(raw));
        self.node(id).data = data;
    }
}
