import FisherStudies

extension LineChart {
    /// The parts of a line chart at the coordinates of one layout.
    struct Plot {
        let chart: LineChart
        let layout: ChartLayout
        let x: AxisScale
        let y: AxisScale
        private let rows: [(value: Double, text: String)]

        static let top = 34.0
        static let bottomMargin = 46.0

        init(chart: LineChart, layout: ChartLayout) {
            self.chart = chart
            self.layout = layout
            y = AxisScale(chart.range, from: layout.height - Self.bottomMargin, to: Self.top)
            rows = chart.isLogarithmic ? y.logarithmicTicks() : y.ticks(count: 6)
            let left = AxisScale.room(for: rows, atLeast: layout.leftMargin)
            x = AxisScale(chart.domain, from: left, to: layout.width - layout.rightMargin)
        }

        /// The area of the curves; a little larger, or marks on its edge would be halved.
        var clip: Markup {
            .tag(
                "rect",
                [
                    "x": SVG.number(x.start - 1), "y": SVG.number(y.end - 1),
                    "width": SVG.number(x.end - x.start + 7), "height": SVG.number(y.start - y.end + 2),
                ])
        }

        var axes: [Markup] {
            let rows = rows.flatMap { tick in
                let height = y.position(tick.value)
                return [
                    SVG.line(x.start, height, x.end, height, class: "grid"),
                    SVG.text(tick.text, x: x.start - 9, y: height + 4, class: "tick", anchor: "end"),
                ]
            }
            let columns = x.ticks(count: layout.tickCount, whole: chart.hasWholeSteps).flatMap { tick in
                let left = x.position(tick.value)
                return [
                    SVG.line(left, y.start, left, y.start + 5, class: "axis"),
                    SVG.text(tick.text, x: left, y: y.start + 20, class: "tick", anchor: "middle"),
                ]
            }
            return rows + columns + [
                SVG.line(x.start, y.start, x.end, y.start, class: "axis"),
                SVG.text(chart.verticalTitle, x: 0, y: 14, class: "axis-title"),
                SVG.text(
                    chart.horizontalTitle, x: x.end, y: layout.height - 6, class: "axis-title", anchor: "end"
                ),
            ]
        }

        var bands: [Markup] {
            chart.curves.filter { $0.runCount > 1 && $0.points.count > 1 }.map { curve in
                let upper = curve.points.map { at($0.x, $0.high) }
                let lower = curve.points.reversed().map { at($0.x, $0.low) }
                return SVG.group(style: curve.style, [SVG.path(SVG.area(upper + lower), class: "band")])
            }
        }

        /// The curves; the first optimizer's lies on top, being what the others are compared to.
        var lines: [Markup] {
            chart.curves.reversed().map { curve in
                let strays = curve.strays.map { stray in
                    SVG.path(
                        SVG.polyline(stray.points.map { at($0.x, $0.mean) }), class: "stray",
                        dash: curve.style.dash
                    )
                }
                guard !curve.points.isEmpty else { return SVG.group(style: curve.style, strays) }
                let line = SVG.path(
                    SVG.polyline(curve.points.map { at($0.x, $0.mean) }), class: "curve",
                    dash: curve.style.dash
                )
                return series(curve, strays + [line] + marks(curve))
            }
        }

        /// A group that also carries the values, for the script that shows them.
        private func series(_ curve: LossCurve, _ children: [Markup]) -> Markup {
            let values = curve.points.map { point in
                let value = chart.text(point.mean, .plain, decimals: 4)
                let place =
                    chart.hasWholeSteps
                    ? "step " + NumberText.plain.fixed(point.x, decimals: 0)
                    : NumberText.plain.fixed(point.x, decimals: 1) + " s"
                return "\(SVG.number(x.position(point.x))),\(SVG.number(y.clampedPosition(point.mean))),"
                    + "\(place),\(value)"
            }
            return .tag(
                "g",
                [
                    "class": "series", "style": "--c:var(--series-\(curve.style.color))",
                    "data-label": curve.label, "data-values": values.joined(separator: ";"),
                ], children
            )
        }

        /// About seven marks a curve, at different places for different curves.
        private func marks(_ curve: LossCurve) -> [Markup] {
            let length = x.end - x.start
            let distance = length / 7
            var next = x.start + distance * (0.25 + 0.5 * Double(curve.style.index % 4) / 3)
            return curve.points.compactMap { point in
                let place = at(point.x, point.mean)
                guard place.x >= next, point.mean <= chart.range.upperBound else { return nil }
                next += distance * (((place.x - next) / distance).rounded(.down) + 1)
                return SVG.path(curve.style.markPath(x: place.x, y: place.y, radius: 3.6), class: "mark")
            }
        }

        /// A cross where a run diverged, a ring where one was interrupted; at the upper edge if it left the
        /// drawing there.
        var endings: [Markup] {
            chart.curves.flatMap { curve in
                curve.strays.compactMap { stray in
                    guard let place = ending(of: stray.points) else { return nil }
                    let left = x.position(place.x)
                    let height = y.clampedPosition(place.y)
                    let cross = "M\(SVG.number(left - 4.5)) \(SVG.number(height - 4.5))l9 9m0 -9l-9 9"
                    let ring = SeriesStyle(index: 0).markPath(x: left, y: height, radius: 4.5)
                    return SVG.group(
                        style: curve.style,
                        [
                            SVG.path(stray.hasDiverged ? cross : ring, class: "ending")
                        ])
                }
            }
        }

        /// The last point, or where the curve last crosses the upper edge if that point lies above it.
        private func ending(of points: [LossCurve.Point]) -> (x: Double, y: Double)? {
            guard let last = points.last else { return nil }
            let top = chart.range.upperBound
            guard last.mean > top, let inside = points.lastIndex(where: { $0.mean <= top }) else {
                return (last.x, last.mean)
            }
            let before = points[inside]
            let after = points[inside + 1]
            let share = (top - before.mean) / (after.mean - before.mean)
            return (before.x + share * (after.x - before.x), top)
        }

        func at(_ horizontal: Double, _ vertical: Double) -> (x: Double, y: Double) {
            // Coordinates are bounded, because some programs mishandle huge ones.
            let height = y.position(vertical)
            return (x.position(horizontal), min(max(height, -1e5), 1e5))
        }
    }
}
