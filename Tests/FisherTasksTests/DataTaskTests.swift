import Fisher
import FisherData
import FisherTraining
import Foundation
import NeuralNet
import TestSupport
import Testing

@testable import FisherTasks

@Suite struct DataTaskTests {
    static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    /// A table whose price is linear in its numbers and its category, in units far from 1.
    static let houses: String = {
        var generator = SplitMix64(seed: 3)
        let rows = (0..<120).map { row -> String in
            let (area, rooms) = (50 + generator.uniform(below: 200), 1 + generator.uniform(below: 6))
            let place = ["city", "country", "sea"][row % 3]
            let price = 1000 * area + 20_000 * rooms + 50_000 * (row % 3)
            return "\(row),\(area),\(rooms),\(place),\(price),\(price > 250_000 ? "dear" : "cheap")"
        }
        return "id,area,rooms,place,price,class\n" + rows.joined(separator: "\n") + "\n"
    }()

    static func task(
        _ path: String, _ target: [String], _ change: (inout DataOptions) -> Void = { _ in }
    ) throws -> DataTask {
        var options = DataOptions()
        (options.inputs, options.target, options.drop, options.batch) = (path, target, ["id"], 16)
        change(&options)
        return try DataTask(options)
    }

    static func trained(_ task: DataTask, steps: Int = 120) throws -> Sequential {
        let model = try task.makeModel(seed: 1)
        let optimizer = try Optimizer(for: model, try AdamW(learningRate: 0.02))
        var batches = try task.makeBatches(seed: 1)
        for _ in 0..<steps {
            _ = try optimizer.step(on: batches.next()) { try task.objective(of: model, on: $0) }
        }
        model.setTraining(false)
        return model
    }

    @Test func numbersAreLearnedAndStatedInTheirUnit() throws {
        try TemporaryFolder.with { root in
            try Self.write(Self.houses, to: root + "/houses.csv")
            let task = try Self.task(root + "/houses.csv", ["price"]) { $0.drop.append("class") }
            #expect(task.trainingCount == 96 && task.heldOutCount == 24)
            let model = try Self.trained(task)
            let loss = try withoutGradients { try task.validationLoss(of: model) }
            let measures = try withoutGradients { try task.measures(of: model) }
            #expect(measures.map(\.name) == ["RMSE", "R2"])
            #expect(measures[1].value > 0.9, "\(measures)")
            let spread = try #require(task.training.preparation.targetDeviations.first)
            #expect(spread > 50_000)
            // -log N(y; mean, s^2) = ((y - mean) / s)^2 / 2 + log s + log(2 pi) / 2.
            let ratio = measures[0].value / spread
            #expect(abs(loss - (ratio * ratio / 2 + log(spread) + log(2 * .pi) / 2)) < 1e-4)
            let parts = try withoutGradients { try task.validationParts(of: model) }
            #expect(abs(parts.reduce(0, +) / Double(parts.count) - loss) < 1e-4)
        }
    }

    @Test func classesAreLearnedByTheirNames() throws {
        try TemporaryFolder.with { root in
            try Self.write(Self.houses, to: root + "/houses.csv")
            let task = try Self.task(root + "/houses.csv", ["class"]) { $0.drop.append("price") }
            let model = try Self.trained(task)
            let measures = try withoutGradients { try task.measures(of: model) }
            #expect(measures.map(\.name) == ["accuracy", "expected calibration error"])
            #expect(measures[0].value > 80, "\(measures)")
            #expect(task.training.preparation.classNames == ["cheap", "dear"])
            #expect(task.summary.description.contains("2 classes"))
            // Options are tuned on the training samples alone, with means and deviations of their own.
            let tuning = try task.tuningTask()
            #expect(Set(tuning.training.indices + tuning.heldOut.indices) == Set(task.training.indices))
            #expect(tuning.training.preparation.standardization != task.training.preparation.standardization)
            #expect(tuning.specification == task.specification)
            #expect(tuning.dataFingerprint != task.dataFingerprint)
        }
    }

