import Fisher
import FisherStudies
import Foundation

/// Which rules go the same way in other coordinates.
enum Reparameterization {
    static let claim = Claim(
        "reparameterization",
        says: """
            If we reparameterize theta = A phi for an invertible matrix A, Newton's method yields iterates that map directly \
            back; the natural gradient follows the Fisher metric instead of the Euclidean one. Diagonal preconditioners lose \
            full affine-invariance but capture some scale-free properties: scaling the loss should not change the trajectory.
            """,
        in: .perspective("Section 2.1; Section 3.3; also Hwang (2024), Section 3.4.1"),
        decidedBy: """
            A network with least squares makes steps in theta and in phi. The end points may differ by 1e-6 of the distance \
            covered for Newton and the natural gradient; they must differ by 1e-2 for Adam and FAdam under a full A. Scaling \
            the loss by 100 may change the end point by 1e-6 of the distance for Newton, Adam and FAdam. In the curved \
            coordinates sigma and log sigma of a normal distribution the natural gradient's end points must come together as \
            the step size to a power within 0.9 to 1.1, and the plain gradient's must stay apart by 0.01.
            """,
        evidence: .exact, cost: ClaimCost(short: 15)
    ) { try finding(isShort: $0.form == .short) }

    // MARK: Linear coordinates

    /// y = W2 tanh(W1 x) in the coordinates W_k = P_k V_k Q_k, of which V_k are trained.
    private struct Chart {
        private let left: [Tensor]
        private let right: [Tensor]
        private let layers: [Linear]
        let network: Sequential

        /// Draws the weights W, and coordinates in which the network computes the same.
        ///
        /// - Parameter factors: P_1, Q_1, P_2, Q_2.
        init(factors: [Tensor], seed: UInt64) throws {
            let generator = try RandomGenerator(seed: seed)
            (left, right) = ([factors[0], factors[2]], [factors[1], factors[3]])
            let shapes = [(3, 4), (4, 2)]
            let start = shapes.map { shape in
                Tensor.normal([shape.1, shape.0], standardDeviation: 0.6, dtype: .float64, using: generator)
            }
            func frozen(_ matrix: Tensor) throws -> Linear {
                let layer = Linear(
                    matrix.shape[1], matrix.shape[0], bias: false, dtype: .float64, using: generator)
                try layer.$weight.assign(matrix)
                layer.$weight.isTrainable = false
                return layer
            }
            var own: [Linear] = []
            var parts: [any UnaryLayer] = []
            for k in 0..<2 {
                if k > 0 { parts.append(Tanh()) }
                let layer = Linear(shapes[k].0, shapes[k].1, bias: false, dtype: .float64, using: generator)
                try layer.$weight.assign(
                    try Chart.inverse(left[k]).matmul(start[k]).matmul(try Chart.inverse(right[k])))
                own.append(layer)
                parts += [try frozen(right[k]), layer, try frozen(left[k])]
            }
            layers = own
            network = Sequential(parts)
        }

        /// The weights W as one vector.
        var weights: Tensor {
            withoutGradients {
                .concatenated(
                    layers.indices.map {
                        left[$0].matmul(layers[$0].weight.detached()).matmul(right[$0]).flattened()
                    })
            }
        }

        private static func inverse(_ matrix: Tensor) throws -> Tensor {
            let normal = matrix.transposed(0, 1).matmul(matrix)
            return matrix.transposed(0, 1).choleskySolved(factor: normal.cholesky())
        }
    }

    private enum Coordinates: String, CaseIterable {
        case full = "theta = A phi"
        case diagonal = "theta = D phi, D diagonal"

        /// P and Q of both layers.
        func factors(using generator: RandomGenerator) -> [Tensor] {
            [4, 3, 2, 4].map { size in
                switch self {
                case .full:
                    Tensor.identity(size, dtype: .float64)
                        + Tensor.normal(
                            [size, size], standardDeviation: 0.25, dtype: .float64, using: generator)
                case .diagonal:
                    Tensor.identity(size, dtype: .float64)
                        * (Tensor.normal([size], dtype: .float64, using: generator) * 0.7).exp()
                }
            }
        }
    }

