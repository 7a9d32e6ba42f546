import Fisher
import FisherInformation
import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// A regression on fixed points with Gaussian noise of standard deviation 1: the loss is quadratic in the weights,
///
///     L(w) = (1/2N) sum_n (w . x_n - y_n)^2 + constant,   H = X^T X / N
struct QuadraticTask: TrainingTask {
    final class Network: Module {
        let map: Linear
        init(seed: UInt64) throws {
            map = Linear(
                6, 1, bias: false, weight: .normal(standardDeviation: 1), dtype: .float64,
                using: try RandomGenerator(seed: seed))
        }
    }

    struct Batches: BatchStream {
        var position: UInt64
        mutating func next() throws -> SupervisedBatch {
            position += 1
            let generator = try RandomGenerator(seed: position)
            return SupervisedBatch(
                inputs: Tensor.normal([12, 6], dtype: .float64, using: generator),
                targets: Tensor.normal([12, 1], dtype: .float64, using: generator))
        }
    }

    var summary: TaskSummary {
        TaskSummary(name: "quadratic", description: "q", parameterCount: 6, lossUnit: "point", settings: [])
    }
    var examplesPerStep: Int { 12 }
    var dataFingerprint: String { "q" }
    var modelMetadata: [String: String] { [:] }
    func makeModel(seed: UInt64) throws -> Network { try Network(seed: seed) }
    func makeBatches(seed: UInt64) throws -> Batches { Batches(position: seed * 1000) }
    func objective(of model: Network, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Gaussian(mean: model.map(batch.inputs)), observing: batch.targets)
    }
    func validationLoss(of model: Network) throws -> Double {
        let batch = try Batches(position: 5000).first()
        return try objective(of: model, on: batch).loss.item()
    }
}

extension QuadraticTask.Batches {
    fileprivate func first() throws -> SupervisedBatch {
        var stream = self
        return try stream.next()
    }
}

/// The loss around and between points.
@Suite struct LandscapeTests {
    /// The end of a run from a seed, as a file.
    static func weights<Task: TrainingTask>(_ task: Task, seed: UInt64, in root: String) throws -> String {
        let path = root + "/\(seed).safetensors"
        try task.makeModel(seed: seed).save(to: path)
        return path
    }

    static func settings(_ change: (inout LandscapeSettings) -> Void = { _ in }) -> LandscapeSettings {
        var settings = LandscapeSettings()
        (settings.batchCount, settings.linePoints, settings.planePoints) = (3, 5, 5)
        (settings.eigenvalueCount, settings.lanczosSteps, settings.probes) = (6, 6, 400)
        change(&settings)
        return settings
    }

    /// The Hessian and the loss of the quadratic task, in plain numbers.
    struct Quadratic {
        var inputs: [[Double]] = []
        var targets: [Double] = []

        init() throws {
            for position in 0..<3 {
                let batch = try QuadraticTask.Batches(position: UInt64(position)).first()
                let values = try batch.inputs.scalars(as: Double.self)
                inputs += (0..<12).map { Array(values[6 * $0..<6 * $0 + 6]) }
                targets += try batch.targets.scalars(as: Double.self)
            }
        }

        func loss(_ w: [Double]) -> Double {
            let squares = zip(inputs, targets).reduce(0.0) { sum, point in
                let rest = zip(w, point.0).reduce(-point.1) { $0 + $1.0 * $1.1 }
                return sum + rest * rest
            }
            return squares / 2 / Double(targets.count) + 0.5 * log(2 * .pi)
        }

        var hessian: Tensor {
            var elements = [Double](repeating: 0, count: 36)
            for x in inputs {
                for a in 0..<6 {
                    for b in 0..<6 { elements[6 * a + b] += x[a] * x[b] / Double(inputs.count) }
                }
            }
            return Tensor(elements, shape: [6, 6])
        }
    }

