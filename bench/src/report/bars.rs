//! Bar charts by case: rates, and ratios with the published ones.

use plotters::prelude::*;

use super::canvas::{Drawn, OURS, THEIRS, Width, both, number};
use crate::result::{Measured, Run, ratio_by_round};
use crate::verdict::verdicts;

/// The data of a bar.
struct Bar<'a> {
    name: &'a str,
    value: f64,
    /// The lowest and the highest round.
    range: (f64, f64),
    /// Published values: index of the publication, and value.
    marks: Vec<(usize, f64)>,
}

/// Height of a bar and its gap in pixels.
const STEP: u32 = 24;

/// Rates in kpps: the medians, and the range of the rounds.
pub(super) fn rates(cases: &[&Measured]) -> String {
    let bars: Vec<Bar<'_>> = cases
        .iter()
        .map(|case| Bar {
            name: &case.case,
            value: case.kpps.median.0,
            range: ends(case.kpps.rounds.iter().map(|rate| rate.0)),
            marks: Vec::new(),
        })
        .collect();
    chart("Rates by case, in thousand packets per second", "kpps", &bars)
}

/// Ratios to plain IPv6 forwarding, with the published ones as marks. `sets` is the order of the publications in the legend.
pub(super) fn ratios(run: &Run, cases: &[&Measured], sets: &[String]) -> String {
    let Some(plain) = run.case("ipv6-forward") else { return String::new() };
    let bars: Vec<Bar<'_>> = cases
        .iter()
        .filter_map(|case| {
            let value = ratio_by_round(&case.kpps.rounds, &plain.kpps.rounds)?.0;
            let rounds = case.kpps.rounds.iter().zip(&plain.kpps.rounds).map(|(case, plain)| case.0 / plain.0);
            let marks = verdicts(case).into_iter().filter_map(|(one, _)| {
                let set = sets.iter().position(|set| *set == one.set)?;
                Some((set, one.to_plain?))
            });
            Some(Bar { name: &case.case, value, range: ends(rounds), marks: marks.collect() })
        })
        .collect();
    chart("Ratios to plain IPv6 forwarding by case, ours and published", "of plain IPv6", &bars)
}

fn ends(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max))
}

fn chart(what: &str, unit: &str, bars: &[Bar<'_>]) -> String {
    if bars.is_empty() {
        return String::new();
    }
    let highest = bars.iter().flat_map(|bar| bar.marks.iter().map(|mark| mark.1).chain([bar.range.1, bar.value]));
    let highest = highest.fold(0.0, f64::max) * 1.05;
    let height = |_: Width| 50 + STEP * bars.len() as u32;
    both(what, height, |area, width| draw(area, width, unit, bars, highest))
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    width: Width,
    unit: &str,
    bars: &[Bar<'_>],
    highest: f64,
) -> Drawn {
    let count = bars.len();
    let font = ("sans-serif", width.font());
    let mut chart = ChartBuilder::on(area)
        .margin_right(14)
        .y_label_area_size(width.names())
        .x_label_area_size(40)
        .build_cartesian_2d(0.0..highest, (count as f64)..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_labels(if width == Width::Wide { 11 } else { 4 })
        .y_labels(0)
        .x_label_formatter(&|value| number(*value))
        .x_desc(unit)
        .label_style(font)
        .axis_desc_style(font)
        .light_line_style(BLACK.mix(0.0))
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    for (place, bar) in bars.iter().enumerate() {
        let middle = place as f64 + 0.5;
        let (low, high) = bar.range;
        chart.draw_series([Rectangle::new([(0.0, middle - 0.32), (bar.value, middle + 0.32)], OURS.filled())])?;
        chart.draw_series([
            PathElement::new([(low, middle), (high, middle)], BLACK.stroke_width(2)),
            PathElement::new([(low, middle - 0.18), (low, middle + 0.18)], BLACK.stroke_width(2)),
            PathElement::new([(high, middle - 0.18), (high, middle + 0.18)], BLACK.stroke_width(2)),
        ])?;
        for (set, value) in &bar.marks {
            let style = THEIRS[set % THEIRS.len()].filled();
            chart.draw_series([(*value, middle)].map(|at| {
                // Publications also differ in shape, for readers who cannot distinguish the colours.
                EmptyElement::at(at) + mark(*set, style)
            }))?;
        }
    }
    // The names are not labels of the axis, because an axis leaves some of its labels out.
    let style = TextStyle::from(font.into_font()).pos(plotters::style::text_anchor::Pos::new(
        plotters::style::text_anchor::HPos::Right,
        plotters::style::text_anchor::VPos::Center,
    ));
    for (place, bar) in bars.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(0.0, place as f64 + 0.5));
        area.draw_text(bar.name, &style, (x - 6, y))?;
    }
    Ok(())
}

fn mark(set: usize, style: ShapeStyle) -> Polygon<(i32, i32)> {
    let points = match set % 3 {
        0 => vec![(0, -7), (6, 0), (0, 7), (-6, 0)],
        1 => vec![(0, -6), (6, 6), (-6, 6)],
        _ => vec![(-5, -5), (5, -5), (5, 5), (-5, 5)],
    };
    Polygon::new(points, style)
}
