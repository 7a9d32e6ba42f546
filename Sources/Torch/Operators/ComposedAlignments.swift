// The losses of sequences of labels made of single operations, whose gradients can be differentiated again: their cost is
// an operation for each frame, or each node of a lattice.

/// The logarithm of a probability that is as good as zero, but whose gradient is a number.
private let impossible = -1e30

extension Tensor {
    /// `connectionistTemporalLoss(labels:frameCounts:)`, whose arguments are checked.
    func composedTemporalLoss(labels: [[Int]], frameCounts: [Int]) -> Tensor {
        let (frames, classes) = (shape[1], shape[2])
        let states = 2 * (labels.lazy.map(\.count).max() ?? 0) + 1
        // A blank before, between and behind the labels.
        let extended = labels.map { own in
            (0..<states).map { $0 % 2 == 1 && $0 / 2 < own.count ? own[$0 / 2] : 0 }
        }
        func flags(_ isTrue: (_ utterance: [Int], _ state: Int) -> Bool) -> Tensor {
            Tensor(
                extended.flatMap { own in (0..<states).map { Int64(isTrue(own, $0) ? 1 : 0) } },
                shape: [labels.count, states]
            ).to(device: device).equals(1)
        }
        let cannotStart = flags { $1 > 1 }
        let cannotSkip = flags { own, state in
            state < 2 || own[state] == 0 || own[state] == own[state - 2]
        }
        var places: [Int64] = []
        for (number, own) in extended.enumerated() {
            for frame in 0..<frames {
                places += own.map { Int64((number * frames + frame) * classes + $0) }
            }
        }
        let scores = logSoftmax(along: -1).picked(places, [labels.count, frames, states])
        let edge = Tensor.full([labels.count, 2], impossible, dtype: dtype, device: device)
        var ways = [scores.selecting(1, 0).masked(cannotStart, with: impossible)]
        for frame in 1..<Swift.max(frames, 1) {
            let before = Tensor.concatenated([edge, ways[frame - 1]], along: 1)
            let (stays, steps, skips) = (
                ways[frame - 1], before.narrowed(1, from: 1, length: states),
                before.narrowed(1, from: 0, length: states).masked(cannotSkip, with: impossible)
            )
            ways.append(
                Tensor.stacked([stays, steps, skips]).logSumExp(along: 0) + scores.selecting(1, frame))
        }
        // An alignment ends in the last label or in the blank behind it.
        let ends = zip(labels, frameCounts).enumerated().flatMap { number, own in
            let start = (Swift.max(own.1, 1) - 1) * labels.count * states + number * states
            return [start + 2 * own.0.count, start + Swift.max(2 * own.0.count - 1, 0)].map { Int64($0) }
        }
        let last = Tensor.stacked(ways).picked(ends, [labels.count, 2])
        let single = labels.flatMap { [0, $0.isEmpty ? 1 : 0] }.map { Int64($0) }
        let dropped = Tensor(single, shape: [labels.count, 2]).to(device: device).equals(1)
        return withoutFrames(
            -last.masked(dropped, with: impossible).logSumExp(along: 1), labels, frameCounts)
    }

    /// `transducerLoss(labels:frameCounts:overwriting:)`, whose arguments are checked.
    func composedTransducerLoss(labels: [[Int]], frameCounts: [Int]) -> Tensor {
        let (frames, positions, classes) = (shape[1], shape[2], shape[3])
        let scores = logSoftmax(along: -1)
        var places: (blanks: [Int64], nexts: [Int64]) = ([], [])
        for (number, own) in labels.enumerated() {
            for node in 0..<frames * positions {
                let row = (number * frames * positions + node) * classes
                let position = node % positions
                places.blanks.append(Int64(row))
                places.nexts.append(Int64(row + (position < own.count ? own[position] : 0)))
            }
        }
        let size = [labels.count, frames * positions]
        let (blanks, nexts) = (scores.picked(places.blanks, size), scores.picked(places.nexts, size))
        var ways: [Tensor] = []
        for node in 0..<frames * positions {
            let down = node < positions ? nil : ways[node - positions] + blanks.selecting(1, node - positions)
            let right = node % positions == 0 ? nil : ways[node - 1] + nexts.selecting(1, node - 1)
            let found = [down, right].compactMap(\.self)
            ways.append(
                found.isEmpty
                    ? blanks.selecting(1, 0) * 0
                    : found.count == 1 ? found[0] : Tensor.stacked(found).logSumExp(along: 0))
        }
        let ends = zip(labels, frameCounts).enumerated().map { number, own in
            Int64(number * frames * positions + (Swift.max(own.1, 1) - 1) * positions + own.0.count)
        }
        let last =
            Tensor.stacked(ways, along: 1).picked(ends, [labels.count]) + blanks.picked(ends, [labels.count])
        return withoutFrames(-last, labels, frameCounts)
    }

    /// The elements at some places of this tensor in the order of its indices.
    private func picked(_ places: [Int64], _ shape: [Int]) -> Tensor {
        flattened().gathering(Tensor(places, shape: [places.count]).to(device: device), along: 0)
            .reshaped(shape)
    }

    /// Losses with those of utterances without frames: 0 without labels, infinite with any.
    private func withoutFrames(_ losses: Tensor, _ labels: [[Int]], _ frameCounts: [Int]) -> Tensor {
        func marked(_ isMarked: (Bool) -> Bool) -> Tensor {
            Tensor(
                zip(labels, frameCounts).map { Int64($1 == 0 && isMarked($0.isEmpty) ? 1 : 0) },
                shape: [labels.count]
            ).to(device: device).equals(1)
        }
        return frameCounts.contains(0)
            ? losses.masked(marked { $0 }, with: 0).masked(marked { !$0 }, with: .infinity) : losses
    }
}