    private static func rules() throws -> [(name: String, rule: any OptimizationRule, isInvariant: Bool?)] {
        [
            (
                "Newton",
                try Newton(learningRate: 0.1) {
                    $0.solver = .dense
                    $0.damping = 0
                    $0.adaptsDamping = false
                }, true
            ),
            ("natural gradient", try NaturalGradient(learningRate: 0.1) { $0.damping = 0 }, true),
            ("Adam", try Adam(learningRate: 0.03) { $0.epsilon = 1e-30 }, false),
            (
                "FAdam",
                try FAdam(learningRate: 0.03) {
                    $0.epsilon = 1e-30
                    $0.weightDecay = 0
                }, false
            ),
            ("diagonal natural gradient", try DiagonalNaturalGradient(learningRate: 1e-6), nil),
            ("plain gradient", try SGD(learningRate: 0.03), nil),
        ]
    }

    /// The displacement of the weights W after some steps.
    private static func path(
        _ rule: any OptimizationRule, factors: [Tensor], variance: Double = 1, steps: Int
    ) throws -> Tensor {
        let chart = try Chart(factors: factors, seed: 3)
        let generator = try RandomGenerator(seed: 11)
        let inputs = Tensor.normal([200, 3], dtype: .float64, using: generator)
        let teacher = try SmallNetwork(inputs: 3, hidden: 4, outputs: 2, gain: 2, using: generator)
        let targets = withoutGradients {
            teacher(inputs).detached()
                + Tensor.normal([200, 2], standardDeviation: 0.1, dtype: .float64, using: generator)
        }
        let optimizer = try Optimizer(for: chart.network, rule)
        let start = chart.weights
        for _ in 0..<steps {
            try optimizer.step {
                try Objective(
                    Gaussian(mean: chart.network(inputs), variance: variance), observing: targets)
            }
        }
        return chart.weights - start
    }

    // MARK: Curved coordinates

    /// (mu, sigma) to (mu, log sigma^2).
    private final class LogVariance: UnaryLayer {
        func callAsFunction(_ input: Tensor) -> Tensor {
            let parts = input.split(into: 2, along: -1)
            return .concatenated([parts[0], parts[1].squared().log()], along: -1)
        }
    }

    /// (mu, log sigma) to (mu, log sigma^2).
    private final class TwiceLog: UnaryLayer {
        func callAsFunction(_ input: Tensor) -> Tensor { input * Tensor([1.0, 2]) }
    }

    /// Where (mu, log sigma) is after a time, from (0, log 2), for data of mean 1 and variance 1/4 and more.
    private static func endPoint(natural: Bool, logarithmic: Bool, time: Double, steps: Int) throws -> Tensor
    {
        let generator = try RandomGenerator(seed: 5)
        let layer = Linear(1, 2, bias: false, dtype: .float64, using: generator)
        try layer.$weight.assign(Tensor([0, logarithmic ? 0.693147180559945 : 2], shape: [2, 1]))
        let network = Sequential(layer, logarithmic ? TwiceLog() : LogVariance())
        let y = Tensor([0.5, 1, 1.5, 0.4, 1.6, 1], shape: [6, 1])
        let ones = Tensor.ones([6, 1], dtype: .float64)
        let rate = Schedule.constant(time / Double(steps))
        let rule: any OptimizationRule =
            natural ? try NaturalGradient(learningRate: rate) { $0.damping = 0 } : try SGD(learningRate: rate)
        let optimizer = try Optimizer(for: network, rule)
        for _ in 0..<steps {
            try optimizer.step {
                try Objective(Gaussian(meanAndLogVariance: network(ones)), observing: y)
            }
        }
        let end: [Double] = try layer.weight.scalars()
        return Tensor([end[0], logarithmic ? end[1] : log(end[1])])
    }

