import FisherStudies
import Foundation

extension GeometryStudy {
    private static func number(_ value: Double) -> String { String(format: "%.3g", value) }

    private func deviations(beta: Double) -> [(label: String, deviation: VectorDeviation)] {
        let averages = PathAverages(path, beta: beta)
        let reference = averages.transported()
        return NormalChart.allCases.map {
            ("plain, \($0.rawValue)", VectorDeviation(of: averages.plain(in: $0), from: reference))
        } + [("invariant natural gradient", VectorDeviation(of: averages.invariant(), from: reference))]
    }

    /// Averages of gradients against the transported one.
    var averagesTable: TaskExhibit {
        .table(
            ExhibitTable(
                title: "Averages of gradients against the average with parallel transport",
                caption:
                    "Over the steps of Adam's path: median and largest angle in degrees, median ratio of the longer to the "
                    + "shorter length, all in the Fisher metric at the current point.",
                columns: ["beta", "average", "angle, median", "angle, largest", "ratio of lengths"],
                rows: Self.betas.flatMap { beta in
                    deviations(beta: beta).map { label, deviation in
                        [
                            "\(beta)", label, Self.number(deviation.angle),
                            Self.number(deviation.largestAngle),
                            String(format: "%.4g", deviation.lengthRatio),
                        ]
                    }
                }))
    }

    /// The first gradient, carried from the path's start to its end along three lines.
    var carriedTable: TaskExhibit {
        let (first, last) = (path.points[0], path.points[path.points.count - 1])
        let geodesic = NormalGeodesic(from: first, to: last)
        let gradient = NormalFamily.framed(covector: path.gradients[0], at: first)
        let direct = geodesic.transported(framed: gradient, from: 0, to: 1)
        let followed = zip(path.points, path.points.dropFirst()).reduce(gradient) {
            NormalFamily.transported(framed: $0, alongSegmentFrom: $1.0, to: $1.1)
        }
        let straight = NormalFamily.transported(framed: gradient, alongSegmentFrom: first, to: last)
        let rows =
            [
                ("the geodesic", direct), ("Adam's path", followed),
                ("the straight line in (mu, sigma)", straight),
            ]
            + NormalChart.allCases.map { chart in
                let components = chart.components(ofCovector: path.gradients[0], at: first)
                let copied = NormalFamily.framed(
                    covector: chart.covector(ofComponents: components, at: last), at: last)
                return ("none: the components in \(chart.rawValue) are kept", copied)
            }
        return .table(
            ExhibitTable(
                title: "The first gradient, carried to the end of the path",
                caption:
                    "Against transport along the geodesic. Transport keeps every length; along another line it turns by half the "
                    + "area between the two, since the curvature is -1/2.",
                columns: ["transport along", "angle, degrees", "length, ratio"],
                rows: rows.map { name, vector in
                    [
                        name, Self.number(vector.degrees(to: direct)),
                        String(format: "%.4g", vector.length / direct.length),
                    ]
                }))
    }

    /// Averages of the information's components, at the path's end.
    var informationTable: TaskExhibit {
        .table(
            ExhibitTable(
                title: "Averages of the exact information at the end of the path, over the information there",
                caption:
                    "Diagonal entries in the orthonormal frame; with parallel transport the matrix is the identity at every beta. A gradient "
                    + "over the root of such an average is too short by the root of the entry where that is above 1, else too long.",
                columns: ["beta2"] + NormalChart.allCases.map { $0.rawValue + ": mu, sigma" },
                rows: Self.betas.map { beta in
                    let averages = PathAverages(path, beta: beta)
                    return ["\(beta)"]
                        + NormalChart.allCases.map { chart in
                            let found = averages.information(in: chart)
                            let end = found[found.count - 1].diagonal
                            return "\(Self.number(end.x)), \(Self.number(end.y))"
                        }
                }))
    }

