//! Shared by all charts: two widths, colours, and the conversion of a drawing to SVG.

use plotters::prelude::*;

/// Each chart is drawn for wide and for narrow windows. The page shows the one that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Wide,
    Narrow,
}

impl Width {
    pub(super) const BOTH: [Self; 2] = [Self::Wide, Self::Narrow];

    /// Width in pixels. A phone with 390 pixels has 358 between its margins.
    pub(super) fn pixels(self) -> u32 {
        match self {
            Self::Wide => 1080,
            Self::Narrow => 358,
        }
    }

    /// The class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }

    /// Size of labels in pixels.
    pub(super) fn font(self) -> u32 {
        match self {
            Self::Wide => 14,
            Self::Narrow => 11,
        }
    }

    /// Width of the names of cases left of the bars, in pixels.
    pub(super) fn names(self) -> u32 {
        match self {
            Self::Wide => 200,
            Self::Narrow => 150,
        }
    }
}

/// Colour of our values.
pub(super) const OURS: RGBColor = RGBColor(0x2f, 0x6f, 0xab);
/// Colours of published values, by publication. Marks also differ in shape, for colour-blind readers.
pub(super) const THEIRS: [RGBColor; 5] = [
    RGBColor(0xc8, 0x55, 0x1b),
    RGBColor(0x3c, 0x8d, 0x40),
    RGBColor(0x8e, 0x44, 0xad),
    RGBColor(0xb0, 0x8a, 0x00),
    RGBColor(0x55, 0x55, 0x55),
];

/// Draws a chart in both widths and returns the SVG. Screen readers read `what` instead of the chart.
pub(super) fn both(
    what: &str,
    height: impl Fn(Width) -> u32,
    draw: impl Fn(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, Width) -> Drawn,
) -> String {
    let svg = |width: Width| {
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (width.pixels(), height(width))).into_drawing_area();
            draw(&area, width).and_then(|()| area.present()).expect("drawing into a string does not fail");
        }
        let (class, what) = (width.class(), super::escape::escape(what));
        // The page scales the drawing up to this size.
        let open = format!("<svg class=\"chart {class}\" role=\"img\" aria-label=\"{what}\" ");
        text.replacen("<svg ", &open, 1)
    };
    Width::BOTH.map(svg).concat()
}

/// A label of an axis.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// The result of drawing.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
