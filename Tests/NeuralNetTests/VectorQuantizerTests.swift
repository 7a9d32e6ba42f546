import Foundation
import NeuralNet
import TestSupport
import Testing
import Torch

/// The codebook: what it gives, what its gradients are, and when it moves.
@Suite struct VectorQuantizerTests {
    static func make(
        _ learning: VectorQuantizer.Learning, restartAfter: Int = 0, seed: UInt64 = 1
    ) throws -> VectorQuantizer {
        VectorQuantizer(
            codes: 4, width: 3, learning: learning, decay: 0.9, restartAfter: restartAfter, dtype: .float64,
            using: try RandomGenerator(seed: seed))
    }

    static func vectors(_ shape: [Int], seed: UInt64 = 2, mean: Double = 0) throws -> Tensor {
        .normal(shape, mean: mean, dtype: .float64, using: try RandomGenerator(seed: seed))
    }

    /// The state of a codebook as numbers.
    static func state(_ quantizer: VectorQuantizer) throws -> [[Double]] {
        try quantizer.parameters.map { try $0.parameter.wrappedValue.detached().scalars(as: Double.self) }
    }

    @Test func theNearestCodeIsChosenAndSeenToTheBit() throws {
        let quantizer = try Self.make(.gradient)
        let vectors = try Self.vectors([5, 2, 3])
        let made = quantizer(vectors)
        #expect(made.codes.shape == [5, 2] && made.output.shape == [5, 2, 3])
        let (z, book) = (
            try vectors.scalars(as: Double.self), try quantizer.codebook.scalars(as: Double.self)
        )
        let codes = try made.codes.scalars(as: Int64.self)
        var distance = 0.0
        for n in 0..<10 {
            let all = (0..<4).map { k in
                (0..<3).reduce(0.0) {
                    $0 + (z[3 * n + $1] - book[3 * k + $1]) * (z[3 * n + $1] - book[3 * k + $1])
                }
            }
            #expect(Int(codes[n]) == all.indices.min { all[$0] < all[$1] })
            distance += all.min()!
        }
        let seen = try quantizer.vectors(of: made.codes).scalars(as: Double.self)
        #expect(try made.output.scalars(as: Double.self) == seen)
        #expect(abs(try made.commitment.item() - distance / 30) < 1e-12)
        #expect(try made.codebookLoss!.item() == made.commitment.item())
    }

    @Test func eachTermHasItsOwnGradient() throws {
        let quantizer = try Self.make(.gradient)
        let vectors = try Self.vectors([6, 3])
        try vectors.requiringGradient(true)
        let made = quantizer(vectors)
        let weights = try Self.vectors([6, 3], seed: 7)
        func slopes(_ value: Tensor) throws -> [Tensor?] {
            try gradients(of: value, withRespectTo: [vectors, quantizer.codebook], keepGraph: true)
        }
        // Straight through: the decoder's gradient at the code, unchanged; none for the codebook.
        let through = try slopes((made.output * weights).sum())
        #expect(try through[0]!.scalars(as: Double.self) == weights.scalars(as: Double.self))
        #expect(through[1] == nil)
        let difference = (vectors.detached() - made.output.detached()) * (2.0 / 18)
        let committed = try slopes(made.commitment)
        #expect(try (committed[0]! - difference).norm().item() < 1e-15)
        #expect(committed[1] == nil)
        let learned = try slopes(made.codebookLoss!)
        #expect(learned[0] == nil)
        let expected = Tensor.zeros(like: quantizer.codebook.detached()).addingRows(
            -difference, at: made.codes)
        #expect(try (learned[1]! - expected).norm().item() < 1e-15)
        #expect(try Self.make(.average)(vectors).codebookLoss == nil)
    }

    /// Two steps against sums written out.
    @Test func averagesAreThoseOfTheVectorsThatChoseEachCode() throws {
        let quantizer = try Self.make(.average)
        var (counts, sums) = (
            [Double](repeating: 1, count: 4), try quantizer.codebook.scalars(as: Double.self)
        )
        for step in 0..<2 {
            let vectors = try Self.vectors([7, 3], seed: UInt64(10 + step))
            quantizer.beginStep(units: 7)
            let codes = try quantizer(vectors).codes.scalars(as: Int64.self).map(Int.init)
            try quantizer.endStep()
            let z = try vectors.scalars(as: Double.self)
            for k in 0..<4 {
                let own = codes.indices.filter { codes[$0] == k }
                counts[k] = 0.9 * counts[k] + 0.1 * Double(own.count)
                for d in 0..<3 {
                    sums[3 * k + d] = 0.9 * sums[3 * k + d] + 0.1 * own.reduce(0) { $0 + z[3 * $1 + d] }
                }
            }
            let total = counts.reduce(0, +)
            let found = try quantizer.codebook.scalars(as: Double.self)
            for k in 0..<12 {
                let smooth = (counts[k / 3] + 1e-5) / (total + 4e-5) * total
                #expect(abs(found[k] - sums[k] / smooth) < 1e-12)
            }
        }
        #expect(try quantizer.steps.wrappedValue.item() == 2)
    }

