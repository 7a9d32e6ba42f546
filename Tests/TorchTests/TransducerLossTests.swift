import Foundation
import Testing

@testable import Torch

/// The transducer's fused loss against the sum over all alignments, and its gradient against finite differences.
@Suite struct TransducerLossTests {
    /// Utterances, their labels and their frames, in logits with padding.
    struct Case: CustomTestStringConvertible, Sendable {
        let labels: [[Int]]
        let frames: [Int]
        var classes = 4
        var padding = 0
        var testDescription: String { "\(labels) in \(frames), \(classes) classes, padding \(padding)" }

        var shape: [Int] {
            [
                labels.count, (frames.max() ?? 0) + padding, (labels.map(\.count).max() ?? 0) + 1 + padding,
                classes,
            ]
        }

        func logits(_ dtype: DType = .float64, scale: Double = 2) throws -> Tensor {
            try (Tensor.normal(shape, dtype: .float64, using: RandomGenerator(seed: 5)) * scale).to(
                dtype: dtype
            )
            .requiringGradient()
        }

        func loss(_ logits: Tensor, _ set: InstructionSet = .baseline, overwriting: Bool = false) -> Tensor {
            logits.transducerLoss(labels: labels, frameCounts: frames, overwriting: overwriting, with: set)
        }
    }

    static let cases = [
        Case(labels: [[1]], frames: [1]),
        Case(labels: [[]], frames: [1]),
        Case(labels: [[]], frames: [3]),
        Case(labels: [[2, 2, 1]], frames: [1]),
        Case(labels: [[1, 3, 2]], frames: [4]),
        Case(labels: [[3, 1], [], [2]], frames: [3, 2, 4]),
        Case(labels: [[3, 1], [], [2]], frames: [3, 2, 4], padding: 2),
        Case(labels: [[1, 2], [5]], frames: [2, 3], classes: 37),
        Case(labels: [[20, 1]], frames: [2], classes: 32),
    ]

    /// -log of the sum over all paths of one utterance's nodes, in float64: each step by itself.
    static func summed(_ logits: [[[Double]]], _ labels: [Int], frames: Int) -> Double {
        let steps = logits.map { row in
            row.map { node in
                let top = node.max() ?? 0
                let divisor = top + log(node.reduce(0) { $0 + exp($1 - top) })
                return node.map { $0 - divisor }
            }
        }
        var total = 0.0
        func walk(_ frame: Int, _ position: Int, _ score: Double) {
            let node = steps[frame][position]
            if position < labels.count { walk(frame, position + 1, score + node[labels[position]]) }
            if frame + 1 < frames { walk(frame + 1, position, score + node[0]) }
            if frame + 1 == frames, position == labels.count { total += exp(score + node[0]) }
        }
        walk(0, 0, 0)
        return -log(total)
    }

    static func nodes(_ logits: Tensor) throws -> [[[Double]]] {
        let (all, shape) = (try logits.detached().contiguous().scalars(as: Double.self), logits.shape)
        return (0..<shape[0]).map { t in
            (0..<shape[1]).map { u in
                (0..<shape[2]).map { all[(t * shape[1] + u) * shape[2] + $0] }
            }
        }
    }

    @Test(arguments: cases)
    func valuesAreSumsOverAllAlignments(_ test: Case) throws {
        let logits = try test.logits()
        let expected = try test.labels.indices.map {
            Self.summed(try Self.nodes(logits.selecting(0, $0)), test.labels[$0], frames: test.frames[$0])
        }
        let composed = try withSecondDerivatives { try test.loss(logits).scalars(as: Double.self) }
        for (a, b) in zip(composed, expected) { #expect(abs(a - b) <= 1e-12 * max(1, b)) }
        for set in InstructionSet.supported {
            let found = try test.loss(logits, set).scalars(as: Double.self)
            for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-12 * max(1, b), "\(set)") }
            let single = try test.loss(logits.to(dtype: .float32), set).scalars(as: Double.self)
            for (a, b) in zip(single, expected) { #expect(abs(a - b) <= 2e-6 * max(1, b), "\(set)") }
        }
    }

