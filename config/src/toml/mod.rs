//! A TOML document as a tree with places, 32 bytes per node. Not here: what the keys of a segbox.toml mean.
//!
//! `toml_parser` does the lexing, parsing and decoding. The tree, and TOML's rules against defining a table twice, are here. Values point
//! into the text: only strings with escapes are copied.

mod build;
mod events;

use crate::place::Span;

pub(crate) use events::parse;

/// The document. Nodes that are outside of the tree because of a fault stay in the arena unused.
pub(crate) struct Tree<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// Keys and strings that differ from the text because of an escape.
    owned: Vec<(Box<str>, Span)>,
}

#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    key: Key,
    span: Span,
    /// Text: its range, without quotes. Owned text: (index, 0). Int and Bool: the low and high half. Array and table: first and last child.
    data: (u32, u32),
    /// The next child of the same parent.
    next: u32,
}

#[derive(Clone, Copy)]
enum Key {
    None,
    /// Range in the text, without quotes.
    Borrowed(u32, u32),
    Owned(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A value with a syntax fault, which has been reported.
    Bad,
    Text,
    OwnedText,
    Int,
    /// Between i64::MAX and u64::MAX.
    Wide,
    Float,
    Bool,
    Date,
    List,
    /// `[[name]]`.
    Rows,
    /// `[name]`.
    Table,
    /// The `a` of `[a.b]`.
    Implicit,
    /// The `a` of `a.b = 1`.
    Dotted,
    /// `{ }`.
    Inline,
}

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// A node and its tree.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'t> {
    tree: &'t Tree<'t>,
    id: u32,
}

/// The value of a node.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Value<'t> {
    Bad,
    Text(&'t str),
    Int(i128),
    Float,
    Bool(bool),
    Date,
    List,
    Table,
}

impl<'t> Tree<'t> {
    pub(crate) fn root(&'t self) -> Entry<'t> {
        Entry { tree: self, id: ROOT }
    }

    fn key(&self, key: Key) -> &str {
        match key {
            Key::None => "",
            Key::Borrowed(start, end) => &self.text[start as usize..end as usize],
            Key::Owned(index) => &self.owned[index as usize].0,
        }
    }

    fn key_span(&self, key: Key) -> Option<Span> {
        match key {
            Key::None => None,
            Key::Borrowed(start, end) => Some(Span { start, end }),
            Key::Owned(index) => Some(self.owned[index as usize].1),
        }
    }
}

impl<'t> Entry<'t> {
    fn node(self) -> &'t Node {
        &self.tree.nodes[self.id as usize]
    }

    /// Its key; empty for the root and for an element of an array.
    pub(crate) fn key(self) -> &'t str {
        self.tree.key(self.node().key)
    }

    /// The place of its key; the place of the value where it has no key.
    pub(crate) fn key_span(self) -> Span {
        self.tree.key_span(self.node().key).unwrap_or_else(|| self.span())
    }

    /// The place of the value; for a table with a header, the place of the header.
    pub(crate) fn span(self) -> Span {
        self.node().span
    }

    pub(crate) fn value(self) -> Value<'t> {
        let node = self.node();
        let (low, high) = node.data;
        let bits = u64::from(high) << 32 | u64::from(low);
        match node.kind {
            Kind::Bad => Value::Bad,
            Kind::Text => Value::Text(&self.tree.text[low as usize..high as usize]),
            Kind::OwnedText => Value::Text(&self.tree.owned[low as usize].0),
            Kind::Int => Value::Int(i128::from(bits.cast_signed())),
            Kind::Wide => Value::Int(i128::from(bits)),
            Kind::Float => Value::Float,
            Kind::Bool => Value::Bool(low != 0),
            Kind::Date => Value::Date,
            Kind::List | Kind::Rows => Value::List,
            Kind::Table | Kind::Implicit | Kind::Dotted | Kind::Inline => Value::Table,
        }
    }

    /// The elements of an array or entries of a table, in the text's order; none for any other value.
    pub(crate) fn children(self) -> impl Iterator<Item = Entry<'t>> {
        let holds = matches!(self.value(), Value::List | Value::Table);
        let mut id = if holds { self.node().data.0 } else { NONE };
        std::iter::from_fn(move || {
            let child = (id != NONE).then_some(Entry { tree: self.tree, id })?;
            id = child.node().next;
            Some(child)
        })
    }

    /// The entry of a table by its key. It searches one by one, which is right for tables with few keys.
    pub(crate) fn get(self, key: &str) -> Option<Entry<'t>> {
        self.children().find(|child| child.key() == key)
    }

    pub(crate) fn text(self) -> Option<&'t str> {
        if let Value::Text(text) = self.value() { Some(text) } else { None }
    }

    pub(crate) fn int(self) -> Option<i128> {
        if let Value::Int(int) = self.value() { Some(int) } else { None }
    }

    pub(crate) fn bool(self) -> Option<bool> {
        if let Value::Bool(bool) = self.value() { Some(bool) } else { None }
    }
}
