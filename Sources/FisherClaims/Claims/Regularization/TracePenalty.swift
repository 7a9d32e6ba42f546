import Fisher
import FisherStudies
import FisherTraining

extension Claim {
    /// Steps of a finite rate follow the flow of a loss with a penalty on the gradient's square.
    static let tracePenalty = Claim(
        "trace-penalty",
        says: """
            SGD with a finite learning rate implicitly penalizes the trace of the empirical Fisher: the optimizer's \
            discretization error is a Fisher-based regularizer (Barrett and Dherin 2021).
            """,
        in: .hierarchy("Two Regimes"),
        decidedBy: """
            A perceptron of 460 weights on four digits in float64, rates eta from 0.4 down to 0.0125. Gradient descent on all \
            images is compared after equal time with the gradient flow of L and of L + (eta/4) |grad L|^2: the error is \
            proportional to eta for the first and to eta^2 for the second. SGD on one image at a time, averaged over all 24 \
            orders of an epoch, is compared with the flow of L and of L + (eta/4) tr F, F the empirical Fisher: the error of \
            an epoch is proportional to eta^2 for the first and to eta^3 for the second. It holds if the four fitted powers \
            lie within 0.15 of 1, 2, 2 and 3, and does not if one of the penalties does not raise the power by more than half.
            """,
        evidence: .exact, cost: ClaimCost(short: 20)
    ) { context in
        let rates = [0.4, 0.2, 0.1, 0.05, 0.025, 0.0125]
        let found: TracePenalty = try context.kept("orders", of: "\(rates)") {
            try TracePenalty(rates: rates, time: 1.6)
        }
        return found.finding
    }
}

/// The distances between discrete paths and flows by learning rate, and what they say.
struct TracePenalty: Codable, Sendable {
    /// The learning rates, descending.
    let rates: [Double]
    /// Of gradient descent on all images to the flow of the loss, after equal time.
    let plain: [Double]
    /// ... to that of the loss with its penalty.
    let penalized: [Double]
    /// Of the mean over all orders of an epoch of SGD to the flow of the loss.
    let epoch: [Double]
    /// ... to that of the loss with the trace as its penalty.
    let penalizedEpoch: [Double]
    /// The mean square of the images' gradients, and the trace of the empirical information, at the first weights.
    let traces: [Double]
}

extension TracePenalty {
    /// Measures the distances. Costs some thousand gradients of a small network, and second derivatives of as many.
    ///
    /// - Parameters:
    ///   - rates: the learning rates, which divide the time.
    ///   - time: the number of steps times the rate.
    init(rates: [Double], time: Double) throws {
        let loss = try SmallLoss(images: 4, seed: 0)
        let start = loss.start
        let orders = Self.orders(of: Array(0..<loss.count))
        func distance(_ a: Tensor, _ b: Tensor) throws -> Double { try (a - b).norm().item() }
        var measured: [[Double]] = [[], [], [], []]
        for rate in rates {
            try Interruption.poll()
            let end = try loss.descend(
                from: start, rate: rate, on: Array(repeating: nil, count: Int((time / rate).rounded())))
            let fine = Int((time / min(rate, 0.1) * 2).rounded())
            for (row, penalty) in [SmallLoss.Penalty.none, .wholeSquare(rate / 4)].enumerated() {
                let flow = try loss.flow(from: start, time: time, steps: fine, penalty: penalty)
                measured[row].append(try distance(end, flow))
            }
            let ends = try orders.map { order in
                try loss.descend(from: start, rate: rate, on: order.map { $0..<$0 + 1 })
            }
            let mean = ends.dropFirst().reduce(ends[0]) { $0 + $1 } / Double(ends.count)
            let duration = rate * Double(loss.count)
            for (row, penalty) in [SmallLoss.Penalty.none, .trace(rate / 4)].enumerated() {
                let flow = try loss.flow(from: start, time: duration, steps: 8, penalty: penalty)
                measured[2 + row].append(try distance(mean, flow))
            }
        }
        self.rates = rates
        (plain, penalized, epoch, penalizedEpoch) = (measured[0], measured[1], measured[2], measured[3])
        traces = [try loss.meanSquare(at: start), try loss.informationTrace(at: start)]
    }

    /// All orders of some numbers.
    static func orders(of numbers: [Int]) -> [[Int]] {
        guard numbers.count > 1 else { return [numbers] }
        return numbers.flatMap { first in
            orders(of: numbers.filter { $0 != first }).map { [first] + $0 }
        }
    }

    /// The powers of the rate with which the four distances shrink, from the four smallest rates; NaN where none is fitted.
    var powers: [Double] {
        [plain, penalized, epoch, penalizedEpoch].map { errors in
            PowerLaw(zip(rates, errors).suffix(4).map { (x: $0, y: $1) })?.exponent ?? .nan
        }
    }

    /// The verdict on four powers: those of the flow of the loss and of the penalized one, for descent and for an epoch.
    static func verdict(_ powers: [Double]) -> ClaimVerdict {
        guard powers.count == 4, powers.allSatisfy(\.isFinite) else { return .undecided }
        if zip(powers, [1.0, 2, 2, 3]).allSatisfy({ abs($0 - $1) < 0.15 }) { return .holds }
        return min(powers[1] - powers[0], powers[3] - powers[2]) < 0.5 ? .doesNotHold : .undecided
    }

    /// What was found.
    var finding: ClaimFinding {
        let text = powers.map { NumberText.plain.fixed($0, decimals: 2) }
        let rows: [(String, [Double])] = [
            ("descent, flow of L", plain), ("descent, flow of L + (eta/4) |grad L|^2", penalized),
            ("mean epoch of SGD, flow of L", epoch),
            ("mean epoch of SGD, flow of L + (eta/4) tr F", penalizedEpoch),
        ]
        let figure = ClaimFigure(
            title: "Distance of the discrete path to a flow",
            caption: "A penalty that is the right one raises the power of the learning rate by one.",
            horizontal: .init("learning rate", isLogarithmic: true),
            vertical: .init("distance of the weights", isLogarithmic: true),
            series: rows.map { name, errors in
                .init(name, zip(rates, errors).reversed().map { .init($0, $1) })
            })
        let table = ExhibitTable(
            title: "Powers of the learning rate",
            caption: """
                Fitted to the four smallest rates. The mean square of the images' gradients is \
                \(NumberText.significant(traces[0])), the trace of the empirical Fisher \
                \(NumberText.significant(traces[1])).
                """,
            columns: ["path and flow", "power"] + rates.map { "eta \(NumberText.short($0))" },
            rows: zip(rows, text).map { row, power in
                [row.0, power] + row.1.map(NumberText.significant)
            })
        return ClaimFinding(
            Self.verdict(powers),
            """
            The distance of gradient descent to the flow of the loss shrinks as eta^\(text[0]), to that of the penalized loss as \
            eta^\(text[1]); the mean epoch of SGD with batches of one as eta^\(text[2]), and with the trace of the empirical \
            Fisher as the penalty as eta^\(text[3]).
            """,
            exhibits: [.table(table)], figures: [figure],
            remarks: [
                "The trace is the penalty for batches of one image; for larger batches it is the mean square of the batches' "
                    + "gradients, and for all images |grad L|^2 (Smith et al. 2021)."
            ])
    }
}