    private static func finding(isShort: Bool) throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        var rows: [[String]] = []
        let steps = 10
        for (name, rule, isInvariant) in try rules() {
            let generator = try RandomGenerator(seed: 8)
            let none = [4, 3, 2, 4].map { Tensor.identity($0, dtype: .float64) }
            let reference = try path(rule, factors: none, steps: steps)
            var row = [name]
            for coordinates in Coordinates.allCases {
                let found = try path(rule, factors: coordinates.factors(using: generator), steps: steps)
                let distance = try found.relativeDistance(to: reference)
                row.append(NumberText.significant(distance))
                guard let isInvariant, coordinates == .full || isInvariant else { continue }
                measurements.append(
                    MeasuredQuantity(
                        "\(name), \(coordinates.rawValue): distance of the end points", distance,
                        isInvariant ? .atMost(1e-6) : .atLeast(1e-2)))
            }
            let scaled = try path(rule, factors: none, variance: 0.01, steps: steps)
            let distance = try scaled.relativeDistance(to: reference)
            row.append(NumberText.significant(distance))
            if isInvariant != nil, name != "natural gradient" {
                measurements.append(
                    MeasuredQuantity(
                        "\(name), loss times 100: distance of the end points", distance, .atMost(1e-6)))
            }
            rows.append(row)
        }
        let table = ExhibitTable(
            title: "Distance of the end points over the distance covered, after \(steps) steps",
            caption: """
                A 3-4-2 network with normal errors. The loss is scaled by the variance of the errors, so that the information \
                is scaled with it. The undamped diagonal natural gradient with g^2 goes the same way under a diagonal map, \
                where Adam's root does not, and its step has the inverse scale of the loss.
                """,
            columns: ["rule"] + Coordinates.allCases.map(\.rawValue) + ["loss times 100"], rows: rows)

        let counts = isShort ? [8, 16, 32, 64, 128] : [8, 16, 32, 64, 128, 256, 512]
        func curve(natural: Bool) throws -> [(x: Double, y: Double)] {
            try counts.map { count in
                let ends = try [true, false].map {
                    try endPoint(natural: natural, logarithmic: $0, time: 1, steps: count)
                }
                return (1 / Double(count), try (ends[0] - ends[1]).norm().item())
            }
        }
        let (natural, plain) = (try curve(natural: true), try curve(natural: false))
        let law = PowerLaw(natural)
        measurements += [
            MeasuredQuantity(
                "sigma against log sigma: power of the step size in the natural gradient's distance", law,
                .within(0.9...1.1)),
            MeasuredQuantity(
                "sigma against log sigma: the plain gradient's distance at the smallest step",
                plain[plain.count - 1].y, .atLeast(0.01)),
        ]
        let figure = ClaimFigure(
            title: "Coordinates sigma and log sigma: distance of the end points at time 1",
            caption: "The time is the step size times the number of steps.",
            horizontal: .init("step size", isLogarithmic: true),
            vertical: .init("distance in (mu, log sigma)", isLogarithmic: true),
            series: [("natural gradient", natural), ("plain gradient", plain)].map { label, points in
                .init(label, points.reversed().map { .init($0.x, $0.y) })
            })
        return ClaimFinding(
            deciding: measurements,
            """
            Newton and the natural gradient end at the same place in all linear coordinates, Adam and FAdam do not \
            (\(rows[2][1]) and \(rows[3][1]) of the distance covered); a factor of the loss changes neither. In curved \
            coordinates the natural gradient's paths meet as the step size to the power \
            \(MeasuredQuantity("", law).text), the plain gradient's stay \(NumberText.significant(plain[plain.count - 1].y)) apart.
            """, exhibits: [.table(table)], figures: [figure],
            remarks: [
                """
                Scale-free is all that Adam and FAdam are: a diagonal map, a unit for each coordinate, changes their paths too \
                (\(rows[2][2]), \(rows[3][2])), because the root takes the units out of the gradient but puts none into the step.
                """
            ])
    }
}