    @Test(arguments: cases)
    func gradientsAreThoseOfTheComposedLossAndOfDifferences(_ test: Case) throws {
        let logits = try test.logits()
        let weights = Tensor((0..<test.labels.count).map { 1 + Double($0) / 2 })
        let reference = try #require(
            try withSecondDerivatives {
                try gradients(of: (test.loss(logits) * weights).sum(), withRespectTo: [logits])[0]
            })
        for set in InstructionSet.supported {
            let loss = (test.loss(logits, set) * weights).sum()
            let found = try #require(try gradients(of: loss, withRespectTo: [logits])[0])
            #expect(try (found - reference).largestMagnitude() < 1e-12, "\(set)")
            let single = try test.logits(.float32)
            let rounded = try #require(
                try gradients(
                    of: (test.loss(single, set) * weights.to(dtype: .float32)).sum(), withRespectTo: [single])[
                        0])
            #expect(try (rounded.to(dtype: .float64) - reference).largestMagnitude() < 2e-6, "\(set)")
        }
        guard test.classes < 10 else { return }
        let values = try logits.scalars(as: Double.self)
        let step = 1e-5
        func loss(_ place: Int, _ change: Double) throws -> Double {
            var moved = values
            moved[place] += change
            return try (test.loss(Tensor(moved, shape: test.shape)) * weights).sum().item()
        }
        let slopes = try reference.scalars(as: Double.self)
        for place in values.indices {
            let slope = (try loss(place, step) - (try loss(place, -step))) / (2 * step)
            #expect(abs(slope - slopes[place]) < 1e-8)
        }
    }

    @Test func hugeAndImpossibleLogitsKeepTheirMeaning() throws {
        let test = Case(labels: [[1]], frames: [2])
        var values = try test.logits().scalars(as: Double.self)
        // The third class is impossible at one node, another node is certain, and a third one is far from zero.
        values[2] = -.infinity
        values[4] = 1e4
        for k in 8..<12 { values[k] += 3e4 }
        let logits = try Tensor(values, shape: test.shape).requiringGradient()
        let expected = Self.summed(try Self.nodes(logits.selecting(0, 0)), [1], frames: 2)
        for set in InstructionSet.supported {
            for dtype in [DType.float64, .float32] {
                let own = try logits.detached().to(dtype: dtype).requiringGradient()
                let loss = test.loss(own, set)
                #expect(abs(try loss.item() - expected) < (dtype == .float64 ? 1e-9 : 0.01))
                let slope = try #require(try gradients(of: loss.sum(), withRespectTo: [own])[0])
                #expect(try slope.nonFiniteElement() == nil)
                #expect(try slope.scalars(as: Double.self)[2] == 0)
            }
        }
        // A label that is nowhere possible has an infinite loss, and what is no number gives none.
        for (value, isExpected) in [
            (-Double.infinity, { $0 == .infinity } as (Double) -> Bool), (.nan, \.isNaN),
        ] {
            for place in stride(from: 1, to: values.count, by: 4) { values[place] = value }
            let lost = Tensor(values, shape: test.shape)
            for set in InstructionSet.supported {
                #expect(isExpected(try test.loss(lost, set).item()))
                #expect(isExpected(try test.loss(lost.to(dtype: .float32), set).item()))
            }
        }
    }

    @Test func anUtteranceWithoutFramesHasNoLabels() throws {
        let test = Case(labels: [[], [1]], frames: [0, 2])
        let logits = try test.logits()
        for isComposed in [false, true] {
            let loss = isComposed ? withSecondDerivatives { test.loss(logits) } : test.loss(logits)
            #expect(try loss.scalars(as: Double.self)[0] == 0)
            let slope = try #require(try gradients(of: loss.sum(), withRespectTo: [logits])[0])
            #expect(try slope.selecting(0, 0).largestMagnitude() == 0)
        }
        let lost = Case(labels: [[1], [1]], frames: [0, 2])
        #expect(try lost.loss(logits).scalars(as: Double.self)[0] == .infinity)
        #expect(try withSecondDerivatives { try lost.loss(logits).scalars(as: Double.self)[0] } == .infinity)
        #expect(Tensor.zeros([0, 3, 2, 4]).transducerLoss(labels: [], frameCounts: []).shape == [0])
    }

    private func address(_ tensor: Tensor) -> UInt {
        tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test(arguments: [DType.float32, .float64])
    func theGradientTakesTheLogitsMemory(_ dtype: DType) throws {
        let test = Case(labels: [[1, 2], [3]], frames: [3, 2])
        let x = try test.logits(dtype)
        let expected = try #require(try gradients(of: test.loss(x).sum(), withRespectTo: [x])[0])
        let logits = x * 1
        let found = try #require(
            try gradients(of: test.loss(logits, overwriting: true).sum(), withRespectTo: [logits])[0])
        #expect(address(found) == address(logits))
        #expect(try (found - expected).largestMagnitude() == 0)

        // Not where the graph is kept, nor over a leaf.
        let kept = x * 1
        let loss = test.loss(kept, overwriting: true).sum()
        for keeps in [true, true, false] {
            let again = try #require(try gradients(of: loss, withRespectTo: [x], keepGraph: keeps)[0])
            #expect(try (again - expected).largestMagnitude() == 0)
        }
        #expect(throws: TorchError.self) { try gradients(of: loss, withRespectTo: [x]) }
        let before = try x.scalars(as: Double.self)
        _ = try gradients(of: test.loss(x, overwriting: true).sum(), withRespectTo: [x])
        #expect(try x.scalars(as: Double.self) == before)
    }

    /// The peak of memory of a forward and a backward pass over the size of the logits. Run it alone:
    ///
    ///     FISHER_MEASURE=1 swift test --filter thePeakOfMemoryIsThatOfTheLogits
    @Test(.enabled(if: ProcessInfo.processInfo.environment["FISHER_MEASURE"] != nil))
    func thePeakOfMemoryIsThatOfTheLogits() throws {
        func status(_ name: String) throws -> Double {
            let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + ":") })
            return 1024 * (try #require(Double(line.split(whereSeparator: \.isWhitespace)[1])))
        }
        let (frames, labels, classes) = (200, 40, 1000)
        let weight = try Tensor.normal([classes, 4], using: RandomGenerator(seed: 1)).requiringGradient()
        let symbols = Array(repeating: (0..<labels).map { 1 + $0 * 7 % (classes - 1) }, count: 4)
        for overwriting in [true, false] {
            let hidden = Tensor.normal(
                [4, frames, labels + 1, 4], using: try RandomGenerator(seed: 2))
            try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
            let before = try status("VmRSS")
            let loss = hidden.linear(weight: weight).transducerLoss(
                labels: symbols, frameCounts: Array(repeating: frames, count: 4), overwriting: overwriting)
            _ = try gradients(of: loss.sum(), withRespectTo: [weight])
            let size = Double(4 * frames * (labels + 1) * classes * 4)
            print(
                "overwriting \(overwriting): peak \(((try status("VmHWM")) - before) / size) of the logits' "
                    + "\(Int(size / 1e6)) MB")
        }
    }

    /// Whoever overwrites logits that something else needs gets an error, never a wrong gradient.
    @Test func logitsThatAreStillNeededAreNotLostSilently() throws {
        let test = Case(labels: [[1, 2]], frames: [3])
        let x = try test.logits()
        let logits = x.exp()
        let error = #expect(throws: TorchError.self) {
            try gradients(of: test.loss(logits, overwriting: true).sum(), withRespectTo: [x])
        }
        #expect(error?.message.contains("modified by an inplace operation") == true)

        let changed = x * 1
        let loss = test.loss(changed).sum()
        try withoutGradients { try changed.assign(x.detached() * 2) }
        let late = #expect(throws: TorchError.self) { try gradients(of: loss, withRespectTo: [x]) }
        #expect(late?.message.contains("changed before its backward pass") == true)
    }

    @Test func onlyTheComposedLossHasSecondDerivatives() throws {
        let test = Case(labels: [[1, 2]], frames: [2])
        let logits = try test.logits()
        let error = #expect(throws: TorchError.self) {
            try gradients(of: test.loss(logits).sum(), withRespectTo: [logits], createGraph: true)
        }
        #expect(error?.message.contains("no second derivatives") == true)
        let slope = try #require(
            try withSecondDerivatives {
                try gradients(of: test.loss(logits).sum(), withRespectTo: [logits], createGraph: true)[0]
            })
        let direction = Tensor.normal(test.shape, dtype: .float64, using: try RandomGenerator(seed: 2))
        let product = try #require(
            try gradients(of: (slope * direction).sum(), withRespectTo: [logits])[0])
        func slopes(_ step: Double) throws -> Tensor {
            let moved = try (logits.detached() + direction * step).requiringGradient()
            return try #require(try gradients(of: test.loss(moved).sum(), withRespectTo: [moved])[0])
        }
        let differences = (try slopes(1e-5) - (try slopes(-1e-5))) / 2e-5
        #expect(try (product - differences).largestMagnitude() < 1e-8)
    }

    @Test(
        arguments: [([[1, 2], [], [3]], [4, 2, 3]), ([[2, 2, 2]], [5]), ([[]], [1])] as [([[Int]], [Int])])
    func theComposedTemporalLossIsTheEngines(_ labels: [[Int]], _ frames: [Int]) throws {
        let logits = try Tensor.normal(
            [labels.count, frames.max() ?? 0, 4], dtype: .float64, using: RandomGenerator(seed: 3)
        ).requiringGradient()
        func both(_ loss: Tensor) throws -> (Tensor, Tensor) {
            (loss, try #require(try gradients(of: loss.sum(), withRespectTo: [logits])[0]))
        }
        let engine = try both(logits.connectionistTemporalLoss(labels: labels, frameCounts: frames))
        let composed = try withSecondDerivatives {
            try both(logits.connectionistTemporalLoss(labels: labels, frameCounts: frames))
        }
        #expect(try (engine.0 - composed.0).largestMagnitude() < 1e-12)
        #expect(try (engine.1 - composed.1).largestMagnitude() < 1e-12)
    }
}
