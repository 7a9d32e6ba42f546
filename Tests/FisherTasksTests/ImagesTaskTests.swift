import Fisher
import FisherMedia
import FisherTraining
import Foundation
import NeuralNet
import Testing

@testable import FisherTasks

@Suite struct ImagesTaskTests {
    /// Images whose class is their brighter half, in memory.
    static func made(_ count: Int = 40, channels: Int = 1, side: Int = 8) throws -> LabeledImages {
        var generator = SplitMix64(seed: 4)
        var planes: [UInt8] = []
        let labels = (0..<count).map { $0 % 2 }
        for label in labels {
            for _ in 0..<channels {
                for row in 0..<side {
                    for _ in 0..<side {
                        let bright = (row < side / 2) == (label == 0)
                        planes.append(UInt8(generator.next() % 80) + (bright ? 150 : 0))
                    }
                }
            }
        }
        return try LabeledImages(
            "made", planes: planes, labels: labels, classNames: ["above", "below"],
            size: ImageSize(height: side, width: side), channels: channels)
    }

    static func task(_ configure: (inout ImagesOptions) -> Void = { _ in }) throws -> ImagesTask {
        var options = ImagesOptions()
        (options.batch, options.width, options.network) = (8, 2, .cnn)
        configure(&options)
        let (training, heldOut) = try made().split(heldOut: 0.25, seed: 0)
        return try ImagesTask(options, training: training, heldOut: heldOut)
    }

    /// A part of a batch has the images that it has in the whole, changed alike, whoever reads the others.
    @Test func partsOfBatchesAreReadAlone() throws {
        let task = try Self.task { ($0.flip, $0.crop) = (true, 2) }
        var (whole, partial) = (try task.makeBatches(seed: 5), try task.makeBatches(seed: 5))
        for range in [0..<3, 3..<8, 5..<6] {
            let batch = try whole.next().slice(range)
            let part = try partial.next { _ in range }
            #expect(part.unitCount == 8 && part.units.unitCount == range.count)
            let found = part.slice(range).units
            #expect(try found.inputs.scalars(as: Float.self) == batch.inputs.scalars(as: Float.self))
            #expect(try found.targets.scalars(as: Int64.self) == batch.targets.scalars(as: Int64.self))
        }
        #expect(whole.position == partial.position)
    }

    /// Every network learns the halves, with what can be changed changed.
    @Test(arguments: [ImageNetwork.resnet18, .cnn, .vit])
    func everyNetworkLearns(_ network: ImageNetwork) throws {
        let task = try Self.task {
            $0.network = network
            ($0.width, $0.patch, $0.layers, $0.heads) = (4, 8, 1, 2)
            ($0.flip, $0.crop, $0.labelSmoothing) = (true, 1, 0.1)
        }
        let model = try task.makeModel(seed: 1)
        let optimizer = try Optimizer(for: model, try AdamW(learningRate: 0.02))
        var batches = try task.makeBatches(seed: 1)
        for _ in 0..<25 {
            _ = try optimizer.step(on: batches.next()) { try task.objective(of: model, on: $0) }
        }
        model.setTraining(false)
        let loss = try withoutGradients { try task.validationLoss(of: model) }
        #expect(loss < 0.4, "\(loss)")
        let parts = try withoutGradients { try task.validationParts(of: model) }
        #expect(abs(parts.reduce(0, +) / Double(parts.count) - loss) < 1e-6)
        let accuracy = try #require(try withoutGradients { try task.measures(of: model) }.first)
        #expect(accuracy.name == "accuracy" && accuracy.value > 90)
        let lower = try #require(accuracy.lower), upper = try #require(accuracy.upper)
        #expect(lower < accuracy.value && upper >= accuracy.value && upper <= 100)
    }

