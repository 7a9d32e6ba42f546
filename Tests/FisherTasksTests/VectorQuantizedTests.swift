import Fisher
import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherTasks

/// Vector-quantized images: the model against its twin, the task, its measures, and runs that are resumed.
@Suite struct VectorQuantizedTests {
    static func fixture(_ path: String) throws -> SafetensorsFile {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try SafetensorsFile(path: root.appending(path: "Fixtures/\(path).safetensors").path)
    }

    /// A task on few images.
    static func task(
        _ likelihood: PixelLikelihood = .categorical,
        _ change: (inout VectorQuantizedOptions) -> Void = { _ in }
    ) throws -> VectorQuantizedTask {
        var options = VectorQuantizedOptions()
        options.likelihood = likelihood
        (options.width, options.codes, options.codeWidth, options.batch) = (8, 16, 4, 32)
        options.validationImages = 60
        change(&options)
        return try VectorQuantizedTask(options)
    }

    static func adamw() throws -> OptimizerCandidate {
        OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: 3e-3))
    }

    /// Outputs, codes, loss and gradients against PyTorch's, written by Reference/vector_quantized.py.
    @Test(arguments: PixelLikelihood.allCases)
    func twin(_ likelihood: PixelLikelihood) throws {
        let file = try Self.fixture("vq/\(likelihood.rawValue)")
        let sizes = try JSONDecoder().decode(
            VectorQuantizedAutoencoder.Configuration.self,
            from: Data(try #require(file.metadata["configuration"]).utf8))
        let model = VectorQuantizedAutoencoder(sizes, dtype: .float64, using: try RandomGenerator(seed: 0))
        let trained = model.parameters.filter(\.parameter.isTrainable)
        for named in trained { try named.parameter.assign(try file.tensor(named: "weights/\(named.path)")) }
        #expect(Double(model.parameterCount) == sizes.parameterCount)
        let made = model(try file.tensor(named: "images"))
        func error(_ a: Tensor, _ name: String) throws -> Double {
            let b = try file.tensor(named: name)
            return try (a.detached() - b).norm().item() / max(b.norm().item(), 1e-30)
        }
        #expect(try error(made.outputs, "outputs") < 1e-12)
        let codes = try file.tensor(named: "codes").scalars(as: Int64.self)
        #expect(try made.quantized.codes.flattened().scalars(as: Int64.self) == codes)
        let pixels = PixelModel(likelihood: likelihood, levels: 5, variance: 0.01)
        let objective = try pixels.distribution(of: made.outputs).objective(
            of: try file.tensor(named: "levels"), among: 5, auxiliaries: [])
        #expect(try error(objective.loss.reshaped([1]), "loss") < 1e-12)
        #expect(objective.observationCount == made.outputs.count / sizes.outputs)
        let loss = objective.loss + made.quantized.commitment * 0.25 + made.quantized.codebookLoss!
        let slopes = try gradients(of: loss, withRespectTo: trained.map(\.parameter.wrappedValue))
        for (named, slope) in zip(trained, slopes) {
            #expect(try error(slope!, "gradients/\(named.path)") < 1e-10, "\(named.path)")
        }
    }

    @Test(arguments: ["independent", "correlated", "singular"])
    func frechetDistance(_ name: String) throws {
        let file = try Self.fixture("frechet/\(name)")
        let (x, y) = (try file.tensor(named: "features"), try file.tensor(named: "reference"))
        let expected = try file.tensor(named: "distance").item()
        let found = try FeatureMoments(of: x).frechetDistance(to: FeatureMoments(of: y))
        #expect(abs(found / expected - 1) < 1e-7)
        #expect(
            abs(try FeatureMoments(of: y).frechetDistance(to: FeatureMoments(of: x)) / expected - 1) < 1e-7)
        #expect(try FeatureMoments(of: x).frechetDistance(to: FeatureMoments(of: x)) < 1e-6)
        let estimate = try FrechetEstimate(of: x, from: y, isPaired: false, resamples: 10)
        #expect(estimate.interval.contains(estimate.distance) && estimate.distance == found)
    }

    /// The bundled classifier is right on images that it was not trained on: 442 of 451.
    @Test func bundledFeatures() throws {
        let (_, test) = try Digits.all.split(test: 0.25, seed: 0)
        let features = try ImageFeatures.bundled()
        let images = PixelImages(test, levels: 17)
        let batch = try images.batch(at: Array(0..<images.count))
        #expect(try features(batch.inputs).shape == [451, 128])
        #expect(try ImageFeatures.bundledAccuracy(on: test) > 0.975)
    }

    /// The estimates of the information, and the likelihood, do not see the auxiliaries.
    @Test(arguments: VectorQuantizer.Learning.allCases)
    func auxiliariesBypassTheInformation(_ learning: VectorQuantizer.Learning) throws {
        func estimates(_ weight: Double) throws -> [[ParameterPath: Tensor]] {
            let task = try Self.task(.gaussian) {
                ($0.width, $0.blocks, $0.codebook, $0.commitment, $0.batch) = (4, 0, learning, weight, 4)
            }
            let model = try task.makeModel(seed: 1)
            model.setTraining(false)
            var batches = try task.makeBatches(seed: 0)
            let batch = try batches.next()
            let found = try CurvatureEstimator(of: model).estimate(
                [.diagonal(.empirical), .diagonal(.exact), .diagonal(.sampled(1)), .gradient],
                of: try task.objective(of: model, on: batch), units: 4, using: try RandomGenerator(seed: 2))
            return [
                found.diagonal(.empirical)!.mean, found.diagonal(.exact)!.mean,
                found.diagonal(.sampled(1))!.mean, found.gradient!,
            ]
        }
        for (a, b) in zip(try estimates(0), try estimates(5)) {
            #expect(!a.isEmpty && a.keys == b.keys)
            for (path, value) in a {
                #expect(try value.scalars(as: Double.self) == b[path]!.scalars(as: Double.self), "\(path)")
            }
        }
        // The codebook has no information of the likelihood.
        if learning == .gradient {
            let book = try estimates(1)[1][ParameterPath("quantizer.codebook")]
            #expect(try book?.norm().item() ?? 0 == 0)
        }
    }

    /// The layers' per-sample gradients through the quantizer against a backward pass a sample.
    @Test(arguments: PixelLikelihood.allCases)
    func estimatesMatchBruteForce(_ likelihood: PixelLikelihood) throws {
        let task = try Self.task(likelihood) { ($0.width, $0.blocks, $0.codeWidth, $0.batch) = (4, 1, 2, 3) }
        let model = try task.makeModel(seed: 1)
        model.setTraining(false)
        var batches = try task.makeBatches(seed: 0)
        let batch = try batches.next()
        func diagonal(_ fallback: PerSampleFallback) throws -> [ParameterPath: Tensor] {
            try CurvatureEstimator(of: model, fallback: fallback).estimate(
                [.diagonal(.empirical)], of: try task.objective(of: model, on: batch), units: 3
            ).diagonal(.empirical)!.mean
        }
        let (layers, brute) = (try diagonal(.never), try diagonal(.always))
        for (path, value) in brute {
            #expect(try (layers[path]! - value).norm().item() <= 1e-4 * max(value.norm().item(), 1e-12))
        }
    }

    @Test(arguments: PixelLikelihood.allCases)
    func everyLikelihoodLearns(_ likelihood: PixelLikelihood) throws {
        let task = try Self.task(likelihood)
        let session = try TrainingSession(task, try Self.adamw(), seed: 0)
        try TrainingLoop(session, length: RunLength(steps: 30, evaluateEvery: 15))()
        let curve = session.record(.completed).curve.compactMap(\.validationLoss)
        // The first point is before the first step.
        #expect(curve.count == 3 && curve[1] < curve[0] && curve[2] < curve[1])
        session.model.setTraining(false)
        let measures = try withoutGradients { try task.measures(of: session.model) }
        #expect(
            measures.map(\.name) == [
                "bits a dimension", "Frechet distance of reconstructions", "codebook perplexity",
                "codes in use",
            ])
        #expect(measures.allSatisfy { $0.value.isFinite })
        #expect(measures[0].value > 0 && measures[1].value > 0 && (2...16).contains(measures[3].value))
        // With a categorical distribution the loss is the code's length.
        if likelihood == .categorical { #expect(abs(measures[0].value - curve[2] / log(2)) < 1e-5) }
        guard case .pictures(let grid) = try withoutGradients({ try task.exhibits(of: session.model) })[0]
        else {
            Issue.record("the first exhibit shows pictures")
            return
        }
        #expect(grid.rows.map(\.count) == [12, 12] && grid.rows[0][0].width == 8)
    }

    /// A run that is saved and resumed is the same run, to the bit, restarts among it.
    @Test(arguments: VectorQuantizer.Learning.allCases)
    func resumesToTheBit(_ learning: VectorQuantizer.Learning) throws {
        let task = try Self.task { ($0.codebook, $0.restartAfter, $0.batch) = (learning, 2, 8) }
        let folder = FileManager.default.temporaryDirectory.appending(path: "vq-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func session() throws -> TrainingSession<VectorQuantizedTask> {
            try TrainingSession(task, try Self.adamw(), seed: 3, microBatches: 2)
        }
        let whole = try session()
        var books: [[Double]] = []
        for _ in 0..<8 {
            _ = try whole.advance()
            books.append(try whole.model.quantizer.codebook.detached().scalars(as: Double.self))
        }
        let first = try session()
        for _ in 0..<4 { _ = try first.advance() }
        let checkpoint = try first.save(to: CheckpointStore(folder: folder))
        let second = try session()
        _ = try second.restore(from: checkpoint)
        for _ in 0..<4 { _ = try second.advance() }
        for (path, tensor) in whole.model.weights {
            #expect(
                try second.model.weights[path]!.scalars(as: Double.self) == tensor.scalars(as: Double.self))
        }
        // The codebook did move in every step.
        #expect(Set(books).count == 8)
    }

    /// What a model is after some steps in float64, its codebook included.
    private static func trained(
        _ learning: VectorQuantizer.Learning, with processes: ProcessGroup? = nil
    ) throws -> [Double] {
        let task = try task {
            ($0.width, $0.blocks, $0.codebook, $0.restartAfter, $0.batch) = (4, 1, learning, 2, 7)
        }
        let model = VectorQuantizedAutoencoder(
            task.configuration, dtype: .float64, using: try RandomGenerator(seed: 1))
        let optimizer = try Optimizer(for: model, try AdamW(learningRate: 3e-3))
        let memory = task.makeMemory(of: model, seed: 0)
        optimizer.processes = processes
        memory.share(with: processes)
        var batches = try task.makeBatches(seed: 0)
        for step in 0..<8 {
            let found = try batches.next()
            let batch = SupervisedBatch(inputs: found.inputs.to(dtype: .float64), targets: found.targets)
            memory.prepare(model, for: batch, after: step)
            try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
            try memory.conclude(model, optimizer, after: step + 1)
        }
        return try model.parameters.flatMap {
            try $0.parameter.wrappedValue.detached().scalars(as: Double.self)
        }
    }

    /// Steps that several processes share are those of one, the codebook's among them.
    @Test(arguments: VectorQuantizer.Learning.allCases, [2, 3])
    func sharedStepsAreThoseOfOne(_ learning: VectorQuantizer.Learning, _ size: Int) throws {
        let alone = try Self.trained(learning)
        let ranks = try Ranks.run(size) { try Self.trained(learning, with: $0) }
        for found in ranks { #expect(found == ranks[0]) }
        let scale = alone.map(abs).max() ?? 1
        let error = zip(ranks[0], alone).map { abs($0 - $1) / scale }.max() ?? .infinity
        #expect(ranks[0].count == alone.count && error <= 1e-12, "\(error)")
    }

    /// The same in a session, where each process reads its part of a batch alone. In float32 the nearest code may depend on the
    /// shape of a pass, which is that of as many micro-batches.
    @Test func sharedRunsAreThoseOfOne() throws {
        @Sendable func losses(_ processes: ProcessGroup?) throws -> [Double] {
            let task = try Self.task { ($0.width, $0.blocks, $0.batch) = (4, 1, 7) }
            let session = try TrainingSession(
                task, try Self.adamw(), seed: 0, microBatches: processes == nil ? 2 : 1)
            session.processes = processes
            let losses = try (0..<3).map { _ in try session.advance().loss }
            return losses + [try session.evaluate().validationLoss ?? .nan]
        }
        let alone = try losses(nil)
        for found in try Ranks.run(2, losses) {
            for (a, b) in zip(found, alone) { #expect(abs(a - b) <= 1e-6 * b, "\(found) \(alone)") }
        }
    }

    /// The size of the source's model, counted by the twin of Benchmarks/twins/vq.py.
    @Test func thePaperSizeIsCounted() {
        let sizes = VectorQuantizedAutoencoder.Configuration(
            height: 256, width: 256, channels: 3, outputs: 256, codes: 8192, codeWidth: 32, hidden: 512,
            blocks: 5, halvings: 3)
        #expect(sizes.parameterCount == 98_028_320 && sizes.rows == 32 && sizes.complaint == nil)
    }

    /// Color images of files; without a classifier of such images there is no Frechet distance, and the settings say so.
    @Test func imagesOfFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vq-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
        for (number, name) in names.enumerated() {
            var records: [UInt8] = []
            for label in 0..<10 {
                records.append(UInt8(label))
                for place in 0..<3072 {
                    records.append(UInt8(truncatingIfNeeded: place * (number + 3) + 20 * label))
                }
            }
            try Data(records).write(to: folder.appending(path: name))
        }
        let task = try Self.task(.logitLaplace) {
            ($0.images, $0.width, $0.blocks, $0.halvings, $0.batch) = (folder.path, 4, 0, 2, 5)
        }
        #expect(task.training.count == 50 && task.heldOut.count == 10 && task.pixels.levels == 256)
        let sizes = task.configuration
        #expect(sizes.channels == 3 && sizes.height == 32 && sizes.width == 32 && sizes.rows == 8)
        // Records lie channel by channel.
        let batch = try task.training.batch(at: [1])
        let levels = try batch.targets.flattened().scalars(as: Int64.self)
        #expect(Array(levels.prefix(3)) == [20, 23, 26])
        let first = try batch.inputs.flattened().scalars(as: Double.self)[0]
        #expect(abs(first - 20.0 / 255) < 1e-7)
        let session = try TrainingSession(task, try Self.adamw(), seed: 0)
        _ = try session.advance()
        session.model.setTraining(false)
        let measures = try withoutGradients { try task.measures(of: session.model) }
        #expect(measures.map(\.name) == ["bits a dimension", "codebook perplexity", "codes in use"])
        #expect(measures[0].value.isFinite && measures[0].value > 0)
        #expect(task.summary.settings.contains { $0.value.contains("left out") })
        // Fewer levels join shades: 20 of 255 is the first of 4.
        let coarse = try Self.task(.categorical) {
            ($0.images, $0.levels, $0.halvings, $0.batch) = (folder.path, 4, 2, 5)
        }
        let joined = try coarse.training.batch(at: [1]).targets.flattened().scalars(as: Int64.self)
        #expect(joined[0] == 0 && joined.max() == 3)
    }

    @Test func mistakesAreOneSentence() throws {
        for change in [
            { $0.halvings = 4 } as (inout VectorQuantizedOptions) -> Void, { $0.batch = 5000 },
            { $0.levels = 1 },
            { $0.features = "/nowhere" }, { $0.images = "/nowhere" },
        ] {
            #expect(throws: (any Error).self) { try Self.task(.categorical, change) }
        }
    }
}

extension ImageFeatures {
    /// The bundled classifier's accuracy, from its logits.
    static func bundledAccuracy(on digits: Digits) throws -> Double {
        var logits: Tensor?
        let bundled = try bundled { logits = $0 }
        _ = try bundled(digits.images.reshaped([-1, 1, 8, 8]))
        return try Digits.accuracy(logits!, digits.targets)
    }
}
