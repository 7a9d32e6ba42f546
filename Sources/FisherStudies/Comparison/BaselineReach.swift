/// The steps, tokens and time in which an optimizer reached the final loss of the first one, seed by seed.
public struct BaselineReach: Sendable, Hashable {
    /// The mean number of steps.
    public let steps: Double
    /// The mean number of tokens.
    public let tokens: Double
    /// The mean seconds of training.
    public let seconds: Double
    /// The seeds that reached it.
    public let reached: Int
    /// The seeds that both completed.
    public let count: Int

    /// Searches the curves, interpolating losses linearly between their points; nil if no common seed reaches
    /// the loss.
    public init?(of entry: OptimizerEntry, to reference: OptimizerEntry) {
        let targets = reference.finalLosses
        let runs = entry.runs.filter { $0.completedLoss != nil && targets[$0.seed] != nil }
        let places = runs.compactMap { run in
            targets[run.seed].flatMap { BaselineReach.place(of: $0, on: run.curve) }
        }
        guard !places.isEmpty else { return nil }
        let number = Double(places.count)
        steps = places.reduce(0) { $0 + $1.steps } / number
        tokens = places.reduce(0) { $0 + $1.tokens } / number
        seconds = places.reduce(0) { $0 + $1.seconds } / number
        reached = places.count
        count = runs.count
    }

    private static func place(
        of target: Double, on curve: [CurvePoint]
    ) -> (steps: Double, tokens: Double, seconds: Double)? {
        var before: (point: CurvePoint, loss: Double)?
        for point in curve {
            guard let loss = point.validationLoss, loss.isFinite else { continue }
            if loss <= target {
                guard let before, before.loss > loss else {
                    return (Double(point.step), Double(point.tokens), point.seconds)
                }
                let share = (before.loss - target) / (before.loss - loss)
                func between(_ a: Double, _ b: Double) -> Double { a + share * (b - a) }
                return (
                    between(Double(before.point.step), Double(point.step)),
                    between(Double(before.point.tokens), Double(point.tokens)),
                    between(before.point.seconds, point.seconds)
                )
            }
            before = (point, loss)
        }
        return nil
    }
}
