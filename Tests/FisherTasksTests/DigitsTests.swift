import Fisher
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// The images, how they are divided and drawn, and the task made of them.
@Suite struct DigitsTests {
    @Test func theDataAreWhole() throws {
        #expect(Digits.all.count == 1797)
        let counts = (0..<10).map { figure in Digits.all.labels.filter { $0 == figure }.count }
        #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
        let images = Digits.all.images
        #expect(images.shape == [1797, 64] && images.dtype == .float32)
        #expect(try images.min().item() == 0 && images.max().item() == 1)
        // Sums over all shades as scikit-learn's copy has them: of everything, and of the first image.
        #expect(Digits.all.shades.reduce(0) { $0 + Int($1) } == 561_718)
        #expect(Digits.all.shades.prefix(64).reduce(0) { $0 + Int($1) } == 294)
        #expect(try Digits.all.targets.scalars(as: Int64.self).prefix(4) == [0, 1, 2, 3])
    }

    /// The name that a comparison's folder has before the task is made is that of its summary.
    @Test func theNameIsKnownBeforehand() throws {
        var options = DigitsOptions()
        options.network = .lstm
        #expect(try DigitsTask(options).summary.name == DigitsTask.name(with: options))
    }

    @Test(arguments: [0.1, 0.25, 0.5], [0, 7] as [UInt64])
    func sidesAreDisjointAndWhole(_ share: Double, _ seed: UInt64) throws {
        let (training, test) = try Digits.all.split(test: share, seed: seed)
        #expect(training.count + test.count == 1797)
        func multiset(_ digits: Digits) -> [[UInt8]] {
            (0..<digits.count).map {
                Array(digits.shades[$0 * 64..<($0 + 1) * 64]) + [UInt8(digits.labels[$0])]
            }
        }
        // No image is on both sides, and together they are all: the images differ from each other.
        let all = Set(multiset(.all))
        #expect(all.count == 1797)
        let (a, b) = (Set(multiset(training)), Set(multiset(test)))
        #expect(a.isDisjoint(with: b) && a.union(b) == all)
        for figure in 0..<10 {
            let members = Digits.all.labels.filter { $0 == figure }.count
            let held = test.labels.filter { $0 == figure }.count
            #expect(held == Int((share * Double(members)).rounded()))
        }
        let again = try Digits.all.split(test: share, seed: seed)
        #expect(again.test.fingerprint == test.fingerprint)
        let other = try Digits.all.split(test: share, seed: seed + 1)
        #expect(other.test.fingerprint != test.fingerprint)
    }

    /// What a finished run is judged by and what its page shows.
    @Test func classifiersHaveAnAccuracyAndAutoencodersReconstructions() throws {
        func conclusion(_ network: DigitsNetwork) throws -> ([TaskMeasure], [TaskExhibit], Double?) {
            let (training, test) = try Digits.all.split(test: 0.1)
            let task = try DigitsTask(network, training: training, test: test, batch: 8)
            let model = try task.makeModel(seed: 0)
            return try withoutGradients {
                (try task.measures(of: model), try task.exhibits(of: model), try task.accuracy(of: model))
            }
        }
        let (measures, nothing, accuracy) = try conclusion(.perceptron)
        let measure = try #require(measures.first)
        let share = try #require(accuracy)
        #expect(measure.name == "accuracy" && abs(measure.value - 100 * share) < 1e-9)
        let (lower, upper) = (try #require(measure.lower), try #require(measure.upper))
        #expect(lower < measure.value && measure.value < upper && measures.count == 1 && nothing.isEmpty)
        let (none, exhibits, _) = try conclusion(.autoencoder)
        guard case .pictures(let grid)? = exhibits.first else { throw TorchError(message: "no pictures") }
        #expect(none.isEmpty && grid.rows.map(\.count) == [10, 10])
        let test = try Digits.all.split(test: 0.1).test
        #expect(
            grid.rows[0][3].bytes == test.shades[192..<256].map { UInt8((255 * Double($0) / 16).rounded()) })
    }

    @Test func mistakesAreTyped() throws {
        for share in [0, 1, -0.5, 0.001, 0.999, .nan] {
            #expect(throws: DigitsError.self) { try Digits.all.split(test: share) }
        }
        #expect(throws: DigitsError.badBatch(size: 0, count: 1797)) {
            try DigitsTask(.cnn, training: .all, test: .all, batch: 0)
        }
        #expect(throws: DigitsError.badBatch(size: 1798, count: 1797)) {
            try DigitsTask(.cnn, training: .all, test: .all, batch: 1798)
        }
        let good = String(repeating: "q", count: 64) + "3\n"
        let one = try Digits(text: Array(good.utf8))
        #expect(one.labels == [3] && one.shades.allSatisfy { $0 == 16 })
        for bad in [good + "a5\n", good + String(repeating: "r", count: 64) + "1\n"] {
            #expect(throws: DigitsError.self) { try Digits(text: Array(bad.utf8)) }
        }
        #expect(throws: DigitsError.malformed(line: 1, reason: "is missing")) { try Digits(text: []) }
    }

    @Test func permutationsMovePixelsOnly() throws {
        let moved = Digits.all.permuted(seed: 3)
        #expect(moved.labels == Digits.all.labels)
        #expect(moved.fingerprint != Digits.all.fingerprint)
        // Each pixel's column is a column of the original, and all of them occur.
        func columns(_ digits: Digits) -> Set<[UInt8]> {
            Set((0..<64).map { pixel in (0..<200).map { digits.shades[$0 * 64 + pixel] } })
        }
        #expect(columns(moved) == columns(.all))
        #expect(Digits.all.permuted(seed: 3).fingerprint == moved.fingerprint)
    }

    @Test(arguments: DigitsNetwork.allCases)
    func networksLearn(_ network: DigitsNetwork) throws {
        let (training, test) = try Digits.all.split()
        let task = try DigitsTask(network, training: training, test: test, batch: 64)
        let counts: [DigitsNetwork: Int] = [
            .autoencoder: 37_896, .cnn: 6090, .perceptron: 2410, .lstm: 3514,
        ]
        #expect(task.summary.parameterCount == counts[network])
        let rate: Schedule = network == .lstm ? 2e-2 : 3e-3
        let candidate = OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: rate))
        func run() throws -> RunRecord {
            let session = try TrainingSession(task, candidate, seed: 0)
            try TrainingLoop(session, length: RunLength(steps: 60, evaluateEvery: 30))()
            return session.record(.completed)
        }
        let (record, again) = (try run(), try run())
        #expect(record.curve.map(\.validationLoss) == again.curve.map(\.validationLoss))
        let (first, last) = (record.curve[0].validationLoss!, record.finalValidationLoss!)
        #expect(last < 0.8 * first)
        if network != .autoencoder {
            #expect(last < 1)
        } else {
            // The entropy of the random rounding is the least that any model can reach.
            #expect(first > 40 && last > 13.5)
        }
        // What a checkpoint says of its network makes the network again.
        let json = try #require(task.modelMetadata["swift_fisher_network"])
        let specification = try NetworkSpecification(json: Data(json.utf8))
        let model = try task.makeModel(seed: 1)
        _ = try specification.makeNetwork(weights: model.weights)
    }
}
