import Fisher
import FisherInformation
import Foundation
import Testing

@testable import FisherBenchmarks
@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// The study of the ladder of optimizers, on a network of 67 parameters.
@Suite struct HierarchyTests {
    static func settings(_ change: (inout HierarchySettings) -> Void = { _ in }) -> HierarchySettings {
        var settings = HierarchySettings()
        (settings.dampings, settings.trainingSteps) = ([1e-3], [5])
        change(&settings)
        settings.normalize()
        return settings
    }

    static func points(
        _ levels: [(String, [(name: String, value: String)])], _ settings: HierarchySettings,
        task: ToyTask = ToyTask(dropping: 0), seed: UInt64 = 3, where isWanted: (Int) -> Bool = { _ in true }
    ) throws -> [HierarchyPoint] {
        let candidates = try levels.map { try HierarchyCandidate($0.0, $0.1, in: settings) }
        var found: [HierarchyPoint] = []
        try HierarchyStudy(task, settings).points(seed: seed, of: candidates, where: isWanted) {
            found.append($0)
        }
        return found
    }

    /// A model at weights after some training, with one mini-batch.
    static func frozen(isDense: Bool, batches count: Int = 1) throws -> FrozenModel<ToyTask> {
        let task = ToyTask(dropping: 0)
        let model = try task.makeModel(seed: 1)
        let optimizer = try Optimizer(for: model, AdamW())
        var batches = try task.makeBatches(seed: 1)
        for _ in 0..<5 {
            try optimizer.step(on: try batches.next()) { try task.objective(of: model, on: $0) }
        }
        let weights = FrozenModel<ToyTask>.copiedWeights(of: model)
        return try FrozenModel(
            task, seed: 1, weights: weights, batches: try (0..<count).map { _ in try batches.next() },
            isDense: isDense)
    }