    /// The whole spectrum is that of X^T X / N, the trace within its standard error, by derivatives and by differences.
    @Test(arguments: [false, true]) func theSpectrumIsThatOfTheHessian(usesDifferences: Bool) throws {
        try ToyTask.withFolder { root in
            let task = QuadraticTask()
            let survey = try LandscapeSurvey(task, Self.settings { $0.usesDifferences = usesDifferences })
            let point = try survey.point(of: try Self.weights(task, seed: 3, in: root))
            let found = try survey.curvature(at: point)
            let hessian = try Quadratic().hessian
            let wanted = try hessian.symmetricEigen().values.scalars(as: Double.self).sorted(by: >)
            // A difference of gradients of a quadratic is exact but for rounding over the step of 6e-6.
            let tolerance = usesDifferences ? 1e-8 : 1e-10
            for (value, other) in zip(found.eigenvalues, wanted) { #expect(abs(value - other) < tolerance) }
            #expect(found.eigenvalues.count == 6 && found.residuals.allSatisfy { $0 < tolerance * 10 })
            #expect(found.method == (usesDifferences ? .differences : .derivatives))
            let error = try #require(found.traceError)
            #expect(error > 0 && abs(found.trace - wanted.reduce(0, +)) < 3 * error)
            if !usesDifferences { #expect(try #require(found.disagreement) < 1e-8) }
        }
    }

    /// Losses on the line and on the plane are those of the formula to 1e-10; the line's ends are the runs' own.
    @Test func linesAndPlanesAreExact() throws {
        try ToyTask.withFolder { root in
            let (task, quadratic) = (QuadraticTask(), try Quadratic())
            let survey = try LandscapeSurvey(task, Self.settings())
            let files = try [1, 2].map { try Self.weights(task, seed: $0, in: root) }
            let points = try files.map { try survey.point(of: $0) }
            let ends = try files.map {
                try SafetensorsFile(path: $0).allTensors()["map.weight"]?.scalars(as: Double.self) ?? []
            }
            let line = try survey.line(from: (points[0], 0), to: (points[1], 1))
            #expect(survey.settings.linePlaces == [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25])
            for (place, loss) in zip(survey.settings.linePlaces, line.losses) {
                let w = zip(ends[0], ends[1]).map { (1 - place) * $0 + place * $1 }
                #expect(abs(loss - quadratic.loss(w)) < 1e-10)
            }
            let runs = try points.enumerated().map {
                try survey.run(at: $1, label: "a", seed: UInt64($0), path: files[$0], recordedLoss: nil)
            }
            #expect(line.losses[1] == runs[0].loss && line.losses[5] == runs[1].loss)
            #expect(
                line.heldOutLosses[1] == runs[0].heldOutLoss && line.heldOutLosses[5] == runs[1].heldOutLoss)
            let distance = zip(ends[0], ends[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            #expect(abs(line.distance - distance) < 1e-12)
            // A convex loss has no barrier.
            #expect(LandscapeLine.barrier(line.losses, at: survey.settings.linePlaces).height == 0)

            let plane = try survey.plane(around: points[0])
            let directions = try survey.directions(at: points[0]).map {
                try $0.parts[0].scalars(as: Double.self)
            }
            for (row, y) in survey.settings.planePlaces.enumerated() {
                for (column, x) in survey.settings.planePlaces.enumerated() {
                    let w = ends[0].indices.map {
                        ends[0][$0] + x * directions[0][$0] + y * directions[1][$0]
                    }
                    #expect(abs(plane[5 * row + column] - quadratic.loss(w)) < 1e-10)
                }
            }
            #expect(plane[12] == runs[0].loss)
        }
    }

    /// Every filter of a direction is as long as the weights' own; what has one axis stays. Draws are the same at any point.
    @Test func filtersHaveTheWeightsNorms() throws {
        let generator = try RandomGenerator(seed: 4)
        let weights = [
            Tensor.normal([8, 4], using: generator), .normal([8], using: generator),
            .normal([5, 3, 2, 2], using: generator) * 7, .zeros([3, 3]),
        ]
        let found = FilterDirection(of: weights, using: try RandomGenerator(seed: 1))
        for (part, weight) in zip(found.parts, weights) {
            #expect(part.shape == weight.shape)
            if weight.rank == 1 {
                #expect(try part.norm().item() == 0)
            } else {
                let rest = FilterDirection.filterNorms(part) - FilterDirection.filterNorms(weight)
                #expect(try rest.magnitude().max().item() < 1e-5)
            }
        }
        let other = FilterDirection(of: weights.map { $0 * 3 }, using: try RandomGenerator(seed: 1))
        let apart = other.parts[2] - found.parts[2] * 3
        #expect(try apart.magnitude().max().item() < 1e-4)
    }

    /// Where the gradient is a constant to the engine, as that of an operator without a second derivative, most of the
    /// Hessian is missing: differences are taken, and agree with the derivatives of the same loss.
    @Test func aHessianWithoutTheLikelihoodsPartIsNotBelieved() throws {
        try ToyTask.withFolder { root in
            let path = try Self.weights(SmoothTask(isCut: false), seed: 1, in: root)
            let found = try [false, true].map { isCut in
                let survey = try LandscapeSurvey(
                    SmoothTask(isCut: isCut),
                    Self.settings { ($0.eigenvalueCount, $0.lanczosSteps, $0.probes) = (2, 20, 10) })
                return try survey.curvature(at: try survey.point(of: path))
            }
            #expect(found[0].method == .derivatives && found[1].method == .differences)
            #expect(try #require(found[0].disagreement) < 0.02 && #require(found[1].disagreement) > 0.5)
            for (a, b) in zip(found[0].eigenvalues, found[1].eigenvalues) { #expect(abs(a / b - 1) < 0.02) }
        }
    }

    /// What is not trained moves with the weights between the ends, and not beyond them.
    @Test func runningAveragesStayBetweenTheEnds() throws {
        try ToyTask.withFolder { root in
            let task = ToyTask(normalizes: true, dropping: 0)
            var (files, models) = ([String](), [ToyTask.Network]())
            for seed in [1, 2] as [UInt64] {
                let model = try task.makeModel(seed: seed)
                models.append(model)
                let optimizer = try Optimizer(for: model, SGD())
                var batches = try task.makeBatches(seed: seed)
                for _ in 0..<8 {
                    try optimizer.step(on: try batches.next()) { try task.objective(of: model, on: $0) }
                }
                files.append(root + "/\(seed).safetensors")
                try model.save(to: files[Int(seed) - 1])
            }
            let survey = try LandscapeSurvey(task, Self.settings { $0.reach = 3 })
            let points = try files.map { try survey.point(of: $0) }
            #expect(try models.map { try survey.point(of: $0).fingerprint } == points.map(\.fingerprint))
            let line = try survey.line(from: (points[0], 0), to: (points[1], 1))
            #expect(line.losses.allSatisfy(\.isFinite) && line.losses.count == 29)
            let runs = try points.map {
                try survey.run(at: $0, label: "a", seed: nil, path: "", recordedLoss: nil)
            }
            #expect(line.losses[12] == runs[0].loss && line.losses[16] == runs[1].loss)
        }
    }
}

/// A smooth classifier; cut, its likelihood gives its gradient as a number: -log p is written as g . z with g held fixed.
struct SmoothTask: TrainingTask {
    struct Cut: Likelihood {
        let logits: Tensor
        func negativeLogLikelihood(of observed: Tensor) -> Tensor {
            let leaf = (try? logits.detached().requiringGradient()) ?? logits
            let loss = Categorical(logits: leaf).negativeLogLikelihood(of: observed)
            guard let slope = try? gradients(of: loss, withRespectTo: [leaf])[0] else { return loss }
            return loss.detached() + (slope.detached() * (logits - logits.detached())).sum()
        }
        func observationCount(of observed: Tensor) throws(TorchError) -> Int { observed.count }
    }

    final class Network: Module {
        let first: Linear
        let second: Linear
        init(seed: UInt64) throws {
            let generator = try RandomGenerator(seed: seed)
            first = Linear(4, 8, using: generator)
            second = Linear(8, 3, using: generator)
        }
    }

    let isCut: Bool
    var summary: TaskSummary { ToyTask().summary }
    var examplesPerStep: Int { 16 }
    var dataFingerprint: String { "smooth" }
    var modelMetadata: [String: String] { [:] }
    func makeModel(seed: UInt64) throws -> Network { try Network(seed: seed) }
    func makeBatches(seed: UInt64) throws -> ToyTask.Batches { try ToyTask().makeBatches(seed: seed) }
    func objective(of model: Network, on batch: SupervisedBatch) throws -> Objective {
        let logits = model.second(model.first(batch.inputs).tanh())
        if isCut, !logits.requiresGradient {
            return try Objective(Categorical(logits: logits), observing: batch.targets)
        }
        return isCut
            ? try Objective(Cut(logits: logits), observing: batch.targets)
            : try Objective(Categorical(logits: logits), observing: batch.targets)
    }
    func validationLoss(of model: Network) throws -> Double {
        try objective(of: model, on: try ToyTask.points(seed: 999)).loss.item()
    }
}

/// The document, its tables and its page.
@Suite struct LandscapeDocumentTests {
    static func study(eigenvalue: (Int, UInt64) -> Double = { 10 * Double($0 + 1) + Double($1) })
        -> LandscapeStudy
    {
        var settings = LandscapeSettings()
        (settings.linePoints, settings.planePoints) = (5, 3)
        var study = LandscapeStudy(task: ToyTask().summary, environment: .example, settings: settings)
        for (number, label) in ["sgd", "kfac"].enumerated() {
            for seed in 0..<3 as Range<UInt64> {
                var run = LandscapeRun(
                    label: label, seed: seed, path: "runs/\(label)/\(seed)", fingerprint: "\(label)\(seed)",
                    loss: 0.1, heldOutLoss: 0.2, recordedLoss: 0.2)
                let top = eigenvalue(number, seed)
                run.curvature = LandscapeCurvature(
                    eigenvalues: [top, 1], residuals: [0.01, 0.02], trace: 40, traceError: 2,
                    method: .derivatives, disagreement: 1e-4)
                run.plane = [3, 2, 3, 2, 0.1, 2, 3, 2, 3]
                study.runs.append(run)
            }
        }
        study.lines = [
            LandscapeLine(
                from: 0, to: 3, distance: 4, losses: [0.5, 0.1, 0.6, 0.9, 0.4, 0.3, 0.5],
                heldOutLosses: [0.5, 0.2, 0.2, .infinity, 0.2, 0.2, 0.5])
        ]
        return study
    }

    @Test func allFormsTellEverything() throws {
        let study = Self.study()
        let again = try LandscapeStudy(json: study.json(), path: "x")
        #expect(again == study)
        // Six runs with 2 losses, 2 x 2 numbers of eigenvalues and 2 of the trace, a line of 7 x 2, six planes of 9.
        #expect(study.csv().split(separator: "\n").count == 1 + 6 * 8 + 14 + 54)
        let text = study.text()
        // The mean of 10, 11 and 12 with t(0.975, 2) / sqrt(3); a barrier of 0.9 - 0.2 at one half.
        for word in ["11.0 ± 2.48", "kfac, seed 2", "0.7 at 0.5", "not finite", "40.0 ± 2"] {
            #expect(text.contains(word), "\(word): \(text)")
        }
        let page = study.report()
        for word in [
            "Training loss along lines", "The loss around each run", "class=\"contour\"", "sgd ends flattest",
            "Largest eigenvalue of the Hessian", "class=\"whisker\"",
        ] { #expect(page.contains(word), "\(word)") }
    }

    @Test func warningsAreGiven() {
        var study = Self.study { number, seed in number == 1 && seed == 1 ? 0.1 : 10 }
        study.runs.removeLast(2)
        study.runs[0] = {
            var run = LandscapeRun(
                label: "sgd", seed: 0, path: "p", fingerprint: "f", loss: 0.1, heldOutLoss: 0.25,
                recordedLoss: 0.2)
            run.curvature = LandscapeCurvature(
                eigenvalues: [1], residuals: [0.3], trace: 1, traceError: nil, method: .differences,
                disagreement: nil)
            return run
        }()
        let warnings = study.warnings.joined(separator: "\n")
        for word in [
            "no interval", "differences of gradients", "residual of more than 5 % only",
            "recorded a held-out loss of 0.2",
        ] { #expect(warnings.contains(word), "\(word): \(warnings)") }
        #expect(Self.study().warnings.isEmpty)
    }

    /// Pairs of one seed, then neighbors of one optimizer, the first seeds first.
    @Test func linesJoinSeedsAndNeighbors() {
        let runs = ["a", "b"].flatMap { label in (0..<3 as Range<UInt64>).map { (label, Optional($0)) } }
        func pairs(_ most: Int) -> [[Int]] {
            LandscapeStudy.pairs(of: runs, most: most).map { [$0.from, $0.to] }
        }
        #expect(pairs(100) == [[0, 3], [1, 4], [0, 1], [3, 4], [2, 5], [1, 2], [4, 5]])
        #expect(pairs(2) == [[0, 3], [1, 4]] && pairs(0).isEmpty)
        let three: [(label: String, seed: UInt64?)] = [("a", 0), ("b", 1), ("c", 5)]
        #expect(LandscapeStudy.pairs(of: three, most: 10).count == 3)
    }

    /// The largest rise above the straight line between the ends.
    @Test func barriersAreRisesAboveTheStraightLine() {
        let places = [-0.5, 0, 0.5, 1, 1.5]
        #expect(LandscapeLine.barrier([9, 1, 4, 3, 9], at: places) == (2, 0.5))
        #expect(LandscapeLine.barrier([9, 1, 2, 3, 9], at: places).height == 0)
        #expect(LandscapeLine.barrier([9, 1, .nan, 3, 9], at: places).height.isNaN)
    }

    /// The contour of a plane is the line where it has the level; a saddle is cut in two.
    @Test func contoursLieOnTheLevel() {
        let values = (0..<16).map { Double($0 % 4) + 2 * Double($0 / 4) }
        let found = PlaneMaps.contour(values, side: 4, at: 3.5)
        for (a, b) in found {
            #expect(abs(a.x + 2 * a.y - 3.5) < 1e-12 && abs(b.x + 2 * b.y - 3.5) < 1e-12)
        }
        #expect(found.count == 4)
        #expect(PlaneMaps.contour([1, 0, 0, 1], side: 2, at: 0.5).count == 2)
        #expect(PlaneMaps.contour([1, 1, 1, 1], side: 2, at: 0.5).isEmpty)
    }

    @Test(arguments: [0.0, -1, .infinity, .nan, 1e308, 1e-300])
    func landscapesAreDrawnWhateverWasMeasured(value: Double) throws {
        var study = Self.study { _, _ in value }
        study.runs[1].plane = [Double](repeating: value, count: 9)
        let again = try LandscapeStudy(json: study.json(), path: "x")
        #expect(again.report().hasSuffix("</html>\n") && again.text().contains("sgd"))
    }

    @Test(arguments: [
        ("\"to\" : 3", "\"to\" : 7", "there are 6 runs"),
        ("\"linePoints\" : 5", "\"linePoints\" : 6", "losses"),
        ("\"planePoints\" : 3", "\"planePoints\" : 1", "planePoints"),
        ("\"planeRange\" : 1", "\"planeRange\" : 0", "planeRange"),
        ("\"formatVersion\" : 1,", "", "formatVersion is missing"),
    ])
    func impossibleValuesAreRefused(old: String, new: String, complaint: String) throws {
        let text = String(decoding: Self.study().json(), as: UTF8.self)
        let place = try #require(text.range(of: old))
        let json = Data(text.replacingCharacters(in: place, with: new).utf8)
        let error = #expect(throws: StudyFileError.self) { try LandscapeStudy(json: json, path: "a.json") }
        #expect(error?.description.contains(complaint) == true, "\(error as Any)")
    }
}