    /// The smoothed loss is the cross-entropy to (1 - e) one-hot + e / classes.
    @Test func labelSmoothingIsExactAndLeavesTheLikelihood() throws {
        let task = try Self.task { $0.labelSmoothing = 0.3 }
        let model = try task.makeModel(seed: 0)
        var batches = try task.makeBatches(seed: 0)
        let batch = try batches.next()
        let objective = try task.objective(of: model, on: batch)
        let total = try objective.loss.item() + objective.auxiliaries.reduce(0) { try $0 + $1.value.item() }
        let logs = try model(batch.inputs).logSoftmax(along: -1).scalars(as: Double.self)
        let labels = try batch.targets.scalars(as: Int64.self)
        var (smoothed, plain) = (0.0, 0.0)
        for (n, label) in labels.enumerated() {
            for c in 0..<2 {
                let own = Int(label) == c ? 1.0 : 0
                smoothed -= (0.7 * own + 0.15) * logs[2 * n + c] / Double(labels.count)
                plain -= own * logs[2 * n + c] / Double(labels.count)
            }
        }
        #expect(abs(total - smoothed) < 1e-6)
        #expect(try abs(objective.loss.item() - plain) < 1e-6)
        // The information is that of the likelihood without smoothing.
        let without = try Self.task()
        let estimator = try CurvatureEstimator(of: model)
        let found = try [task, without].map { task in
            try #require(
                estimator.estimate([.diagonal(.exact)], of: task.objective(of: model, on: batch))
                    .diagonal(.exact)?.mean[ParameterPath("0.weight")]
            ).scalars(as: Double.self)
        }
        #expect(found[0] == found[1])
    }

    /// Crops take each image from itself padded with black; mirrored ones are reversed.
    @Test func changesAreShiftsAndReflections() throws {
        let images = try LabeledImages(
            "one", planes: (1...12).map { UInt8($0 * 20) }, labels: [0], classNames: ["x"],
            size: ImageSize(height: 3, width: 4), channels: 1)
        let normalization = try ImageNormalization(of: images)
        let original = try normalization.inputs(images.planes(at: [0]), of: images).scalars(as: Float.self)
        let black = try normalization.inputs([UInt8](repeating: 0, count: 12), of: images)
            .scalars(as: Float.self)[0]
        var possible: Set<[Float]> = []
        for down in -1...1 {
            for right in -1...1 {
                for isMirrored in [false, true] {
                    possible.insert(
                        (0..<12).map { place in
                            let column = isMirrored ? 3 - place % 4 : place % 4
                            let (y, x) = (place / 4 + down, column + right)
                            return (0..<3).contains(y) && (0..<4).contains(x) ? original[y * 4 + x] : black
                        })
                }
            }
        }
        var batches = ImageBatches(images, normalization, .init(crop: 1, flip: true), batch: 1, seed: 3)
        var seen: Set<[Float]> = []
        for _ in 0..<300 { seen.insert(try batches.next().inputs.scalars(as: Float.self)) }
        #expect(seen == possible)
        var plain = ImageBatches(images, normalization, .init(), batch: 1, seed: 3)
        #expect(try plain.next().inputs.scalars(as: Float.self) == original)
    }

    @Test func inputsHaveMeanZeroAndVarianceOneByChannel() throws {
        let images = try Self.made(20, channels: 3)
        let normalization = try ImageNormalization(of: images)
        let inputs = normalization.inputs(try images.planes(at: Array(0..<20)), of: images)
        let byChannel = inputs.transposed(0, 1).flattened(from: 1)
        #expect(try byChannel.mean(along: 1).squared().max().item() < 1e-10)
        #expect(try (byChannel.squared().mean(along: 1) - 1).squared().max().item() < 1e-8)
    }

    /// A position that was written as JSON gives the same images, changed the same.
    @Test func batchesContinueFromTheirPosition() throws {
        let task = try Self.task { ($0.flip, $0.crop) = (true, 2) }
        var batches = try task.makeBatches(seed: 5)
        for _ in 0..<5 { _ = try batches.next() }
        let saved = try JSONEncoder().encode(batches.position)
        let expected = try (0..<6).map { _ in try batches.next().inputs.scalars(as: Float.self) }
        var others = try task.makeBatches(seed: 9)
        try others.restore(JSONDecoder().decode(ImageBatches.Position.self, from: saved))
        #expect(try (0..<6).map { _ in try others.next().inputs.scalars(as: Float.self) } == expected)
        var small = try Self.task { $0.batch = 4 }.makeBatches(seed: 5)
        #expect(throws: BatchError.self) {
            try small.restore(JSONDecoder().decode(ImageBatches.Position.self, from: saved))
        }
    }

    @Test func theWeightsFileDescribesItsNetwork() throws {
        let task = try Self.task { ($0.network, $0.width) = (.resnet18, 2) }
        let json = try #require(task.modelMetadata[PlainNetwork.metadataKey])
        #expect(try NetworkSpecification(json: Data(json.utf8)) == task.specification)
    }

    @Test(arguments: [
        ("batch", "more than the 30 images to train on"), ("patch", "patches of 3 pixels do not divide"),
        ("heads", "3 heads do not divide a width of 4"), ("share", "data.test_share = 1.0 leaves one side"),
    ])
    func optionsThatDoNotFitAreNamed(_ name: String, _ message: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            if name == "share" {
                var options = ImagesOptions()
                options.testShare = 1
                _ = try ImagesTask(options)
            }
            _ = try Self.task {
                ($0.network, $0.width, $0.heads) = (.vit, 4, 2)
                switch name {
                case "batch": $0.batch = 31
                case "patch": $0.patch = 3
                default: $0.heads = 3
                }
            }
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    /// The interval's ends solve (p^ - p)^2 = z^2 p (1 - p) / n.
    @Test(arguments: [(0, 10), (7, 10), (10, 10), (433, 449)])
    func wilsonsIntervalSolvesItsEquation(count: Int, total: Int) {
        let interval = WilsonInterval.of(count, in: total)
        let (share, z) = (Double(count) / Double(total), 1.959_963_984_540_054)
        for end in [interval.lowerBound, interval.upperBound] {
            let left = (share - end) * (share - end)
            #expect(abs(left - z * z * end * (1 - end) / Double(total)) < 1e-12)
        }
        #expect(interval.contains(share))
    }

    /// An untrained network misreads some: the page shows which.
    @Test func exhibitsShowWhatIsMisread() throws {
        let task = try Self.task()
        let model = try task.makeModel(seed: 0)
        model.setTraining(false)
        let (exhibits, measures) = try withoutGradients {
            (try task.exhibits(of: model), try task.measures(of: model))
        }
        guard case .table(let table)? = exhibits.first, case .pictures(let grid)? = exhibits.last else {
            Issue.record("a table and pictures are missing")
            return
        }
        let wrong = table.rows.reduce(0) { $0 + (Int($1[2]) ?? 0) }
        #expect(abs(Double(10 - wrong) * 10 - measures[0].value) < 1e-9)
        #expect(grid.rows.flatMap(\.self).count == min(wrong, 16))
        #expect(grid.rows.flatMap(\.self).allSatisfy { $0.width == 8 && $0.channels == 1 })
    }

    @Test func theDigitsAreThere() throws {
        var options = ImagesOptions()
        (options.width, options.network) = (4, .cnn)
        let task = try ImagesTask(options)
        #expect(task.training.count + task.heldOut.count == 1797)
        #expect(task.training.classNames.count == 10)
        let tuning = try task.tuningTask()
        #expect(tuning.training.count + tuning.heldOut.count == task.training.count)
        #expect(task.summary.description.contains("8 by 8 pixels in 10 classes"))
    }
}