    /// 1 and 0 by a logistic likelihood, texts by their order.
    @Test func sharesAreLearned() throws {
        try TemporaryFolder.with { root in
            try Self.write(Self.houses, to: root + "/houses.csv")
            let task = try Self.task(root + "/houses.csv", ["class"]) {
                $0.drop.append("price")
                $0.likelihood = "bernoulli"
            }
            let model = try Self.trained(task)
            let measures = try withoutGradients { try task.measures(of: model) }
            #expect(measures.first?.name == "accuracy" && measures.count == 2)
            #expect((measures.first?.value ?? 0) > 80)
        }
    }

    /// An archive as NumPy writes it, its members stored: a head, the numbers, and no more than that.
    static func arrays(_ root: String, nan: Bool = false) throws {
        var values: [Float] = (0..<720).map { number in
            let level = number * 37 % 101
            return Float(level) / 10 - 5
        }
        if nan { values[13 * 12 + 4] = .nan }
        func npy(_ type: String, _ shape: String, _ bytes: [UInt8]) -> Data {
            let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
            var file: [UInt8] = [0x93]
            file += Array("NUMPY".utf8)
            file += [1, 0, UInt8(text.utf8.count), 0]
            file += Array(text.utf8)
            return Data(file + bytes)
        }
        try npy("<f4", "(60, 12)", values.withUnsafeBytes { Array($0) }).write(
            to: URL(filePath: root + "/x.npy"))
        let labels = (0..<60).map { Int64($0 % 3) }
        try npy("<i8", "(60,)", labels.withUnsafeBytes { Array($0) }).write(
            to: URL(filePath: root + "/y.npy"))
    }