    /// At each damping the exact natural gradient is the reference, whatever the damping and however it is solved; so is
    /// the Gauss-Newton step of a classifier, whose damping stays what it is.
    @Test(arguments: ["dense", "cg"])
    func theReferenceIsTheNaturalGradientOfTheSameDamping(solver: String) throws {
        let settings = Self.settings {
            $0.dampings = [1e-3, 1e-2, 1e-1]
            $0.solver = solver
        }
        let other = solver == "dense" ? "cg" : "dense"
        let point = try Self.points(
            [
                ("natural_gradient", []), ("natural_gradient", [("solver", other), ("tolerance", "1e-6")]),
                ("gauss_newton", [("tolerance", "1e-6")]), ("sgd", []),
            ], settings)[0]
        #expect(point.referenceResidual < 1e-3)
        for measure in point.measures where measure.level < 3 { #expect(measure.angle < 0.5, "\(measure)") }
        #expect(point.measures.filter { $0.level == 3 }.allSatisfy { $0.angle > 5 })
    }

    /// -(F + lambda I)^-1 g by products, for both solvers.
    @Test(arguments: [true, false], [1e-4, 1e-2])
    func theReferenceSolvesItsSystem(isDense: Bool, damping: Double) throws {
        let model = try Self.frozen(isDense: isDense, batches: 3)
        let found = try model.naturalGradient(damping: damping)
        let left = try model.information(found.vector) + found.vector * damping + model.gradient
        let relative = try left.norm().item() / model.gradient.norm().item()
        #expect(relative < 2e-4 && abs(relative - found.residual) < 1e-6)
    }

    /// With a damping beyond all eigenvalues every metric level is the gradient.
    @Test func aHeavyDampingLeavesTheGradient() throws {
        let settings = Self.settings { ($0.damping, $0.dampings) = (1e5, [1e5]) }
        let names = [
            "kfac", "ekfac", "natural_gradient", "mfac", "diagonal_natural_gradient", "adafisher", "sgd",
        ]
        let levels = names.map { ($0, [(name: String, value: String)]()) }
        let point = try Self.points(levels + [("kfac", [("damping_style", "factored")])], settings)[0]
        let decreases = point.measures.map(\.decrease)
        for (measure, decrease) in zip(point.measures, decreases) {
            #expect(measure.angle < 0.5, "\(names[min(measure.level, 6)])")
            // The divergence is that asked for to a thousandth, and the decrease goes as its root.
            #expect(abs(decrease / decreases[6] - 1) < 2e-3)
        }
    }

    /// Adam, AdamW and FAdam have one direction from one gradient, and with momentum and decay they had three.
    @Test(arguments: [1, 3]) func momentumAndDecayAreOff(batchCount: Int) throws {
        let settings = Self.settings { $0.batchCount = batchCount }
        let point = try Self.points(
            [
                ("adam", []), ("adamw", []), ("fadam", []), ("adamw", [("weight_decay", "10")]),
                ("adam", [("beta1", "0.9")]),
            ], settings)[0]
        let cosines = point.measures.map(\.cosine)
        #expect(abs(cosines[1] - cosines[0]) < 1e-5 && abs(cosines[2] - cosines[0]) < 1e-4)
        #expect(abs(cosines[3] - cosines[0]) > 1e-3)
        // The momentum of one gradient is that gradient.
        #expect((abs(cosines[4] - cosines[0]) > 1e-3) == (batchCount > 1))
    }

    /// Every rule's options that average, decay, clip or adapt are off by name.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func everyRuleIsNeutral(name: String) throws {
        let rule = try HierarchyCandidate(name, in: Self.settings()).rule
        let options = Dictionary(uniqueKeysWithValues: rule.settings.map { ($0.name, $0.value) })
        for option in ["momentum", "beta1", "weight_decay"] {
            if let value = options[option] { #expect(Double(value) == 0, "\(option) = \(value)") }
        }
        for option in ["clip", "kl_clip"] { #expect(options[option] ?? "none" == "none") }
        for option in ["adapts_damping", "uses_nesterov"] { #expect(options[option] ?? "false" == "false") }
        if name.hasPrefix("adafisher") { #expect(options["beta"] == "0.0" || options["beta"] == "0") }
        if name == "rmsprop" { #expect(options["beta"] == "0.99") }
        if let damping = options["damping"] { #expect(Double(damping) == 1e-3) }
    }

    /// KL(p || p moved), by the logits of a model of its own, is the divergence that was asked for.
    @Test(arguments: [1e-4, 1e-2, 0.3]) func directionsAreScaledToTheDivergence(target: Double) throws {
        let (task, model) = (ToyTask(dropping: 0), try Self.frozen(isDense: true))
        let direction = try model.naturalGradient(damping: 1e-2).vector
        let bend = try (direction * model.information(direction)).sum().item()
        let scale = try #require(try model.scale(of: direction, bend: bend, divergence: target))
        // The same weights and the same mini-batch, made again.
        let network = try task.makeModel(seed: 1)
        let optimizer = try Optimizer(for: network, AdamW())
        var batches = try task.makeBatches(seed: 1)
        for _ in 0..<5 {
            try optimizer.step(on: try batches.next()) { try task.objective(of: network, on: $0) }
        }
        let batch = try batches.next()
        func logProbabilities() throws -> [[Double]] {
            let values = try withoutGradients { try network(batch.inputs).scalars(as: Double.self) }
            return stride(from: 0, to: values.count, by: 3).map { row in
                let logits = values[row..<row + 3]
                let total = log(logits.reduce(0) { $0 + exp($1) })
                return logits.map { $0 - total }
            }
        }
        let before = try logProbabilities()
        let named = network.parameters
        let parts = ParameterLayout(of: named.map(\.parameter.wrappedValue)).split(direction)
        try withoutGradients {
            for (parameter, part) in zip(named, parts) {
                try parameter.parameter.wrappedValue.detached().add(part, scale: scale)
            }
        }
        let after = try logProbabilities()
        let sum = zip(before, after).reduce(0.0) { sum, rows in
            sum + zip(rows.0, rows.1).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        let divergence = sum / Double(before.count)
        #expect(abs(divergence / target - 1) < 5e-3)
    }

    /// For short steps and little damping the decrease is the reference's times the cosine: <g, d> = <F^-1 g, F d>.
    @Test func angleAndDecreaseAgree() throws {
        let settings = Self.settings {
            ($0.damping, $0.dampings, $0.divergence) = (1e-5, [1e-5], 1e-5)
        }
        let names = ["natural_gradient", "sgd", "adam", "muon", "shampoo", "kfac", "ekfac", "ief"]
        let point = try Self.points(names.map { ($0, []) }, settings)[0]
        let whole = point.measures[0].decrease
        for measure in point.measures {
            #expect(abs(measure.decrease / whole - measure.cosine) < 0.03, "\(names[measure.level])")
        }
        let angles = point.measures.map(\.angle)
        #expect(angles[0] < 1e-3 && angles[1] > angles[5])
    }

    /// What is held out is measured by the task; a loss that never changes has no decrease.
    @Test func theHeldOutDecreaseIsTheTasks() throws {
        var task = ToyTask(dropping: 0)
        task.neverImproves = true
        let measure = try Self.points([("sgd", [])], Self.settings(), task: task)[0].measures[0]
        #expect(measure.heldOutDecrease == 0 && measure.decrease > 0.001)
    }

    /// A point does not depend on which other points and levels are measured.
    @Test func pointsAreIndependent() throws {
        let settings = Self.settings { $0.trainingSteps = [0, 2, 5] }
        let all = try Self.points([("soap", []), ("sgd", []), ("kfac", [])], settings)
        let one = try Self.points([("sgd", [])], settings) { $0 == 5 }
        #expect(all.map(\.step) == [0, 2, 5] && one.map(\.step) == [5])
        #expect(one[0].loss == all[2].loss && one[0].heldOutLoss == all[2].heldOutLoss)
        #expect(one[0].measures[0].cosine == all[2].measures[1].cosine)
    }

    /// Every gradient rule has a direction from one mini-batch and from three, also one whose first gradient makes no step.
    @Test(arguments: [1, 3]) func everyGradientRuleHasADirection(batchCount: Int) throws {
        let names = RuleRegistry.gradientRules.map { $0.summary.name }
        let point = try Self.points(names.map { ($0, []) }, Self.settings { $0.batchCount = batchCount })[0]
        for measure in point.measures {
            #expect((1..<90).contains(measure.angle) && measure.decrease > 0, "\(names[measure.level])")
        }
    }

    /// A damping that is given stays; the others follow the curve.
    @Test func dampingsOfTheirOwnStay() throws {
        let settings = Self.settings { $0.dampings = [1e-3, 1] }
        let levels = [("kfac", [(name: "damping", value: "0.1")]), ("kfac", [])]
        let measures = try Self.points(levels, settings)[0].measures
        #expect(measures[0].decrease == measures[1].decrease && measures[2].decrease != measures[3].decrease)
        #expect(try !HierarchyCandidate("kfac", [("damping", "0.1")], in: settings).followsDamping)
    }

    @Test func costsGrowAndEndWithTheLimit() throws {
        var costs = LevelCosts()
        (costs.turns, costs.widths) = (2, [8, 16, 32, 64])
        let level = try HierarchyCandidate("kfac", in: Self.settings())
        func measured() throws -> LevelCost {
            try #require(costs.costs(of: [level], on: ToyTask(dropping: 0), seed: 0).costs.first)
        }
        let cost = try measured()
        #expect(cost.sizes.map(\.width) == [8, 16, 32, 64] && cost.stateBytes > 0 && cost.relativeTime > 0)
        #expect(cost.sizes[0].parameterCount == 2 * (8 * 8 + 8) + 8 * 10 + 10)
        costs.mostMilliseconds = 0
        #expect(try measured().sizes.count == 1)
        costs.measuresSizes = false
        #expect(try measured().sizes.isEmpty)
    }
}

/// The document, its tables and its page.
@Suite struct HierarchyDocumentTests {
    static func study(_ seeds: [UInt64], cosine: (UInt64, Int) -> Double) -> HierarchyComparison {
        var settings = HierarchySettings()
        (settings.dampings, settings.trainingSteps) = ([1e-3, 1e-2], [10, 100])
        let levels = [("sgd", "identity", false), ("kfac", "Kronecker, by layer", true)].map {
            name, structure, damped in
            HierarchyLevel(
                label: name, rule: name, source: "none", structure: structure, power: "1", operations: "P",
                options: [Setting("momentum", "0")], isDamped: damped,
                cost: LevelCost(
                    milliseconds: 2, ratioQuartiles: [1, 2, 3], stateBytes: 64,
                    sizes: (1...6).map {
                        let d = 100 * $0 * $0
                        return SizeCost(
                            width: $0, parameterCount: d, milliseconds: 1e-4 * pow(Double(d), 1.5),
                            bytes: 8 * d)
                    }))
        }
        let points = seeds.flatMap { seed in
            settings.trainingSteps.map { step in
                HierarchyPoint(
                    seed: seed, step: step, loss: 1, heldOutLoss: 1.5, referenceResidual: 1e-6,
                    measures: (0...1).flatMap { level in
                        settings.dampings.map {
                            HierarchyMeasure(
                                level: level, damping: $0, cosine: cosine(seed, level), decrease: 0.1,
                                heldOutDecrease: level == 1 && $0 > 5e-3 ? 0.09 : 0.05)
                        }
                    })
            }
        }
        return HierarchyComparison(
            task: ToyTask().summary, environment: .example, settings: settings, levels: levels, points: points
        )
    }

    @Test func allFormsTellEveryLevel() throws {
        let study = Self.study([0, 1, 2]) { seed, level in level == 1 ? 0.9 : 0.1 + 0.1 * Double(seed) }
        #expect(study.csv().split(separator: "\n").count == 1 + 3 * 2 * 2 * 2)
        let again = try HierarchyComparison(json: study.json(), path: "x")
        #expect(again == study && again.continues(study))
        let text = study.text()
        for word in ["kfac", "25.8 ± 0.0", "held out", "O(m^3 + n^3)", "1.50 (1.50 to 1.50)", "step 100"] {
            #expect(text.contains(word), "\(word): \(text)")
        }
        let page = study.report()
        for word in [
            "Accuracy against cost", "Held-out decrease by damping", "Angle by damping", "Cost by size",
        ] {
            #expect(page.contains(word))
        }
        #expect(page.contains("class=\"whisker\"") && page.contains("class=\"band\""))
    }

    /// A seed's value is its mean over the points; Student's interval is over the seeds.
    @Test func intervalsAreOverTheSeeds() throws {
        let study = Self.study([4, 5, 6]) { seed, _ in cos(Double(seed) * .pi / 18) }
        let row = try #require(HierarchySummary(study).row(of: 0, damping: 1e-3))
        #expect(abs(row.angle.mean - 50) < 1e-9 && row.angle.values.count == 3)
        // t(0.975, 2) = 4.302653, the standard error 10 / sqrt(3).
        let half = try #require(row.angle.halfWidth)
        #expect(abs(half - 4.302_652_73 * 10 / 3.0.squareRoot()) < 1e-5)
        #expect(HierarchySummary(study).best(of: 1, in: study)?.damping == 1e-2)
        #expect(HierarchySummary(study).best(of: 0, in: study) == nil)
        let single = Self.study([4]) { _, _ in 0.5 }
        #expect(HierarchySummary(single).rows[0].angle.interval == nil)
        #expect(single.warnings.contains { $0.contains("one seed") })
    }

    /// The first layout measured other quantities: it is refused by its version.
    @Test func formerResultsAreRefused() throws {
        let json = Data(#"{"formatVersion": 1, "rungs": []}"#.utf8)
        let error = #expect(throws: StudyFileError.self) {
            try HierarchyComparison(json: json, path: "a.json")
        }
        #expect(error?.description == "a.json has format version 1; this version of fisher reads version 2.")
    }

    @Test(arguments: [
        ("\"level\" : 1", "\"level\" : 7", "there are 2 levels"),
        ("\"cosine\" : 0.5", "\"cosine\" : 2", "cosine"),
        ("\"damping\" : 0.001", "\"damping\" : 5", "is not one of the dampings"),
        ("\"divergence\" : 0.01", "\"divergence\" : 0", "divergence"),
        ("\"batchCount\" : 1", "\"batchCount\" : -1", "batchCount"),
        ("\"milliseconds\" : 2", "\"milliseconds\" : -2", "milliseconds"),
        ("\"formatVersion\" : 2,", "", "formatVersion is missing"),
    ])
    func impossibleValuesAreRefused(old: String, new: String, complaint: String) throws {
        let text = String(decoding: Self.study([1]) { _, _ in 0.5 }.json(), as: UTF8.self)
        // The last place: the ladder's damping follows the measures'.
        let place = try #require(text.range(of: old, options: .backwards))
        let json = Data(text.replacingCharacters(in: place, with: new).utf8)
        let error = #expect(throws: StudyFileError.self) {
            try HierarchyComparison(json: json, path: "a.json")
        }
        #expect(error?.description.contains(complaint) == true, "\(error as Any)")
    }

    /// Slope and interval as scipy.stats.linregress has them (Reference/power_law.py).
    @Test func powersAreThoseOfLeastSquares() throws {
        let law = try #require(
            PowerLaw(
                [(10, 3), (20, 7), (40, 15), (80, 40), (160, 70), (-1, 5), (5, .nan)].map {
                    (x: $0.0, y: $0.1)
                }))
        #expect(law.count == 5)
        #expect(abs(law.exponent - 1.160321420528) < 1e-9)
        let interval = try #require(law.interval)
        #expect(
            abs(interval.lowerBound - 1.007805403815) < 1e-7
                && abs(interval.upperBound - 1.312837437240) < 1e-7)
        #expect(PowerLaw([(x: 1, y: 1)]) == nil && PowerLaw([(x: 1, y: 1), (x: 1, y: 2)]) == nil)
        #expect(PowerLaw([(x: 1, y: 1), (x: 2, y: 4)])?.interval == nil)
    }
}
