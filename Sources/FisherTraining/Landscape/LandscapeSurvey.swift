import Fisher
import FisherInformation

/// Measures a `LandscapeStudy` piece by piece: the losses at the ends of runs, the curvature there, the loss on lines
/// between them and on planes around them.
///
///     let survey = try LandscapeSurvey(task, settings)
///     let run = try survey.run(at: weights, label: "adamw", seed: 0, recordedLoss: nil)
///
/// Li, Xu, Taylor, Studer and Goldstein (2018), "Visualizing the Loss Landscape of Neural Nets".
public struct LandscapeSurvey<Task: TrainingTask> {
    /// What is the same for every run.
    public let settings: LandscapeSettings
    private let surface: LossSurface<Task>

    /// Makes the model and the batches.
    public init(_ task: Task, _ settings: LandscapeSettings) throws {
        self.settings = settings
        surface = try LossSurface(task, batchCount: settings.batchCount, seed: settings.seed)
    }

    /// The point of a file of weights.
    public func point(of weights: String) throws -> LossSurface<Task>.Point {
        try surface.point(of: weights)
    }

    /// The point where a model of the task is, such as that of a session between two steps.
    public func point(of model: Task.Model) throws -> LossSurface<Task>.Point { try surface.point(of: model) }

    /// The losses at a point.
    ///
    /// - Parameters:
    ///   - point: the point.
    ///   - label: the optimizer's label.
    ///   - seed: the run's seed.
    ///   - path: where the weights are.
    ///   - recordedLoss: the held-out loss that the run itself recorded there.
    public func run(
        at point: LossSurface<Task>.Point, label: String, seed: UInt64?, path: String, recordedLoss: Double?
    ) throws -> LandscapeRun {
        try surface.move(to: point)
        return LandscapeRun(
            label: label, seed: seed, path: path, fingerprint: point.fingerprint,
            loss: try surface.trainingLoss(), heldOutLoss: try surface.heldOutLoss(),
            recordedLoss: recordedLoss)
    }

    /// The losses along the line between two points.
    ///
    /// - Parameters:
    ///   - start: where the line is at 0, and that run's position in the study.
    ///   - end: where it is at 1.
    ///   - progress: called with the number of places that are measured.
    public func line(
        from start: (point: LossSurface<Task>.Point, position: Int),
        to end: (point: LossSurface<Task>.Point, position: Int), progress: (Int) throws -> Void = { _ in }
    ) throws -> LandscapeLine {
        var (losses, heldOut): ([Double], [Double]) = ([], [])
        for place in settings.linePlaces {
            try Interruption.poll()
            try surface.move(from: start.point, to: end.point, at: place)
            losses.append(try surface.trainingLoss())
            heldOut.append(try surface.heldOutLoss())
            try progress(losses.count)
        }
        return LandscapeLine(
            from: start.position, to: end.position, distance: try start.point.distance(to: end.point),
            losses: losses, heldOutLosses: heldOut)
    }

    /// The two directions of the planes, normalized to the filters of a point. All points have the same random draws.
    func directions(at point: LossSurface<Task>.Point) throws -> [FilterDirection] {
        let generator = try RandomGenerator(seed: settings.seed)
        return (0..<2).map { _ in FilterDirection(of: point.weights, using: generator) }
    }

    /// The training losses on the plane around a point, row by row.
    ///
    /// - Parameters:
    ///   - point: the point, in the middle.
    ///   - progress: called with the number of places that are measured.
    public func plane(
        around point: LossSurface<Task>.Point, progress: (Int) throws -> Void = { _ in }
    ) throws -> [Double] {
        let directions = try directions(at: point)
        let places = settings.planePlaces
        var losses: [Double] = []
        for y in places {
            for x in places {
                try Interruption.poll()
                try surface.move(to: point, along: [(directions[0].parts, x), (directions[1].parts, y)])
                losses.append(try surface.trainingLoss())
                try progress(losses.count)
            }
        }
        return losses
    }

    /// How far the trace by derivatives may be from that by differences, relative to the latter: where the gradient of a
    /// likelihood is taken for a constant, most of it is missing. Rectifiers, whose slope jumps, make some difference too.
    static var mostDisagreement: Double { 0.5 }
    /// The probes of that comparison.
    static var comparedProbes: Int { 6 }

    /// The top of the Hessian's spectrum and its trace at a point.
    ///
    /// Products are made by differentiating gradients. Some operators have no second derivative: CTC's gradient, for one.
    /// The sum of v . H v over a few random directions is therefore compared with that by differences of gradients along
    /// them, and where the derivative is refused or far off, all products are made by differences.
    public func curvature(at point: LossSurface<Task>.Point) throws -> LandscapeCurvature {
        let generator = try RandomGenerator(seed: settings.seed)
        let differenced = try surface.differencedHessian(at: point)
        var chosen = (product: differenced, method: LandscapeCurvature.Method.differences)
        var disagreement: Double?
        if !settings.usesDifferences {
            let probes = (0..<Self.comparedProbes).map { _ in
                Tensor.normal([differenced.size], dtype: differenced.dtype, using: generator)
            }
            func sum(_ matrix: SymmetricOperator) throws -> Double {
                try probes.reduce(0) { $0 + (try ($1 * matrix($1)).sum(dtype: .float64).item()) }
            }
            let difference = try sum(differenced)
            do {
                let hessian = try surface.hessian(at: point)
                let found = try abs(sum(hessian) - difference)
                disagreement = difference == 0 ? nil : found / abs(difference)
                if found <= Self.mostDisagreement * abs(difference) { chosen = (hessian, .derivatives) }
            } catch is TorchError {
                // An operator without a second derivative.
            }
        }
        let found = try Flatness(
            of: chosen.product, count: settings.eigenvalueCount, probes: settings.probes,
            steps: settings.lanczosSteps, using: generator)
        return LandscapeCurvature(
            eigenvalues: found.eigenvalues.map(\.value), residuals: found.eigenvalues.map(\.residual),
            trace: found.trace.value, traceError: found.trace.standardError, method: chosen.method,
            disagreement: disagreement)
    }
}