    /// The same batches and the same fingerprint from memory and from the file, and from a position that was saved.
    @Test func streamedBatchesAreTheSameBits() throws {
        try TemporaryFolder.with { root in
            try Self.arrays(root)
            func task(_ memory: Double) throws -> DataTask {
                try Self.task(root + "/x.npy", []) {
                    ($0.targets, $0.drop, $0.memory) = (root + "/y.npy", [], memory)
                }
            }
            let (held, streamed) = (try task(0), try task(0.001))
            #expect(!held.training.isStreamed && streamed.training.isStreamed)
            #expect(held.dataFingerprint == streamed.dataFingerprint)
            var (a, b) = (try held.makeBatches(seed: 5), try streamed.makeBatches(seed: 5))
            var saved = b.position
            for step in 0..<8 {
                if step == 5 { saved = b.position }
                let (x, y) = (try a.next(), try b.next())
                #expect(try x.inputs.scalars(as: Float.self) == y.inputs.scalars(as: Float.self))
                #expect(try x.targets.scalars(as: Int64.self) == y.targets.scalars(as: Int64.self))
            }
            var again = try streamed.makeBatches(seed: 9)
            try again.restore(saved)
            a = try held.makeBatches(seed: 5)
            for _ in 0..<5 { _ = try a.next() }
            #expect(
                try again.next().inputs.scalars(as: Float.self) == a.next().inputs.scalars(as: Float.self))
            #expect(throws: BatchError.self) {
                try again.restore(ShuffledIndices(seed: 0, count: 7, batch: 3))
            }
        }
    }

    @Test(arguments: [0, 0.001])
    func numbersThatAreNotFiniteAreNamed(_ memory: Double) throws {
        try TemporaryFolder.with { root in
            try Self.arrays(root, nan: true)
            let error = try #require(throws: DataError.self) {
                let task = try Self.task(root + "/x.npy", []) {
                    ($0.targets, $0.drop, $0.memory) = (root + "/y.npy", [], memory)
                }
                var batches = try task.makeBatches(seed: 0)
                for _ in 0..<4 { _ = try batches.next() }
                _ = try task.validationLoss(of: task.makeModel(seed: 0))
            }
            #expect(error.description.contains("x.npy holds NaN in row 13, column 4"), "\(error)")
        }
    }

    @Test(arguments: [
        (#"{"layers": [{"linear": [12, 5]}], "likelihood": "categorical"}"#, nil as String?),
        (
            #"{"layers": [{"linear": [12, 2]}], "likelihood": "categorical"}"#,
            "computes outputs of shape 2, where the 3 classes"
        ),
        (#"{"layers": [{"linear": [11, 3]}], "likelihood": "categorical"}"#, "does not take the inputs"),
        (
            #"{"layers": [{"linear": [12, 2]}], "likelihood": "gaussian"}"#,
            "computes 2 outputs, where gaussian"
        ),
        (
            #"{"layers": [{"embedding": [9, 2]}, "flatten", {"linear": [24, 3]}], "likelihood": "categorical"}"#,
            "begins with an embedding"
        ),
    ])
    func networksAreCheckedAgainstTheData(_ json: String, _ complaint: String?) throws {
        try TemporaryFolder.with { root in
            try Self.arrays(root)
            try Self.write(json, to: root + "/net.json")
            func make() throws -> DataTask {
                try Self.task(root + "/x.npy", []) {
                    ($0.targets, $0.drop, $0.model) = (root + "/y.npy", [], root + "/net.json")
                }
            }
            guard let complaint else {
                #expect(try make().specification.layers.count == 1)
                return
            }
            let error = try #require(throws: ConfigurationError.self) { _ = try make() }
            #expect("\(error)".contains(complaint), "\(error)")
        }
    }

    /// Weights to begin with are those of every seed; what they were is part of the fingerprint.
    @Test func weightsAreWhereARunBegins() throws {
        try TemporaryFolder.with { root in
            try Self.arrays(root)
            func make(_ weights: String) throws -> DataTask {
                try Self.task(root + "/x.npy", []) {
                    ($0.targets, $0.drop, $0.model, $0.weights) = (
                        root + "/y.npy", [], root + "/net.json", weights
                    )
                }
            }
            try Self.write(
                #"{"layers": [{"linear": [12, 3]}], "likelihood": "categorical"}"#, to: root + "/net.json")
            let plain = try make("")
            let model = try plain.makeModel(seed: 4)
            let sources = try model.parameters.map {
                try SafetensorsSource(name: "\($0.path)", tensor: $0.parameter.wrappedValue.detached())
            }
            try SafetensorsWriter(metadata: plain.modelMetadata).write(sources, to: root + "/w.safetensors")
            let begun = try make(root + "/w.safetensors")
            let first = try begun.makeModel(seed: 8).parameters[0].parameter.wrappedValue.scalars(
                as: Float.self)
            #expect(try first == model.parameters[0].parameter.wrappedValue.scalars(as: Float.self))
            #expect(begun.dataFingerprint != plain.dataFingerprint)
            // The same file describes the network too, and predicts.
            let described = try Self.task(root + "/x.npy", []) {
                ($0.targets, $0.drop, $0.model) = (root + "/y.npy", [], root + "/w.safetensors")
            }
            #expect(described.dataFingerprint == begun.dataFingerprint)
            let predictor = try DataPredictor(weights: root + "/w.safetensors")
            #expect(predictor.columns == ["sample", "class", "p(0)", "p(1)", "p(2)"])
            var rows: [[String]] = []
            try predictor.rows(of: root + "/x.npy", memory: 1 << 20) { rows.append($0) }
            #expect(rows.count == 60 && rows[59][0] == "59")
            let batch = try plain.training.batch(at: [0])
            let number = plain.training.indices[0]
            model.setTraining(false)
            let shares = try withoutGradients { model(batch.inputs).softmax(along: -1) }.scalars(
                as: Float.self)
            let found = rows[number][2...].compactMap { Float($0) }
            #expect(zip(shares, found).allSatisfy { abs($0 - $1) < 1e-6 } && found.count == 3)
        }
    }
}
