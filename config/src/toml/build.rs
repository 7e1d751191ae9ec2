//! Builds a [`Tree`] from headers, keys and values, and checks TOML's rules for tables. Not here: finding them in the text
//! ([`super::events`]).

use std::borrow::Cow;
use std::collections::HashMap;

use toml_parser::Span as RawSpan;

use super::{Key, Kind, NONE, Node, ROOT, Tree};
use crate::fault::{Fault, Found, SyntaxFault};
use crate::place::Span;

/// A table with more keys than this gets an index.
const CROWD: usize = 16;

/// A tree that grows, and its open tables and arrays.
pub(super) struct Builder<'t> {
    pub(super) source: toml_parser::Source<'t>,
    pub(super) tree: Tree<'t>,
    pub(super) faults: Found,
    /// The table of the last header, which keys go into. None after a header with a fault: its keys are dropped.
    pub(super) section: Option<u32>,
    pub(super) header: RawSpan,
    /// The keys read since the last value; None stands for one with a fault.
    pub(super) path: Vec<Option<Key>>,
    /// A dot was read: the next key belongs to the path.
    pub(super) dotted: bool,
    /// Arrays and inline tables that are open.
    pub(super) open: Vec<u32>,
    /// Keys of crowded tables.
    index: HashMap<u32, HashMap<Cow<'t, str>, u32>>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(source: toml_parser::Source<'t>) -> Self {
        let root = Node { kind: Kind::Table, key: Key::None, span: Span::default(), data: (NONE, NONE), next: NONE };
        Self {
            source,
            tree: Tree { text: source.input(), nodes: vec![root], owned: Vec::new() },
            faults: Found::default(),
            section: Some(ROOT),
            header: RawSpan::default(),
            path: Vec::new(),
            dotted: false,
            open: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// The range of a string in the text; or its index among the owned ones, where an escape makes it differ from the text.
    pub(super) fn keep(&mut self, text: Cow<'t, str>, span: Span) -> Result<(u32, u32), u32> {
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

    pub(super) fn node(&mut self, id: u32) -> &mut Node {
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

    /// Goes from `table` along the path to the table at its end. None where a key has a fault.
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
                // `[a.b]` after `[[a]]` is in the last table of `a`. A dotted key never leaves the table it stands in.
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
    pub(super) fn close_header(&mut self, rows: bool, end: RawSpan) {
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

    /// A node for a value, under the keys that were just read or in the open array.
    pub(super) fn attach(&mut self, kind: Kind, span: Span) -> u32 {
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

    /// A node under a path of keys; where the path has a fault, a node outside of the tree.
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

    pub(super) fn close(&mut self, end: RawSpan) {
        if let Some(id) = self.open.pop() {
            self.node(id).span.end = end.end() as u32;
        }
        self.path.clear();
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

/// A place in our form.
pub(super) fn span(raw: RawSpan) -> Span {
    Span { start: raw.start() as u32, end: raw.end() as u32 }
}
