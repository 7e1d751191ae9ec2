//! Line charts: the distribution of latency, and growing cost.

use plotters::prelude::*;

use super::canvas::{Drawn, OURS, THEIRS, Width, both, number};
use crate::result::{Measured, Run};
use crate::units;

/// A curve with its name.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
    /// A separate point for IMIX, at the mean of its sizes.
    mixed: Option<(f64, f64)>,
}

/// Most curves in a figure: more could not be distinguished.
const MOST: usize = 1 + THEIRS.len();
/// Cases whose latency is drawn if a run has more cases than that.
const DRAWN: [&str; 5] = ["ipv6-forward", "end", "end-bpf-noop", "end-bpf-add-tlv8", "headend-seg6-encap"];

/// The distribution of latencies: the share of packets that took no longer.
pub(super) fn latency(run: &Run) -> String {
    let curves = drawn(run).into_iter().filter_map(|case| {
        let points = case.latency.as_ref()?.cdf.iter().map(|(ns, share)| (*ns as f64 / 1e3, *share)).collect();
        Some(Curve { name: case.case.clone(), points, mixed: None })
    });
    let curves: Vec<Curve> = curves.collect();
    let xs = || curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0));
    if curves.is_empty() {
        return String::new();
    }
    let (low, high) = (xs().fold(f64::INFINITY, f64::min).max(0.1), xs().fold(0.0, f64::max) * 1.1);
    let axes =
        Axes { x: (low, high), y: (0.0, 1.0), logarithmic: true, x_name: "latency in µs", y_name: "share of packets" };
    figure("Latency: share of packets that took no longer", &axes, &curves)
}

/// Cases whose latency is drawn: all cases if a run has few of them, otherwise typical ones.
fn drawn(run: &Run) -> Vec<&Measured> {
    let has_curve = |case: &Measured| case.latency.as_ref().is_some_and(|latency| latency.cdf.len() > 1);
    let all = || run.cases.iter().filter(|case| !crate::case::is_harness(&case.case) && has_curve(case));
    if all().count() <= MOST {
        return all().collect();
    }
    let chosen: Vec<_> = DRAWN.iter().filter_map(|id| all().find(|case| case.case == *id)).collect();
    if chosen.is_empty() { all().take(MOST).collect() } else { chosen }
}

/// Scaling cases that share a figure.
struct Family {
    what: &'static str,
    /// By curve: the beginning of the ids, up to the number, and the curve's name.
    curves: &'static [(&'static str, &'static str)],
    x_name: &'static str,
    logarithmic: bool,
}

const FAMILIES: [Family; 3] = [
    Family {
        what: "Cost by number of SIDs and policies",
        curves: &[("end-sids-", "End"), ("headend-policies-", "H.Encaps")],
        x_name: "entries",
        logarithmic: true,
    },
    Family {
        what: "Cost by segments in the path",
        curves: &[("end-segments-", "End"), ("headend-segments-", "H.Encaps")],
        x_name: "segments",
        logarithmic: false,
    },
    Family {
        what: "Cost by packet size",
        curves: &[
            ("end-size-", "End"),
            ("ipv6-forward-size-", "plain IPv6"),
            ("headend-ipv4-size-", "H.Encaps of IPv4"),
            ("end-next-csid-size-", "NEXT-CSID, no SRH"),
            ("end-dx4-size-", "End.DX4, no SRH"),
        ],
        x_name: "bytes per packet",
        logarithmic: false,
    },
];

/// Growing cost, one figure per family. Empty if the run has no scaling cases.
pub(super) fn scaling(run: &Run) -> Vec<(&'static str, String)> {
    let figures = FAMILIES.iter().filter_map(|family| {
        let Family { what, x_name, logarithmic, .. } = *family;
        let curves: Vec<Curve> = family
            .curves
            .iter()
            .map(|(start, name)| Curve {
                name: (*name).to_owned(),
                points: points(run, start),
                mixed: mixed(run, start),
            })
            .filter(|curve| curve.points.len() > 1)
            .collect();
        let all = || curves.iter().flat_map(|curve| curve.points.iter().chain(&curve.mixed));
        let (low, high) = (all().map(|p| p.0).fold(f64::INFINITY, f64::min), all().map(|p| p.0).fold(0.0, f64::max));
        let top = all().map(|p| p.1).fold(0.0, f64::max) * 1.1;
        if curves.is_empty() {
            return None;
        }
        let axes = Axes { x: (low, high), y: (0.0, top), logarithmic, x_name, y_name: "ns per packet" };
        Some((what, figure(what, &axes, &curves)))
    });
    figures.collect()
}

