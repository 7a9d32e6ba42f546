import FisherStudies
import Foundation
import Testing
import Torch

@testable import FisherClaims

/// The half-plane of normal distributions against scipy (`Reference/geometry.py`) and against itself.
@Suite struct NormalFamilyTests {
    struct Fixture: Decodable {
        struct Case: Decodable {
            let start, end, vector, middle, transported, transportedStraight: [Double]
            let distance: Double
        }
        let cases: [Case]

        static func load() throws -> Fixture {
            let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/claims/geometry.json")
            return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: path))
        }
    }

    private func pair(_ values: [Double]) -> Pair { Pair(values[0], values[1]) }

    @Test(arguments: 0..<5) func geodesicsAndTransportAreThoseOfTheEquations(number: Int) throws {
        let expected = try Fixture.load().cases[number]
        let (start, end) = (pair(expected.start), pair(expected.end))
        let geodesic = NormalGeodesic(from: start, to: end)
        #expect(abs(geodesic.distance - expected.distance) < 1e-9)
        #expect(
            (geodesic.point(at: 0) - start).length < 1e-12 && (geodesic.point(at: 1) - end).length < 1e-12)
        #expect((geodesic.point(at: 0.5) - pair(expected.middle)).length < 1e-9)
        #expect((geodesic.integratedEnd(steps: 400) - end).length < 1e-8)
        let framed = NormalFamily.framed(vector: pair(expected.vector), at: start)
        let along = NormalFamily.vector(framed: geodesic.transported(framed: framed, from: 0, to: 1), at: end)
        #expect((along - pair(expected.transported)).length < 1e-9)
        let straight = NormalFamily.vector(
            framed: NormalFamily.transported(framed: framed, alongSegmentFrom: start, to: end), at: end)
        #expect((straight - pair(expected.transportedStraight)).length < 1e-9)
    }

    @Test func closedFormDistanceIsThatOfTheHalfPlane() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<200 {
            let (p, q) = (
                Pair(.random(in: -3...3, using: &generator), .random(in: 0.1...3, using: &generator)),
                Pair(.random(in: -3...3, using: &generator), .random(in: 0.1...3, using: &generator))
            )
            let squares = (q.x - p.x) * (q.x - p.x) / 2 + (q.y - p.y) * (q.y - p.y)
            let expected = 2.0.squareRoot() * acosh(1 + squares / (2 * p.y * q.y))
            let geodesic = NormalGeodesic(from: p, to: q)
            #expect(abs(geodesic.distance - expected) < 1e-7 * max(1, expected))
            // Additive along the line, and the same back.
            let middle = geodesic.point(at: 0.3)
            #expect(abs(NormalGeodesic(from: p, to: middle).distance - 0.3 * geodesic.distance) < 1e-10)
            #expect(abs(NormalGeodesic(from: q, to: p).distance - geodesic.distance) < 1e-11)
        }
    }

    /// Transport preserves inner products to 1e-12, along geodesics and along any path.
    @Test func transportPreservesTheMetric() throws {
        let path = try OptimizerPath(from: Pair(1, 0.5), rate: 0.05, batch: 8, steps: 60, seed: 2)
        let (u, v) = (Pair(0.3, -1.2), Pair(0.8, 0.4))
        func inner(_ u: Pair, _ v: Pair, _ point: Pair) -> Double {
            let (a, b) = (
                NormalFamily.vector(framed: u, at: point), NormalFamily.vector(framed: v, at: point)
            )
            return (a * b * NormalFamily.information(at: point)).sum()
        }
        var (moved, other) = (u, v)
        for (start, end) in zip(path.points, path.points.dropFirst()) {
            moved = NormalFamily.transported(framed: moved, alongSegmentFrom: start, to: end)
            other = NormalFamily.transported(framed: other, alongSegmentFrom: start, to: end)
            #expect(abs(inner(moved, other, end) - inner(u, v, path.points[0])) < 1e-12)
            #expect(abs(inner(moved, moved, end) - inner(u, u, path.points[0])) < 1e-12)
        }
        #expect((moved - u).length > 0.01)
        let geodesic = NormalGeodesic(from: path.points[0], to: path.points[60])
        let along = geodesic.transported(framed: u, from: 0, to: 1)
        #expect(abs(along.length - u.length) < 1e-12)
        // The line's own direction stays its direction.
        let direction = geodesic.transported(framed: geodesic.velocity(at: 0), from: 0, to: 1)
        #expect((direction - geodesic.velocity(at: 1)).length < 1e-12)
    }

    /// Transport by Christoffel's symbols in other coordinates gives the same covector.
    @Test(arguments: NormalChart.allCases) func transportDoesNotDependOnCoordinates(chart: NormalChart) {
        let (start, end, g) = (Pair(-0.5, 0.4), Pair(0.2, 0.6), Pair(0.7, -1.1))
        #expect((chart.point(at: chart.coordinates(of: start)) - start).length < 1e-12)
        let found = chart.integrated(covector: g, from: start, to: end, steps: 40)
        let framed = NormalFamily.transported(
            framed: NormalFamily.framed(covector: g, at: start), alongSegmentFrom: start, to: end)
        #expect((found - NormalFamily.covector(framed: framed, at: end)).length < 1e-6)
        let information = chart.information(at: chart.coordinates(of: start))
        #expect(chart.isOrthogonal == (abs(information.first.y) < 1e-9))
    }

    @Test func theNaturalFlowSolvesItsEquation() {
        let objective = NormalObjective(mean: 0.4, variance: 1.7)
        let start = Pair(2, 0.6)
        for time in [0.0, 0.3, 2] {
            let point = objective.naturalFlow(from: start, after: time)
            let step = 1e-5
            let slope =
                (objective.naturalFlow(from: start, after: time + step)
                    - objective.naturalFlow(from: start, after: time - step)) / (2 * step)
            #expect((slope + objective.naturalGradient(at: point)).length < 1e-8)
            let g = objective.gradient(at: point)
            for axis in 0..<2 {
                var shift = Pair()
                shift[axis] = 1e-5
                let difference =
                    (objective.loss(at: point + shift) - objective.loss(at: point - shift)) / 2e-5
                #expect(abs(difference - g[axis]) < 1e-6)
            }
        }
    }

    @Test func averagesOfInvariantGradientsKeepLengthsAndPlainOnesDoNot() throws {
        let path = try OptimizerPath(from: Pair(2, 0.25), rate: 0.02, batch: 32, steps: 120, seed: 1)
        let averages = PathAverages(path, beta: 0.99)
        let reference = averages.transported()
        let invariant = VectorDeviation(of: averages.invariant(), from: reference)
        let plain = VectorDeviation(of: averages.plain(in: .variance), from: reference)
        #expect(invariant.lengthRatio < 1.05 && plain.lengthRatio > 1.1 && plain.angle > invariant.angle)
        // One step has nothing to transport.
        #expect((averages.invariant()[0] - reference[0]).length < 1e-15)
        // On the line of fixed mean nothing turns, and log sigma is affine.
        let flat = PathAverages(
            try OptimizerPath(
                from: Pair(0, 0.25), rate: 0.02, batch: 32, steps: 50, seed: 1, holdsMean: true), beta: 0.9)
        let level = VectorDeviation(of: flat.plain(in: .logarithm), from: flat.transported())
        #expect(level.largestDifference < 1e-12)
    }

    @Test func exactClaimsAreDecided() throws {
        let geometry = try GeometryStudy(steps: 100)
        #expect(geometry.errorOfLengths(in: .natural, diagonal: false) < 1e-9)
        #expect(geometry.errorOfLengths(in: .natural, diagonal: true) > 0.1)
        #expect(
            geometry.errorOfIntegration(beta: 0.99) < 1e-5 && geometry.spreadOfInformation(beta: 0.99) > 0.01)
        // The equation that is solved halves its error with the step, the other one does not.
        let objective = ContinuousTimeStudy.objective
        for (limit, converges) in [
            (ContinuousLimit.adagrad, true), (.adagradByRate, false), (.rmsProp, true),
            (.naturalGradient, true),
        ] {
            let solution = limit.solution(objective, from: ContinuousTimeStudy.start, until: 1)
            let errors = try [1.0 / 64, 1.0 / 128].map { step in
                let points = try limit.iterates(
                    objective, from: ContinuousTimeStudy.start, until: 1, step: step)
                return (points[points.count - 1] - solution[solution.count - 1].point).length
            }
            #expect((errors[1] < 0.6 * errors[0]) == converges, "\(limit.rawValue): \(errors)")
        }
    }
}
