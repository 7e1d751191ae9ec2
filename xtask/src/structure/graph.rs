//! Arrows between files, and the circles they make. Knows neither Rust nor files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// From each node to the nodes it has an arrow to.
pub(super) type Graph = BTreeMap<usize, BTreeSet<usize>>;

/// Shortest circles that together hold every arrow that lies on a circle; each starts at its smallest node.
pub(super) fn circles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut circles = Vec::new();
    for (from, to) in graph.iter().flat_map(|(from, all)| all.iter().map(move |to| (*from, *to))) {
        if let Some(mut circle) = way(graph, to, from) {
            let smallest = circle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(place, _)| place);
            circle.rotate_left(smallest);
            circles.push(circle);
        }
    }
    circles.sort_by_key(|circle| (circle.len(), circle.clone()));
    circles.dedup();
    // A long circle is of use only where it shows an arrow that no shorter one has.
    let mut shown = BTreeSet::new();
    circles.retain(|circle| {
        let arrows: Vec<_> = arrows(circle).collect();
        let is_news = arrows.iter().any(|arrow| !shown.contains(arrow));
        shown.extend(arrows);
        is_news
    });
    circles
}

/// The arrows of a circle, back to its start.
pub(super) fn arrows(circle: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    circle.iter().copied().zip(circle.iter().copied().cycle().skip(1))
}

/// The nodes of a shortest way, both ends included.
fn way(graph: &Graph, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node == to {
            let mut way = vec![to];
            while let Some(last) = way.last().copied().filter(|last| *last != from) {
                way.push(before[&last]);
            }
            way.reverse();
            return Some(way);
        }
        for next in graph.get(&node).into_iter().flatten() {
            if !before.contains_key(next) {
                before.insert(*next, node);
                queue.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in arrows {
            graph.entry(*from).or_default().insert(*to);
        }
        graph
    }

    #[test]
    fn a_tree_has_no_circle() {
        assert_eq!(circles(&graph(&[(0, 1), (0, 2), (1, 2)])), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn every_arrow_on_a_circle_is_in_one_that_is_shown() {
        let knot = graph(&[(0, 1), (1, 0), (1, 2), (2, 0), (2, 3)]);
        assert_eq!(circles(&knot), [vec![0, 1], vec![0, 1, 2]]);
    }
}
