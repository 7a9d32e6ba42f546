import Fisher
import FisherStudies

/// Information adds over independent data.
enum Additivity {
    static let claim = Claim(
        "additivity",
        says: """
            Fisher information from independent observations adds, for non-identical observations too, which makes sequential \
            and distributed estimation clean; additivity is always true, at convergence or not.
            """,
        in: .hierarchy("Fisher Information; Two Regimes"),
        decidedBy: """
            A classifier at random weights, its images cut into four parts of different sizes and of different figures: the sum \
            of the parts' estimates is the estimate of the whole to 1e-12 of its norm, for whole matrix, diagonal and Kronecker \
            factors, from the exact and the empirical source alike. The square of the mini-batch gradient, which is no \
            sum over observations, must differ by 0.1 or more.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try finding() }

    private static func finding() throws -> ClaimFinding {
        let classifier = try DigitClassifier(hidden: [8], seed: 2, imageCount: 300)
        // By figure, so that the parts are of different distributions.
        let labels: [Int64] = try classifier.targets.scalars()
        let order = labels.indices.sorted { (labels[$0], $0) < (labels[$1], $1) }
        let parts = [0..<20, 20..<70, 70..<160, 160..<300].map { Array(order[$0]) }
        let requests: [CurvatureRequest] = [
            .full(.exact), .full(.empirical), .diagonal(.exact), .diagonal(.empirical),
            .kronecker(.exact), .kronecker(.empirical),
        ]
        let whole = try classifier.estimate(requests)
        let own = try parts.map { try classifier.estimate(requests, at: $0) }
        var sum = own[0]
        for part in own.dropFirst() { sum = try sum + part }

        var measurements: [MeasuredQuantity] = []
        func add(_ name: String, _ found: Tensor?, _ expected: Tensor?) throws {
            guard let found, let expected else { throw CurvatureError.noObservations }
            measurements.append(
                MeasuredQuantity(
                    "distance of the sum of parts from the whole: \(name)",
                    try found.relativeDistance(to: expected), .atMost(1e-12)))
        }
        for source in [CurvatureSource.exact, .empirical] {
            try add("whole matrix, \(source)", sum.full(source)?.mean, whole.full(source)?.mean)
            try add(
                "diagonal, \(source)", sum.diagonal(source).map { classifier.joined($0.mean) },
                whole.diagonal(source).map { classifier.joined($0.mean) })
            for path in (whole.kronecker(source)?.layers ?? [:]).keys.sorted() {
                try add(
                    "factor of output gradients of layer \(path), \(source)",
                    sum.kronecker(source)?.layers[path]?.outputs,
                    whole.kronecker(source)?.layers[path]?.outputs)
            }
        }
        // The same through the accumulators of two processes.
        guard let paths = whole.full(.empirical)?.paths else { throw CurvatureError.noObservations }
        let size = classifier.weights.count
        var processes = try (0..<2).map { _ in
            try FisherAccumulator(paths: paths, prior: .identity(size, dtype: .float64))
        }
        for (number, part) in own.enumerated() {
            guard let found = part.full(.empirical) else { throw CurvatureError.noObservations }
            try processes[number % 2].add(found)
        }
        try processes[0].merge(processes[1])
        try add(
            "two processes' accumulators with one prior, empirical",
            processes[0].information.addingDiagonal(-1) / 300, whole.full(.empirical)?.mean)

        let squares = try parts.map { part in
            try classifier.gradient(at: part).squared() * (Double(part.count) / 300)
        }
        let merged = squares.dropFirst().reduce(squares[0]) { $0 + $1 }
        measurements.append(
            MeasuredQuantity(
                "distance of the parts' mini-batch squares from the whole's",
                try merged.relativeDistance(to: classifier.gradient().squared()), .atLeast(0.1)))
        return ClaimFinding(
            deciding: measurements,
            """
            Sums of four parts are the whole to \
            \(NumberText.significant(measurements.dropLast().map(\.value).max() ?? .nan)) for every structure and source; \
            squares of mini-batch gradients, of which Adam's average consists, are \
            \(measurements[measurements.count - 1].text) times the whole's norm away: they are not additive.
            """,
            remarks: [
                "K-FAC's factors add, their Kronecker product does not: sums of factors are multiplied last."
            ])
    }
}