    /// Lengths by coordinates.
    var lengthsTable: TaskExhibit {
        .table(
            ExhibitTable(
                title: "The squared length of the gradient by coordinates",
                caption:
                    "The largest relative difference from g F^-1 g in (mu, sigma) along the path: with the whole information "
                    + "(Eq. 25) and with its diagonal (Eqs. 26 and 27).",
                columns: ["coordinates", "whole information", "diagonal"],
                rows: NormalChart.allCases.map { chart in
                    [chart.rawValue]
                        + [false, true].map {
                            String(format: "%.1e", errorOfLengths(in: chart, diagonal: $0))
                        }
                }))
    }

    /// The path and the geodesic between its ends.
    var planeFigure: ClaimFigure {
        let end = path.points[path.points.count - 1]
        let geodesic = NormalGeodesic(from: path.points[0], to: end)
        let objective = NormalObjective(mean: 0, variance: 1)
        // The plane's axis runs with mu, so points go from the smaller one.
        func ordered(_ points: [Pair]) -> [ClaimFigure.Point] {
            points.map { .init($0.x, $0.y) }.sorted { $0.x < $1.x }
        }
        return ClaimFigure(
            title: "The half-plane of normal distributions",
            caption: String(
                format:
                    "From (2, 0.25) to where Adam ends; the geodesic between the same ends has Fisher-Rao length %.3g, and the "
                    + "geodesic equation integrated in 2000 steps ends %.0e from its end.",
                geodesic.distance, (geodesic.integratedEnd(steps: 2000) - end).length),
            horizontal: .init("mean mu"), vertical: .init("standard deviation sigma"),
            series: [
                .init(
                    "Adam, every tenth step",
                    stride(from: 0, to: path.points.count, by: 10).map {
                        .init(path.points[$0].x, path.points[$0].y)
                    }, isJoined: false),
                .init("geodesic", ordered((0...60).map { geodesic.point(at: Double($0) / 60) })),
                .init(
                    "natural gradient's flow",
                    ordered(
                        (0...60).map { objective.naturalFlow(from: Self.start, after: Double($0 * $0) / 600) }
                    )),
            ])
    }

    private func figure(
        _ title: String, _ vertical: ClaimFigure.Axis, _ value: (VectorDeviation) -> Double
    ) -> ClaimFigure {
        let all = Self.betas.map { (beta: $0, deviations: deviations(beta: $0)) }
        return ClaimFigure(
            title: title,
            caption:
                "Averages of gradients along Adam's path against the one with parallel transport; medians over the steps.",
            horizontal: .init("steps that an average reaches back, 1/(1 - beta)", isLogarithmic: true),
            vertical: vertical,
            series: all[0].deviations.indices.map { k in
                .init(
                    all[0].deviations[k].label,
                    all.map { .init(1 / (1 - $0.beta), value($0.deviations[k].deviation)) })
            })
    }

    /// The angles by beta.
    var angleFigure: ClaimFigure {
        figure("Directions of averages", .init("angle, degrees")) { $0.angle }
    }

    /// The lengths by beta.
    var lengthFigure: ClaimFigure {
        figure("Lengths of averages", .init("ratio of lengths", isLogarithmic: true)) { $0.lengthRatio }
    }

    /// What an optimizer that averages the exact information in (mu, sigma) takes it for.
    var informationFigure: ClaimFigure {
        let every = max(1, path.gradients.count / 100)
        return ClaimFigure(
            title: "The averaged information of the mean over the present one",
            caption:
                "Averages of 1/sigma^2 in (mu, sigma) along Adam's path: sigma grows, and the past is remembered as more "
                + "informative than the present. With parallel transport the ratio is 1.",
            horizontal: .init("step"), vertical: .init("ratio", isLogarithmic: true),
            series: [0.9, 0.99, 0.999].map { beta in
                let found = PathAverages(path, beta: beta).information(in: .deviation)
                return .init(
                    "beta2 \(beta)",
                    stride(from: 0, to: found.count, by: every).map { .init(Double($0), found[$0].first.x) })
            })
    }
}