    /// Micro-batches and a second evaluation make the same step, to the rounding of sums in another order.
    @Test func aStepIsCountedOnce() throws {
        let vectors = try Self.vectors([8, 2, 3])
        let whole = try Self.make(.average, restartAfter: 1)
        whole.beginStep(units: 8)
        _ = whole(vectors)
        try whole.endStep()

        let sliced = try Self.make(.average, restartAfter: 1)
        sliced.beginStep(units: 8)
        for first in [0, 3, 6] { _ = sliced(vectors.narrowed(0, from: first, length: min(3, 8 - first))) }
        _ = sliced(try Self.vectors([8, 2, 3], seed: 99))
        _ = sliced(try Self.vectors([2, 2, 3], seed: 98))
        try sliced.endStep()
        for (a, b) in zip(try Self.state(whole), try Self.state(sliced)) {
            for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-14) }
        }
    }

    /// The state of a codebook after some steps, each on vectors around another mean, so that most codes are dead.
    private static func trained(
        _ learning: VectorQuantizer.Learning, with processes: ProcessGroup?,
        spoiling spoiled: (rank: Int, step: Int) = (-1, -1)
    ) throws -> [[Double]] {
        let quantizer = try make(learning, restartAfter: 1)
        let (rank, size) = (processes?.rank ?? 0, processes?.size ?? 1)
        let own = 7 * rank / size..<7 * (rank + 1) / size
        for step in 0..<5 {
            let all = try vectors([7, 2, 3], seed: UInt64(step), mean: 9 * Double(step))
            let part = all.narrowed(0, from: own.lowerBound, length: own.count)
            quantizer.beginStep(units: own.count)
            _ = quantizer(spoiled == (rank, step) ? part * .infinity : part)
            try quantizer.endStep(sharedBy: processes)
        }
        return try state(quantizer)
    }

    /// Processes that quantize parts of a batch have the codebook of one that quantizes all of it, restarts among it.
    @Test(arguments: VectorQuantizer.Learning.allCases, [2, 3])
    func processesMoveOneCodebook(_ learning: VectorQuantizer.Learning, _ size: Int) throws {
        let alone = try Self.trained(learning, with: nil)
        let ranks = try Ranks.run(size) { try Self.trained(learning, with: $0) }
        for found in ranks { #expect(found == ranks[0]) }
        for (a, b) in zip(ranks[0], alone) {
            for (x, y) in zip(a, b) { #expect(abs(x - y) <= 1e-12 * max(abs(y), 1)) }
        }
    }

    /// A number that is not finite on one process keeps the codebooks of all as they are for that step.
    @Test func oneProcessSpoilsTheStepOfAll() throws {
        let ranks = try Ranks.run(2) { try Self.trained(.average, with: $0, spoiling: (1, 4)) }
        let others = try Ranks.run(2) { try Self.trained(.average, with: $0) }
        for found in ranks {
            #expect(found == ranks[0] && found != others[0])
            #expect(found.joined().allSatisfy { $0.isFinite })
        }
    }

    @Test(arguments: ["no step", "evaluation", "not finite", "ended twice"])
    func otherwiseNothingMoves(_ circumstance: String) throws {
        let quantizer = try Self.make(.average, restartAfter: 1)
        if circumstance == "ended twice" {
            quantizer.beginStep(units: 4)
            _ = quantizer(try Self.vectors([4, 3]))
            try quantizer.endStep()
        }
        let before = try Self.state(quantizer)
        if circumstance == "evaluation" { quantizer.isTraining = false }
        if circumstance == "evaluation" || circumstance == "not finite" { quantizer.beginStep(units: 4) }
        let scale = circumstance == "not finite" ? Double.infinity : 1
        _ = quantizer(try Self.vectors([4, 3], seed: 5) * scale)
        if circumstance != "no step" { try quantizer.endStep() }
        #expect(try Self.state(quantizer) == before)
    }

    /// A code that nothing chooses is put among the vectors, at the same place after its state was saved and loaded.
    @Test(arguments: VectorQuantizer.Learning.allCases)
    func deadCodesRestart(_ learning: VectorQuantizer.Learning) throws {
        let quantizer = try Self.make(learning, restartAfter: 2)
        try quantizer.$codebook.assign(
            Tensor([0, 0, 0, 50, 0, 0, 0, 50, 0, 0, 0, 50] as [Double], shape: [4, 3]))
        try quantizer.idle.assign(.zeros([4], dtype: .float64))
        if let sums = quantizer.sums { try sums.assign(quantizer.codebook.detached()) }
        func step(_ quantizer: VectorQuantizer, _ seed: UInt64) throws {
            quantizer.beginStep(units: 9)
            _ = quantizer(try Self.vectors([9, 3], seed: seed))
            try quantizer.endStep()
        }
        try step(quantizer, 20)
        #expect(try quantizer.idle.wrappedValue.scalars(as: Double.self) == [0, 1, 1, 1])
        let copy = try Self.make(learning, restartAfter: 2, seed: 8)
        try copy.load(quantizer.weights)
        try step(quantizer, 21)
        try step(copy, 21)
        #expect(try Self.state(copy) == Self.state(quantizer))
        #expect(try quantizer.idle.wrappedValue.scalars(as: Double.self) == [0, 0, 0, 0])
        let batch = try Self.vectors([9, 3], seed: 21).scalars(as: Double.self)
        let book = try quantizer.codebook.scalars(as: Double.self)
        for code in 1..<4 {
            let own = Array(book[3 * code..<3 * code + 3])
            #expect((0..<9).contains { Array(batch[3 * $0..<3 * $0 + 3]) == own })
        }
    }
}