/// The points of a curve: the number in the id, and the time per packet of the whole path.
fn points(run: &Run, start: &str) -> Vec<(f64, f64)> {
    let number = |case: &Measured| case.case.strip_prefix(start)?.parse::<f64>().ok();
    let mut points: Vec<_> =
        run.cases.iter().filter_map(|case| Some((number(case)?, case.kpps.median.per_packet().0))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The point of the IMIX case that belongs to a curve by size, at the mean of its sizes.
fn mixed(run: &Run, start: &str) -> Option<(f64, f64)> {
    const ETHERNET: f64 = 14.0;
    let case = run.case(&format!("{}imix", start.strip_suffix("size-")?))?;
    Some((case.frame_bytes - ETHERNET, case.kpps.median.per_packet().0))
}

struct Axes<'a> {
    x: (f64, f64),
    y: (f64, f64),
    logarithmic: bool,
    x_name: &'a str,
    y_name: &'a str,
}

fn figure(what: &str, axes: &Axes<'_>, curves: &[Curve]) -> String {
    let height = |width| if width == Width::Wide { 380 } else { 300 };
    both(what, height, |area, width| {
        let (low, high) = axes.x;
        let y = axes.y.0..axes.y.1;
        if axes.logarithmic {
            draw(area, width, axes, (low..high).log_scale().into(), y, curves)
        } else {
            draw_linear(area, width, axes, low..high, y, curves)
        }
    })
}

type Area<'a, 'b> = &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;

fn draw(
    area: Area<'_, '_>,
    width: Width,
    axes: &Axes<'_>,
    x: plotters::coord::combinators::LogCoord<f64>,
    y: std::ops::Range<f64>,
    curves: &[Curve],
) -> Drawn {
    let mut builder = ChartBuilder::on(area);
    let mut chart = frame(&mut builder, width).build_cartesian_2d(x, y)?;
    mesh(chart.configure_mesh(), width, axes)?;
    lines(&mut chart, width, curves)
}

fn draw_linear(
    area: Area<'_, '_>,
    width: Width,
    axes: &Axes<'_>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    curves: &[Curve],
) -> Drawn {
    let mut builder = ChartBuilder::on(area);
    let mut chart = frame(&mut builder, width).build_cartesian_2d(x, y)?;
    mesh(chart.configure_mesh(), width, axes)?;
    lines(&mut chart, width, curves)
}

fn frame<'a, 'b, 'c>(
    builder: &'c mut ChartBuilder<'a, 'b, SVGBackend<'b>>,
    width: Width,
) -> &'c mut ChartBuilder<'a, 'b, SVGBackend<'b>> {
    builder.margin(8).margin_right(20).x_label_area_size(44).y_label_area_size(if width == Width::Wide {
        64
    } else {
        52
    })
}

fn mesh<X, Y>(
    mut mesh: plotters::chart::MeshStyle<'_, '_, X, Y, SVGBackend<'_>>,
    width: Width,
    axes: &Axes<'_>,
) -> Drawn
where
    X: plotters::coord::ranged1d::Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    Y: plotters::coord::ranged1d::Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
{
    let font = ("sans-serif", width.font());
    mesh.x_labels(if width == Width::Wide { 10 } else { 4 })
        .y_labels(6)
        .x_label_formatter(&|value: &f64| number(*value))
        .y_label_formatter(&|value: &f64| number(*value))
        .x_desc(axes.x_name)
        .y_desc(axes.y_name)
        .label_style(font)
        .axis_desc_style(font)
        .light_line_style(BLACK.mix(0.0))
        .bold_line_style(BLACK.mix(0.12))
        .draw()
}

fn lines<'a, 'b: 'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>,
    width: Width,
    curves: &[Curve],
) -> Drawn
where
    X: plotters::coord::ranged1d::Ranged<ValueType = f64>,
    Y: plotters::coord::ranged1d::Ranged<ValueType = f64>,
{
    for (place, curve) in curves.iter().enumerate() {
        let colour = if place == 0 { OURS } else { THEIRS[(place - 1) % THEIRS.len()] };
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), style))?
            .label(curve.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        if curve.points.len() < 20 {
            chart.draw_series(curve.points.iter().map(|point| Circle::new(*point, 4, colour.filled())))?;
        }
        if let Some(point) = curve.mixed {
            chart.draw_series([EmptyElement::at(point) + diamond((0, 0), colour.filled())])?;
        }
    }
    // One entry in the legend for all IMIX points, after those of the curves.
    if curves.iter().any(|curve| curve.mixed.is_some()) {
        let nothing = std::iter::empty::<Circle<_, i32>>();
        chart
            .draw_series(nothing)?
            .label("IMIX, at its mean size")
            .legend(|(x, y)| diamond((x + 9, y), BLACK.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", width.font()))
        .draw()
}

/// The mark of an IMIX point.
fn diamond((x, y): (i32, i32), style: ShapeStyle) -> Polygon<(i32, i32)> {
    Polygon::new([(0, -7), (7, 0), (0, 7), (-7, 0)].map(|(dx, dy)| (x + dx, y + dy)), style)
}

/// The latency percentiles of a case as text.
pub(super) fn percentiles(case: &Measured) -> Option<[String; 4]> {
    let latency = case.latency.as_ref()?;
    Some([latency.p50, latency.p99, latency.p999, latency.max].map(|ns| units::time(ns.0)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn a_run_of_few_cases_has_the_latency_of_each() {
        let ids = |run: &Run| drawn(run).iter().map(|case| case.case.clone()).collect::<Vec<_>>();
        let mut run = example();
        assert_eq!(ids(&run), DRAWN);
        run.cases.retain(|case| ["harness", "end-x", "end-dx4", "ipv6-forward"].contains(&case.case.as_str()));
        assert_eq!(ids(&run), ["ipv6-forward", "end-x", "end-dx4"]);
        let mut run = example();
        run.cases.retain(|case| !DRAWN.contains(&case.case.as_str()));
        assert_eq!(ids(&run).len(), MOST, "some cases, if there are no typical ones");
    }

    #[test]
    fn a_mix_of_sizes_is_marked_at_its_mean() {
        let run = example();
        let (size, ns) = mixed(&run, "ipv6-forward-size-").expect("measured");
        // Seven of 64 bytes, four of 576, one of 1500.
        assert_eq!(size.round(), 354.0);
        assert!(ns > 0.0);
        assert_eq!(mixed(&run, "end-sids-"), None);
        let svg = scaling(&run).into_iter().find(|(what, _)| what.ends_with("size")).expect("a figure").1;
        assert!(svg.contains("IMIX, at its mean size") && svg.contains("<polygon"), "{svg}");
        assert!(!scaling(&run).iter().any(|(what, svg)| !what.ends_with("size") && svg.contains("IMIX")));
    }
}
