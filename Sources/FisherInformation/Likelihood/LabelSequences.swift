import Torch

/// What is observed of a batch of utterances: the labels of each, in order, of any number.
///
/// Class 0 is the blank, which is never a label.
public struct LabelSequences: Hashable, Sendable {
    /// The labels of each utterance, classes from 1 on; an utterance may have none.
    public let labels: [[Int]]
    /// Why labels could not be drawn; nil if they were.
    let failure: TorchError?

    /// Gathers the labels of some utterances.
    public init(_ labels: [[Int]]) {
        self.labels = labels
        failure = nil
    }

    /// Labels that could not be drawn: whatever is computed of them fails for the same reason.
    init(failed failure: TorchError) {
        labels = []
        self.failure = failure
    }

    /// The number of utterances.
    public var unitCount: Int { labels.count }

    /// The number of labels of the longest utterance; 0 if there is none.
    public var longest: Int { labels.lazy.map(\.count).max() ?? 0 }

    /// The utterances of a range.
    public func slice(_ range: Range<Int>) -> LabelSequences { LabelSequences(Array(labels[range])) }

    /// The labels as int64 rows [utterances, longest], filled up with the blank.
    public func padded(device: Device = .cpu) -> Tensor {
        let width = longest
        let rows = labels.flatMap { $0.map(Int64.init) + Array(repeating: 0, count: width - $0.count) }
        return Tensor(rows, shape: [labels.count, width]).to(device: device)
    }

    /// Why the labels do not belong to outputs of some utterances, frames and classes; nil if they do.
    func failure(utterances: Int, classes: Int) -> TorchError? {
        if let failure { return failure }
        guard labels.count == utterances else {
            return TorchError(
                message: "\(labels.count) label sequences cannot go with \(utterances) utterances")
        }
        for (number, own) in labels.enumerated() {
            if let wrong = own.first(where: { $0 < 1 || $0 >= classes }) {
                return TorchError(
                    message: "the label \(wrong) of utterance \(number) is none of the classes 1 to "
                        + "\(classes - 1); class 0 is the blank")
            }
        }
        return nil
    }
}

/// The true lengths of a batch of utterances whose outputs are padded to one number of frames.
struct FrameCounts {
    let counts: [Int]
    /// The number of frames with padding.
    let frames: Int

    /// Why some counts do not belong to outputs of a shape [utterances, frames, ...]; nil if they do.
    static func failure(_ counts: [Int], of shape: [Int]) -> TorchError? {
        guard shape.count > 2 else {
            return TorchError(message: "outputs of shape \(shape) are not [utterances, frames, ...]")
        }
        guard counts.count == shape[0] else {
            return TorchError(message: "\(counts.count) frame counts cannot go with \(shape[0]) utterances")
        }
        if let number = counts.firstIndex(where: { $0 < 0 || $0 > shape[1] }) {
            return TorchError(
                message: "utterance \(number) cannot have \(counts[number]) of \(shape[1]) frames")
        }
        return nil
    }

    /// Which frames are no padding, Booleans [utterances, frames]; nil if all are.
    func positions(on device: Device) -> Tensor? {
        if counts.allSatisfy({ $0 == frames }) { return nil }
        return counts.mask(width: frames, on: device)
    }
}

extension [Int] {
    /// Booleans [count, width]: whether an index is below the row's number.
    func mask(width: Int, on device: Device) -> Tensor {
        Tensor(flatMap { count in (0..<width).map { Int64($0 < count ? 1 : 0) } }, shape: [count, width])
            .to(device: device).equals(1)
    }
}
