/// The end of a run, and what surrounds it.
public struct LandscapeRun: Codable, Hashable, Sendable {
    /// The optimizer's label, or the file's name where there is no run.
    public let label: String
    /// The seed of the run; nil for weights without a run.
    public let seed: UInt64?
    /// Where the weights are.
    public let path: String
    /// The fingerprint of the weights.
    public let fingerprint: String
    /// The mean loss of the training batches, in nats for each observation.
    public let loss: Double
    /// The held-out loss.
    public let heldOutLoss: Double
    /// The held-out loss that the run itself recorded after its last step; nil if these weights are not of that step.
    public let recordedLoss: Double?
    /// The curvature of the training loss; nil if it was not measured.
    public var curvature: LandscapeCurvature?
    /// The training loss on the plane of two random directions, row by row; nil if it was not measured.
    public var plane: [Double]?

    /// Records a run before anything around it is measured.
    public init(
        label: String, seed: UInt64?, path: String, fingerprint: String, loss: Double, heldOutLoss: Double,
        recordedLoss: Double?
    ) {
        self.label = label
        self.seed = seed
        self.path = path
        self.fingerprint = fingerprint
        self.loss = loss
        self.heldOutLoss = heldOutLoss
        self.recordedLoss = recordedLoss
    }

    /// The label with the seed.
    public var name: String { label + (seed.map { ", seed \($0)" } ?? "") }

    func validate(_ place: String, _ settings: LandscapeSettings) throws(DocumentFault) {
        for (name, text) in [("label", label), ("path", path), ("fingerprint", fingerprint)] {
            try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)")
        }
        try curvature?.validate("\(place).curvature")
        if let plane, plane.count != settings.planePoints * settings.planePoints {
            throw DocumentFault(
                "\(place).plane",
                "has \(plane.count) losses, not \(settings.planePoints) x \(settings.planePoints)")
        }
    }
}

/// The Hessian of the training loss at the end of a run.
public struct LandscapeCurvature: Codable, Hashable, Sendable {
    /// How products with the Hessian were made.
    public enum Method: String, Codable, Sendable {
        /// By differentiating the gradient again.
        case derivatives
        /// By central differences of gradients.
        case differences
    }

    /// The largest eigenvalues, descending.
    public let eigenvalues: [Double]
    /// |H v - value v| of each one's vector.
    public let residuals: [Double]
    /// The trace by random probes.
    public let trace: Double
    /// Its standard error over the probes; nil for a single probe.
    public let traceError: Double?
    /// How products were made.
    public let method: Method
    /// |H v - D v| / |D v| of a random direction v for D v by differences of gradients; nil where only they were made, or
    /// where the derivatives do not exist.
    public let disagreement: Double?

    /// Gathers measurements.
    public init(
        eigenvalues: [Double], residuals: [Double], trace: Double, traceError: Double?, method: Method,
        disagreement: Double?
    ) {
        self.eigenvalues = eigenvalues
        self.residuals = residuals
        self.trace = trace
        self.traceError = traceError
        self.method = method
        self.disagreement = disagreement
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.each(eigenvalues, "\(place).eigenvalues") { (_, _) throws(DocumentFault) in }
        guard residuals.count == eigenvalues.count else {
            throw DocumentFault("\(place).residuals", "are \(residuals.count), not \(eigenvalues.count)")
        }
    }
}

/// The loss along the line between the ends of two runs.
public struct LandscapeLine: Codable, Hashable, Sendable {
    /// The position of the run at 0.
    public let from: Int
    /// The position of the run at 1.
    public let to: Int
    /// The Euclidean distance of their trainable weights.
    public let distance: Double
    /// The training loss at each place of the settings.
    public let losses: [Double]
    /// The held-out loss at each place.
    public let heldOutLosses: [Double]

    /// Gathers measurements.
    public init(from: Int, to: Int, distance: Double, losses: [Double], heldOutLosses: [Double]) {
        self.from = from
        self.to = to
        self.distance = distance
        self.losses = losses
        self.heldOutLosses = heldOutLosses
    }

    /// The largest rise of losses above the straight line between the ends' own, max over a in [0, 1] of
    /// L(a) - (1 - a) L(0) - a L(1), and where it is: zero where nothing rises (Entezari et al. 2022). NaN if a loss
    /// between the ends is not finite.
    ///
    /// - Parameters:
    ///   - losses: losses at places.
    ///   - places: the places, with 0 and 1 among them.
    public static func barrier(_ losses: [Double], at places: [Double]) -> (height: Double, place: Double) {
        let points = zip(places, losses).filter { (0...1).contains($0.0) }
        guard let first = points.first?.1, let last = points.last?.1 else { return (.nan, .nan) }
        var best = (height: 0.0, place: 0.0)
        for (place, loss) in points {
            let rise = loss - (1 - place) * first - place * last
            guard rise.isFinite else { return (.nan, place) }
            if rise > best.height { best = (rise, place) }
        }
        return best
    }

    func validate(
        _ place: String, runs: Int, _ settings: LandscapeSettings
    ) throws(DocumentFault) {
        for (name, position) in [("from", from), ("to", to)] where !(0..<runs).contains(position) {
            throw DocumentFault("\(place).\(name)", "is \(position); there are \(runs) runs")
        }
        let count = settings.linePlaces.count
        for (name, list) in [("losses", losses), ("heldOutLosses", heldOutLosses)] where list.count != count {
            throw DocumentFault("\(place).\(name)", "are \(list.count), not \(count)")
        }
    }
}
