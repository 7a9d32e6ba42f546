import FisherStudies
import Foundation

extension Claim {
    /// Whether averages of components mean anything, and whether lengths do, where the geometry is known.
    static let geometry = Claim(
        "geometry",
        says: """
            EMA averages the components of the Fisher information tensor obtained across different points, despite their \
            potentially differing basis. This is a mathematically invalid operation, except for in Euclidean space. [...] The \
            invariant quantity is the vector length.
            """,
        in: .fadam("Section 3.4.1, Eqs. 25 to 27, footnote 9"),
        decidedBy: """
            Normal distributions with two parameters, on which geodesics and parallel transport are known in closed form; Adam's \
            path over 1000 steps, five coordinate systems. An operation is invalid if its result, brought back to (mu, sigma), \
            depends on the coordinates in which it is done. The claim holds if at beta2 = 0.999 (1) averages of the components of \
            the information differ by more than 1 % between coordinates, (2) averages of gradients with parallel transport, \
            integrated in each system, agree to 1e-4, (3) plain averages on the flat line of fixed mean, in its affine \
            coordinate log sigma, agree with transported ones to 1e-10, and (4) the length g F^-1 g agrees in all systems to 1e-9. \
            It does not hold if one of the four fails.
            """,
        evidence: .exact, cost: ClaimCost(short: 20)
    ) { _ in try GeometryStudy().finding }
}

/// Averages along an optimizer's path in the half-plane of normal distributions.
struct GeometryStudy {
    static let betas = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
    static let start = Pair(2, 0.25)

    let path: OptimizerPath
    /// A path of which only sigma moves, along a geodesic.
    let flat: OptimizerPath

    init(steps: Int = 1000) throws {
        path = try OptimizerPath(from: Self.start, rate: 0.005, batch: 32, steps: steps, seed: 1)
        flat = try OptimizerPath(
            from: Pair(0, 0.25), rate: 0.005, batch: 32, steps: steps, seed: 1, holdsMean: true)
    }

    /// The largest relative difference between charts of the averages of the information's components at the path's end.
    func spreadOfInformation(beta: Double) -> Double {
        let averages = PathAverages(path, beta: beta)
        let ends = NormalChart.allCases.map { chart -> SquareMatrix in
            let found = averages.information(in: chart)
            return found[found.count - 1]
        }
        return ends.flatMap { one in ends.map { (one - $0).norm / $0.norm } }.max() ?? 0
    }

    /// The largest relative difference of transport integrated in a chart from the closed form, over charts and steps.
    func errorOfIntegration(beta: Double) -> Double {
        let averages = PathAverages(path, beta: beta)
        let reference = averages.transported()
        return NormalChart.allCases.map {
            VectorDeviation(of: averages.integrated(in: $0), from: reference).largestDifference
        }.max() ?? 0
    }

    /// The largest relative difference of plain averages from transported ones on the flat line, in a coordinate.
    func errorOnFlatLine(_ chart: NormalChart, beta: Double) -> Double {
        let averages = PathAverages(flat, beta: beta)
        return VectorDeviation(of: averages.plain(in: chart), from: averages.transported()).largestDifference
    }

    /// g^T F^-1 g in a chart at each step, with the whole information or with its diagonal.
    func squaredLengths(in chart: NormalChart, diagonal: Bool) -> [Double] {
        zip(path.points, path.gradients).map { point, gradient in
            let g = chart.components(ofCovector: gradient, at: point)
            let information = chart.information(at: chart.coordinates(of: point))
            return diagonal ? g.dot(g / information.diagonal) : g.dot(information.inverse * g)
        }
    }

    /// The largest relative difference of lengths from those in (mu, sigma).
    func errorOfLengths(in chart: NormalChart, diagonal: Bool) -> Double {
        zip(squaredLengths(in: chart, diagonal: diagonal), squaredLengths(in: .deviation, diagonal: false))
            .map { abs($0 - $1) / $1 }.max() ?? 0
    }

    /// The verdict and its page.
    var finding: ClaimFinding {
        let spread = spreadOfInformation(beta: 0.999)
        let integration = errorOfIntegration(beta: 0.999)
        let flatness = errorOnFlatLine(.logarithm, beta: 0.999)
        let curvedCoordinate = errorOnFlatLine(.deviation, beta: 0.999)
        let lengths = NormalChart.allCases.map { errorOfLengths(in: $0, diagonal: false) }.max() ?? .infinity
        let parts: [ClaimVerdict] = [spread > 0.01, integration < 1e-4, flatness < 1e-10, lengths < 1e-9].map
        {
            $0 ? .holds : .doesNotHold
        }
        let angles = [0.9, 0.999].map { beta -> (plain: VectorDeviation, invariant: VectorDeviation) in
            let averages = PathAverages(path, beta: beta)
            let reference = averages.transported()
            return (
                VectorDeviation(of: averages.plain(in: .deviation), from: reference),
                VectorDeviation(of: averages.invariant(), from: reference)
            )
        }
        let oblique = NormalChart.allCases.filter { !$0.isOrthogonal }
        let wrong = oblique.map { chart in
            String(format: "%@ %.3g", chart.rawValue, errorOfLengths(in: chart, diagonal: true))
        }
        let answer = String(
            format:
                "Averaged at beta2 = 0.999, the components of the information give results that differ by up to %.3g of their "
                + "norm between five coordinate systems; with parallel transport they agree to %.1e (integrated numerically), on "
                + "the flat line in log sigma to %.1e. Lengths agree to %.1e. Averages of gradients in (mu, sigma) turn away from "
                + "the transported one by %.2g degrees (median over the path) at beta 0.9 and by %.2g at 0.999, where their length is "
                + "%.3g times off; those of invariant natural gradients by %.2g and %.2g, with %.3g.",
            spread, integration, flatness, lengths, angles[0].plain.angle, angles[1].plain.angle,
            angles[1].plain.lengthRatio, angles[0].invariant.angle, angles[1].invariant.angle,
            angles[1].invariant.lengthRatio)
        return ClaimFinding(
            .all(parts), answer, exhibits: [carriedTable, averagesTable, informationTable, lengthsTable],
            figures: [planeFigure, angleFigure, lengthFigure, informationFigure],
            remarks: [
                String(
                    format:
                        "\"Except for in Euclidean space\" needs affine coordinates as well: on the line of fixed mean, which is "
                        + "flat, averages in sigma are off by up to %.3g, those in log sigma by nothing.",
                    curvedCoordinate),
                "Parallel transport makes averages of exact information pointless: the metric is parallel, so every earlier "
                    + "information becomes the present one. An average only helps against noise.",
                "Eq. 27, g over the root of the diagonal, has the length of Eq. 25 only where the information is diagonal; "
                    + "elsewhere the squared length is wrong by up to (relative) "
                    + wrong.joined(separator: ", ") + ".",
                "This is one path on one manifold, of constant curvature -1/2: it does not say how large the angles are in networks.",
            ])
    }
}
